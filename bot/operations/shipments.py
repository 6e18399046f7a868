"""What a deployment would bring: the commits between what is live on an environment and a candidate."""

from bot.context import Context, allowed
from bot.errors import DatabaseUnavailable, Problem
from bot.operations import candidates, environments
from bot.rules.deployment_replies import Shipment
from bot.rules.versions import CandidateVersion
from bot.store.candidates import Candidate
from bot.store.deployments import live_deployment
from bot.store.projects import Project

MAX_COMMITS = 20
UNCOMPARED = "GitHub cannot compare the two commits"


@allowed("project:read")
async def show(context: Context, project: Project, environment_name: str, version: CandidateVersion) -> Shipment:
    """Compare a candidate with what is live on an environment. What GitHub does not tell is a problem, not an error."""
    environment = await environments.find_by_name(context, project, environment_name)
    candidate = await candidates.get(context, project, version)
    live = await live_deployment(environment.id).select_related("candidate")
    if live is None or live.candidate.commit == candidate.commit:
        return Shipment(None if live is None else live.candidate.version)
    return await compared(context, candidate, live.candidate)


async def compared(context: Context, candidate: Candidate, live: Candidate) -> Shipment:
    """Compare a candidate with the one that is live, both with their repositories, without checking grants."""
    try:
        client, base = context.client_for(candidate.repository), live.commit
        commits = await context.github.commit_ranges.between(client, base, candidate.commit, MAX_COMMITS)
    except DatabaseUnavailable:
        raise
    except Problem as problem:
        return Shipment(live.version, problem=str(problem))
    return Shipment(live.version, commits, problem=UNCOMPARED if commits is None else None)
