"""An environment: what is there, the history of its deployments with a chart of them, and what its gates ask for."""

from collections.abc import Sequence

from aiohttp import web
from markupsafe import Markup

from bot.operations import environment_details
from bot.operations.deployment_histories import DeploymentLine
from bot.rules.ids import parse_row_id
from web import charts, words
from web.charts import Bar
from web.pages import deploying_acts
from web.pages import environment_acts as acts
from web.requests import PageRequest
from web.routes import Route

ENVIRONMENT = "/projects/{project:[^/]+}/environments/{environment:[^/]+}"
STATES = {"success": "good", "canceled": "idle", "pending": "run", "in_progress": "run", "canceling": "run"}
WORDS = {
    "success": "succeeded",
    "in_progress": "is under way",
    "pending": "was requested",
    "unknown": "has no known outcome",
}


async def show(page: PageRequest) -> web.StreamResponse:
    """Show an environment."""
    before = parse_row_id(page.query("before"))
    project, name = page.part("project"), page.part("environment")
    found = await environment_details.read(page.context, project, name, before=before)
    return await page.render(
        "environment.html",
        found=found,
        project=found.project,
        environment=found.environment,
        state=found.state,
        before=before,
        chart=_chart(found.charted),
    )


def _chart(history: Sequence[DeploymentLine]) -> Markup | None:
    """A chart of how long deployments took, oldest first; None if fewer than two have run."""
    ran = [line for line in reversed(history) if line.seconds is not None]
    if len(ran) < 2:
        return None
    durations = sorted(line.seconds or 0.0 for line in ran)
    failed = sum(line.status not in ("success", "canceled") for line in ran)
    title = (
        f"How long the last {words.counted(len(ran), 'deployment')} took, oldest first: half of them at most "
        f"{words.duration(durations[len(durations) // 2])}, the longest {words.duration(durations[-1])}; "
        f"{failed} did not succeed. The table below has each of them."
    )
    return charts.bars([_bar(line) for line in ran], title)


def _bar(line: DeploymentLine) -> Bar:
    seconds = line.seconds or 0.0
    text = f"{line.version} {WORDS.get(line.status, line.status)} after {words.duration(seconds)}"
    return Bar(seconds, STATES.get(line.status, "bad"), text)


ROUTES = (
    Route("GET", ENVIRONMENT, show),
    Route("POST", f"{ENVIRONMENT}/freeze", acts.freeze, "person", show),
    Route("POST", f"{ENVIRONMENT}/unfreeze", acts.unfreeze, "person", show),
    Route("POST", f"{ENVIRONMENT}/lock", acts.lock, "person", show),
    Route("POST", f"{ENVIRONMENT}/unlock", acts.unlock, "person", show),
    Route("GET", f"{ENVIRONMENT}/rollback", deploying_acts.plan_rollback, "person"),
    Route("POST", f"{ENVIRONMENT}/rollback", deploying_acts.roll_back, "person", deploying_acts.plan_rollback),
)
