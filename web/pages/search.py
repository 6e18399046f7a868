"""The page of a search: every result says what it is, and where it is live."""

from aiohttp import web

from bot.errors import Refusal
from bot.operations import searches
from bot.operations.searches import Results
from web.requests import PageRequest
from web.routes import Route


async def show(page: PageRequest) -> web.StreamResponse:
    """Show what was found. One result is shown as several are: nobody is sent elsewhere."""
    text, problem, found = page.query("q"), None, Results()
    try:
        found = await searches.find(page.context, text)
    except Refusal as refusal:
        problem = refusal
    return await page.render("search.html", 200 if problem is None else 400, text=text, found=found, problem=problem)


ROUTES = (Route("GET", "/search", show),)
