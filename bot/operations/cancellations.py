"""Cancellation of builds, and of everything that an environment is about to get."""

from dataclasses import replace

from bot.context import Context, allowed, allowed_on_tier, unknown_candidate
from bot.errors import Conflict
from bot.events.releases import BuildCancelRequested, DeploymentCancelRequested
from bot.operations import candidates, deployments, events, performed_requests, runs
from bot.operations.candidate_moves import move
from bot.rules import candidates as rules
from bot.rules.deployments import UNFINISHED
from bot.rules.ids import CandidateId
from bot.rules.versions import CandidateVersion
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment, Project


@allowed("release:cut")
async def cancel_build(context: Context, project: Project, version: CandidateVersion) -> Candidate:
    """Cancel a candidate's build: at once if it is not dispatched yet, otherwise once GitHub reports the run's end."""
    async with transaction():
        candidate = await Candidate.select_for_update().get_or_none(project_id=project.id, version=str(version))
        if candidate is None:
            raise await unknown_candidate(context, project, version)
        if await performed_requests.result_of(context, BuildCancelRequested.act) is None:
            await _cancel_build(context, candidate)
    return await candidates.with_relations(candidate.id)


async def _cancel_build(context: Context, candidate: Candidate) -> None:
    """Cancel the build of a candidate whose row the caller's transaction has locked."""
    rules.check_cancelable(candidate.version, candidate.status)
    reason = f"{context.actor.name} asked for the build to be canceled."
    if await runs.cancel(context, await candidates.newest_build(candidate)):
        await candidates.finish_build(context, candidate, "canceled", reason)
    else:
        await move(context, candidate, candidate.status, reason)
    requested = BuildCancelRequested(
        project_id=candidate.project_id,
        commit=candidate.commit,
        version=candidate.version,
        candidate_id=CandidateId(candidate.id),
    )
    await events.record(context, requested)


@allowed_on_tier("deployment:start", production="deployment:production")
async def cancel_on(context: Context, project: Project, environment: Environment) -> list[Deployment]:
    """Cancel the deployment that is under way on an environment, and the one that waits for it.

    Returns them with their candidates: the one under way first. Refuses an environment where there is neither.
    """
    async with transaction():
        await Environment.select_for_update().get(id=environment.id)
        if (earlier := await deployments.performed(context, DeploymentCancelRequested.act)) is not None:
            return [await Deployment.get(id=earlier.id).select_related("candidate")]
        unfinished = Deployment.filter(environment_id=environment.id, status__in=list(UNFINISHED))
        await unfinished.order_by("id").select_for_update().only("id")  # a run that ends now is not canceled any more
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
    """Cancel one deployment, whose row is locked. The event of the first one records that the request was performed."""
    old_status = row.status
    await deployments.cancel_locked(context, row)
    event = DeploymentCancelRequested(**deployments.event_fields(row, environment, row.candidate, old_status))
    await events.record(context, event)
