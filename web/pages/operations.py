"""The service for its operators: jobs, dead letters, GitHub's limits, installations and alarms."""

from aiohttp import web

from bot.operations import dead_letters, service_state
from web.requests import PageRequest
from web.routes import Route


async def show(page: PageRequest) -> web.StreamResponse:
    """Show the state of the service."""
    return await page.render("operations.html", state=await service_state.read(page.context))


async def show_job(page: PageRequest) -> web.StreamResponse:
    """Show one job with its payload."""
    details = await service_state.read_job(page.context, page.row_id("job"))
    return await page.render("operations_job.html", details=details, job=details.job)


async def retry(page: PageRequest) -> web.StreamResponse:
    """Queue a dead letter again."""
    await dead_letters.retry(page.acting(), page.row_id("job"))
    return page.redirect("/operations")


async def discard(page: PageRequest) -> web.StreamResponse:
    """Mark a dead letter as done."""
    await dead_letters.discard(page.acting(), page.row_id("job"))
    return page.redirect("/operations")


JOB = "/operations/jobs/{job:[0-9]+}"
ROUTES = (
    Route("GET", "/operations", show, "operator"),
    Route("GET", JOB, show_job, "operator"),
    Route("POST", f"{JOB}/retry", retry, "operator", again=show_job),
    Route("POST", f"{JOB}/discard", discard, "operator", again=show_job),
)
