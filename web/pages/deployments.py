"""A deployment while it runs and afterwards: its times, its run's jobs, the gates as they stood, who approved it."""

from aiohttp import web

from bot.operations import deployment_details, deployments
from bot.rules.ids import DeploymentId
from bot.rules.run_jobs import state_of, words_of
from web.requests import PageRequest
from web.routes import Route

DEPLOYMENT = "/deployments/{deployment}"


async def show(page: PageRequest) -> web.StreamResponse:
    """Show a deployment."""
    found = await deployment_details.show(page.context, _id(page))
    return await page.render(
        "deployment.html",
        found=found,
        project=found.project,
        deployment=found.deployment,
        state_of=state_of,
        words_of=words_of,
    )


async def cancel(page: PageRequest) -> web.StreamResponse:
    """Cancel a deployment that waits or is under way."""
    project, environment = await deployment_details.place(page.context, _id(page))
    await deployments.cancel(page.acting(), project, environment, _id(page))
    return page.redirect("/deployments", _id(page))


def _id(page: PageRequest) -> DeploymentId:
    return DeploymentId(page.row_id("deployment"))


ROUTES = (
    Route("GET", DEPLOYMENT, show),
    Route("POST", f"{DEPLOYMENT}/cancel", cancel, "person", show),
)
