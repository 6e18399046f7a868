"""The status of a project as text: what is live, under way and frozen in each environment."""

from bot.context import Context, allowed
from bot.rules import replies
from bot.rules.deployments import ACTIVE
from bot.rules.gates import is_frozen
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment, live_deployment
from bot.store.projects import Environment, Project


@allowed("project:read")
async def told(context: Context, project: Project) -> str:
    """Return the status of a project as Markdown: its newest candidate, and each of its environments."""
    newest = await Candidate.filter(project_id=project.id).order_by("-id").first()
    environments = await Environment.filter(project_id=project.id).order_by("position", "id")
    rows = [await _environment_status(context, environment) for environment in environments]
    return replies.status(project.name, newest.version if newest else None, rows)


async def _environment_status(context: Context, environment: Environment) -> replies.Place:
    live = await live_deployment(environment.id).select_related("candidate")
    unfinished = Deployment.filter(environment_id=environment.id, status__in=[*ACTIVE, "canceling"])
    active = await unfinished.order_by("-id").select_related("candidate").first()
    frozen = environment.frozen if is_frozen(environment.frozen, context.now()) else None
    return replies.Place(
        name=environment.name,
        live=live.candidate.version if live else None,
        commit=live.candidate.commit[:12] if live else None,
        under_way=f"{active.candidate.version} ({active.status})" if active else None,
        frozen=frozen["reason"] if frozen else None,
    )
