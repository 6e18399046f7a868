"""The status of a project: its newest candidate, and what is live and under way on each environment."""

from bot.context import Context, allowed
from bot.rules.deployments import UNFINISHED
from bot.rules.gates import is_frozen
from bot.rules.replies import EnvironmentStatus, ProjectStatus
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment, live_deployment
from bot.store.projects import Environment, Project


@allowed("project:read")
async def project_status(context: Context, project: Project) -> ProjectStatus:
    """Read the newest candidate of a project, and the status of each of its environments."""
    newest = await Candidate.filter(project_id=project.id).order_by("-id").first()
    environments = await Environment.filter(project_id=project.id).order_by("position", "id")
    statuses = [await _environment_status(context, environment) for environment in environments]
    return ProjectStatus(project.name, newest.version if newest else None, tuple(statuses))


async def _environment_status(context: Context, environment: Environment) -> EnvironmentStatus:
    live = await live_deployment(environment.id).select_related("candidate")
    unfinished = Deployment.filter(environment_id=environment.id, status__in=list(UNFINISHED), waiting=False)
    active = await unfinished.order_by("-id").select_related("candidate").first()
    frozen = environment.frozen if is_frozen(environment.frozen, context.now()) else None
    return EnvironmentStatus(
        name=environment.name,
        live=live.candidate.version if live else None,
        commit=live.candidate.commit[:12] if live else None,
        under_way=f"{active.candidate.version} ({active.status})" if active else None,
        frozen=frozen["reason"] if frozen else None,
    )
