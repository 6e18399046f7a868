"""A candidate: its build, the gates towards each environment, its deployments, and what it would bring."""

from aiohttp import web

from bot.operations import candidate_details
from bot.rules.versions import CandidateVersion, parse_candidate_version
from web.pages import candidate_acts as acts
from web.pages import deploying_acts
from web.requests import PageRequest
from web.routes import Route

CANDIDATE = "/projects/{project:[^/]+}/candidates/{candidate:[^/]+}"
ACTS = {
    "approve": acts.approve,
    "withdraw": acts.withdraw,
    "hold": acts.hold,
    "unhold": acts.unhold,
    "ban": acts.ban,
    "unban": acts.unban,
    "cancel": acts.cancel,
    "rebuild": acts.rebuild,
}


async def show(page: PageRequest) -> web.StreamResponse:
    """Show a candidate. `since` in the query names the environment with whose live candidate it is compared."""
    version = _version(page)
    since = page.query("since")
    found = await candidate_details.read(page.context, page.part("project"), version, since=since)
    return await page.render(
        "candidate.html",
        found=found,
        project=found.project,
        candidate=found.candidate,
        since=since,
        own=[
            path.environment.name
            for path in found.paths
            for approval in path.approvals
            if approval.user_id == page.context.actor.user_id
        ],
    )


def _version(page: PageRequest) -> CandidateVersion:
    return parse_candidate_version(page.part("candidate"))


ROUTES = (
    Route("GET", CANDIDATE, show),
    *(Route("POST", f"{CANDIDATE}/{name}", act, "person", show) for name, act in ACTS.items()),
    Route("GET", f"{CANDIDATE}/deploy", deploying_acts.plan_deployment, "person"),
    Route("POST", f"{CANDIDATE}/deploy", deploying_acts.deploy, "person", deploying_acts.plan_deployment),
    Route("GET", f"{CANDIDATE}/promote", deploying_acts.promote, "person"),
)
