"""When environments that take every candidate (`auto`) get one: jobs for candidates that have become ready."""

from datetime import datetime

from bot.operations import gate_jobs
from bot.queue.jobs import enqueue
from bot.rules import gate_settings
from bot.rules.ids import ProjectId
from bot.store.candidates import Candidate
from bot.store.projects import Environment


async def on_ready(candidate: Candidate) -> None:
    """Enqueue, in the caller's transaction, the automatic deployments of a candidate that has become ready."""
    for environment in await Environment.filter(project_id=candidate.project_id).order_by("position", "id"):
        if _is_automatic(environment):
            await enqueue(gate_jobs.DeployAutomatically(candidate.id, environment.id))


async def takers(project: ProjectId) -> list[str]:
    """The names of the environments of a project that take every candidate."""
    rows = await Environment.filter(project_id=project).order_by("position", "id")
    return [row.name for row in rows if _is_automatic(row)]


async def catch_up(environment: Environment, since: datetime) -> None:
    """Enqueue the newest candidate if it has become ready while an older one was on its way, `since` that time.

    A candidate that was deployed there before is left alone (`automatic_deployments.deploy`).
    """
    if not _is_automatic(environment):
        return
    ready = Candidate.filter(project_id=environment.project_id, status="ready")
    newest = await ready.order_by("-id").first()
    if newest is not None and newest.updated_at >= since:
        await enqueue(gate_jobs.DeployAutomatically(newest.id, environment.id))


def _is_automatic(environment: Environment) -> bool:
    return bool(environment.gate_settings.get("auto")) and gate_settings.read(environment.gate_settings).auto
