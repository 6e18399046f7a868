"""Cancellation of everything that an environment is about to get: what is under way there, and what waits."""

from dataclasses import replace

from bot.context import Context, allowed_on_tier
from bot.errors import Conflict
from bot.events.releases import DeploymentCancelRequested
from bot.operations import deployments, events
from bot.rules.deployments import UNFINISHED
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment, Project


@allowed_on_tier("deployment:start", production="deployment:production")
async def cancel_on(context: Context, project: Project, environment: Environment) -> list[Deployment]:
    """Cancel the deployment that is under way on an environment, and the one that waits for it.

    Returns them with their candidates: the one under way first. Refuses an environment where there is neither.
    """
    async with transaction():
        await Environment.select_for_update().get(id=environment.id)
        if (earlier := await deployments.performed(context)) is not None:
            return [await Deployment.get(id=earlier.id).select_related("candidate")]
        unfinished = Deployment.filter(environment_id=environment.id, status__in=list(UNFINISHED))
        rows = await unfinished.order_by("id").select_related("candidate")
        active = sorted((row for row in rows if row.status != "canceling"), key=lambda row: row.waiting)
        if not active:
            ending = "Its deployment is being canceled already." if rows else None
            raise Conflict(f"No deployment is under way on `{environment.name}`, and none waits.", reason=ending)
        acting = replace(context, origin=None)
        for row in active[1:]:  # what waits must not start once the other one has ended
            await _cancel(acting, environment, row)
        await _cancel(context, environment, active[0])
    return active


async def _cancel(context: Context, environment: Environment, row: Deployment) -> None:
    """Cancel one deployment. The event of the first one records that the request was performed."""
    await Deployment.select_for_update().get(id=row.id)
    old_status = row.status
    await deployments.cancel_locked(context, row)
    event = DeploymentCancelRequested(**deployments.event_fields(row, environment, row.candidate, old_status))
    await events.record(context, event)
