"""What `longshore check` says, as a page for operators."""

from aiohttp import web

from bot.operations import self_checks
from web.requests import PageRequest
from web.routes import Route


async def show(page: PageRequest) -> web.StreamResponse:
    """Perform all checks now, and show what was found."""
    lines = await self_checks.examine(page.context, page.runtime.facts())
    counts = {state: sum(line.state == state for line in lines) for state in ("failure", "warning", "ok")}
    return await page.render("operations_check.html", lines=lines, counts=counts)


ROUTES = (Route("GET", "/operations/check", show, "operator"),)
