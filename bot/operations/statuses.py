"""The status of a project: its newest candidate, and what is live and under way on each environment."""

from collections.abc import Sequence

from bot.context import Context, allowed
from bot.rules.deployments import UNFINISHED
from bot.rules.replies import EnvironmentStatus, ProjectStatus
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment, live_deployment
from bot.store.gates import Freeze, freezes_by_environment
from bot.store.projects import Environment, Project


@allowed("project:read")
async def project_status(context: Context, project: Project) -> ProjectStatus:
    """Read the newest candidate of a project, and the status of each of its environments."""
    newest = await Candidate.filter(project_id=project.id).order_by("-id").first()
    environments = await Environment.filter(project_id=project.id).order_by("position", "id")
    freezes = await freezes_by_environment(environments, context.now())
    statuses = [await _environment_status(environment, freezes[environment.id]) for environment in environments]
    return ProjectStatus(project.name, newest.version if newest else None, tuple(statuses))


async def _environment_status(environment: Environment, freezes: Sequence[Freeze]) -> EnvironmentStatus:
    live = await live_deployment(environment.id).select_related("candidate")
    unfinished = Deployment.filter(environment_id=environment.id, status__in=list(UNFINISHED), waiting=False)
    active = await unfinished.order_by("-id").select_related("candidate").first()
    return EnvironmentStatus(
        name=environment.name,
        live=live.candidate.version if live else None,
        commit=live.candidate.commit[:12] if live else None,
        under_way=f"{active.candidate.version} ({active.status})" if active else None,
        frozen=freezes[0].reason if freezes else None,
        banned=live is not None and live.candidate.status == "banned",
    )
