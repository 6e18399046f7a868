"""Promotion: the next environment of a project for a candidate, in the order of the environments."""

from bot.context import Context, allowed
from bot.errors import Conflict, Refusal
from bot.operations import candidates
from bot.rules.versions import CandidateVersion
from bot.store.deployments import live_deployment
from bot.store.projects import Environment, Project


@allowed("deployment:start", "deployment:production")
async def next_environment(context: Context, project: Project, version: CandidateVersion) -> str:
    """Find the environment after the last one where a candidate's commit is live; the first if it is live on none.

    Environments that take no deployments are skipped. Refuses a candidate that is live on the last environment.
    """
    candidate = await candidates.get(context, project, version)
    environments = await Environment.filter(project_id=project.id, closed=None).order_by("position", "id")
    if not environments:
        raise Refusal("The project has no environment to promote to", project=project.name)
    following = environments
    for index, environment in enumerate(environments):
        live = await live_deployment(environment.id).select_related("candidate")
        if live is not None and live.candidate.commit == candidate.commit:
            following = environments[index + 1 :]
    if not following:
        last = environments[-1].name
        raise Conflict(f"{version} is live on `{last}`, which is the last environment: there is none to promote it to.")
    return following[0].name
