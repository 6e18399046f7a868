"""Where everything of a project is, told to people."""

from bot.context import Context, allowed
from bot.rules import replies
from bot.rules.gates import is_frozen
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from bot.store.projects import Environment, Project


@allowed("project:read")
async def told(context: Context, project: Project) -> str:
    """The status of a project as a comment tells it: its newest candidate, and each environment."""
    newest = await Candidate.filter(project_id=project.id).order_by("-id").first()
    environments = await Environment.filter(project_id=project.id).order_by("position", "id")
    places = [await _place(context, environment) for environment in environments]
    return replies.status(project.name, newest.version if newest else None, places)


async def _place(context: Context, environment: Environment) -> replies.Place:
    here = Deployment.filter(environment_id=environment.id).select_related("candidate")
    live = await here.filter(status="success").order_by("-deploy_end_at", "-id").first()
    active = await here.filter(status__in=["pending", "in_progress", "canceling"]).order_by("-id").first()
    frozen = environment.frozen if is_frozen(environment.frozen, context.now()) else None
    return replies.Place(
        name=environment.name,
        live=live.candidate.version if live else None,
        commit=live.candidate.commit[:12] if live else None,
        under_way=f"{active.candidate.version} ({active.status})" if active else None,
        frozen=frozen["reason"] if frozen else None,
    )
