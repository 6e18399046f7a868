"""Deployments: start, roll back, find, cancel and finish."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.context import Context, allowed, allowed_on_tier, allowed_to_read, unknown_environment
from bot.errors import Conflict, deployment_not_found
from bot.events.releases import (
    DeploymentCancelRequested,
    DeploymentFinished,
    DeploymentStarted,
    DeploymentWaitEnded,
    DeploymentWaiting,
)
from bot.operations import automatic, environments, events, performed_requests, runs, views, wait_reactions, waiting
from bot.rules import deployments as rules
from bot.rules import gate_settings
from bot.rules.deployments import WaitOutcome
from bot.rules.gate_results import Decision, next_change, to_json, waits_for
from bot.rules.ids import DeploymentId
from bot.rules.releases import RELEASED, status_once_live
from bot.rules.runs import duration
from bot.store import queries
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment, live_deployment
from bot.store.projects import Environment, Outline, Project
from bot.store.releases import Release
from bot.store.runs import Run

ROLLBACK_WAIT = timedelta(minutes=1)  # for the end of the runs that a rollback cancels
POLL = timedelta(minutes=5)  # between two evaluations of a waiting deployment, if nothing that we hear of changes
CANCEL_TIMEOUT = timedelta(minutes=5)  # for GitHub to confirm that a run was canceled


@dataclass(frozen=True)
class NewDeployment:
    """The sort of deployment to insert.

    `kind` is `deploy` or `rollback`. `reported`: it is a reported fact, and no workflow is dispatched.
    `after_canceled`: it is dispatched once the runs that it cancels have ended. `decision` is that of the gates: while
    one is closed, the deployment waits. `automatic`: Longshore asked for it. `force_reason`: gates were overridden.
    `rollback_reason` was given for a rollback.
    """

    kind: str = "deploy"
    reported: bool = False
    after_canceled: bool = False
    decision: Decision | None = None
    automatic: bool = False
    force_reason: str | None = None
    rollback_reason: str | None = None

    @property
    def waits(self) -> bool:
        """Whether gates have to open first."""
        return self.decision is not None and bool(self.decision.closed())


async def newest_run(deployment: Deployment) -> Run | None:
    """Find the newest run that makes a deployment; None if a pipeline reported it."""
    return await runs.newest(deployment_id=deployment.id)


@allowed_to_read("project:read")
async def find_all(
    context: Context, project: Outline, environment: str, *, limit: int, offset: int
) -> tuple[list[queries.DeploymentRow], int]:
    """List a page of the deployments on an environment, newest first, and count all of them."""
    environment_id = await queries.find_environment_id(project.id, environment)
    if environment_id is None:
        raise await unknown_environment(context, project, environment)
    rows = await queries.list_deployments(environment_id, limit=limit, offset=offset)
    return rows, await queries.count_deployments(environment_id)


@allowed("project:read")
async def find(context: Context, project: Project, environment_name: str, deployment_id: DeploymentId) -> Deployment:
    """Find a deployment on an environment of a project by its id."""
    environment = await environments.find_by_name(context, project, environment_name)
    deployment = await Deployment.get_or_none(id=deployment_id, environment_id=environment.id)
    if deployment is None:
        raise deployment_not_found()
    return deployment


@allowed_on_tier("deployment:start", production="deployment:production")
async def cancel(
    context: Context, project: Project, environment: Environment, deployment_id: DeploymentId
) -> Deployment:
    """Cancel a deployment: at once if it has no run, otherwise once GitHub reports that the run has ended."""
    async with transaction():
        await Environment.select_for_update().get(id=environment.id)
        rows = Deployment.select_for_update()
        deployment = await rows.get_or_none(id=deployment_id, environment_id=environment.id)
        if deployment is None:
            raise deployment_not_found()
        if deployment.status in rules.FINAL:
            raise Conflict("Deployment has ended", status=deployment.status)
        old_status = deployment.status
        await cancel_locked(context, deployment)
        candidate = await Candidate.get(id=deployment.candidate_id)
        event = DeploymentCancelRequested(**event_fields(deployment, environment, candidate, old_status))
        await events.record(context, event)
    return deployment


async def begin(context: Context, deployment: Deployment) -> None:
    """Record, in the caller's transaction, that a deployment's run is in progress."""
    if rules.may_move(deployment.status, "in_progress"):
        await set_status(context, deployment, "in_progress", None)
        await views.on_deployment(deployment)


async def restart_deadline(context: Context, deployment: Deployment) -> None:
    """Let the deadline begin anew, in the caller's transaction: GitHub no longer holds the run for its reviewers."""
    if deployment.status in rules.ACTIVE:
        environment = await Environment.get(id=deployment.environment_id)
        deployment.deadline_at = context.now() + timedelta(minutes=environment.deploy_deadline_minutes)
        await deployment.save(update_fields=["deadline_at"])


async def finish(
    context: Context, deployment: Deployment, status: str, message: str | None, *, run_ended_at: datetime | None = None
) -> None:
    """End a deployment, in the caller's transaction. All tracked deployments end here; a second end changes nothing.

    Except that the end of its run (`run_ended_at` by our clock) also ends a deployment whose outcome was `unknown`.
    """
    is_late = run_ended_at is not None and rules.may_become_known(deployment.status, status)
    if not is_late and not rules.may_move(deployment.status, status):
        return
    old_status = deployment.status
    await set_status(context, deployment, status, message)
    if is_late:  # what is live depends on the order in which deployments ended
        deployment.deploy_end_at = run_ended_at
        await deployment.save(update_fields=["deploy_end_at"])
    environment = await Environment.get(id=deployment.environment_id)
    candidate = await Candidate.get(id=deployment.candidate_id)
    fields = event_fields(deployment, environment, candidate, old_status)
    project = await Project.get(id=environment.project_id)
    await events.record(context, DeploymentFinished(**fields, project=project.name, seconds=seconds_of(deployment)))


async def performed(context: Context, *acts: str) -> Deployment | None:
    """Find the deployment that was started, or canceled, when the same message was handled before, by these acts."""
    deployment_id = await performed_requests.result_of(context, *acts)
    return None if deployment_id is None else await Deployment.get(id=deployment_id)


async def insert(context: Context, environment: Environment, candidate: Candidate, new: NewDeployment) -> Deployment:
    """Insert a deployment in the caller's transaction, with the request for its run unless it waits for gates."""
    now, live = context.now(), await live_deployment(environment.id)
    deployment = await Deployment.create(
        environment_id=environment.id,
        candidate_id=candidate.id,
        from_candidate_id=None if live is None else live.candidate_id,
        kind=new.kind,
        reported=new.reported,
        status="pending",
        origin=context.origin,
        actor_id=context.actor.user_id,
        token_id=context.actor.token_id,
        channel=context.channel,
        automatic=new.automatic,
        force_reason=new.force_reason,
        rollback_reason=new.rollback_reason,
        decision=None if new.decision is None else to_json(new.decision),
        dispatch_after=now + ROLLBACK_WAIT if new.after_canceled else None,
        created_at=now,
        **(_waiting(environment, new.decision, now) if new.decision is not None and new.waits else {}),
    )
    fields = event_fields(deployment, environment, candidate, None)
    if new.decision is not None and new.waits:
        await events.record(context, DeploymentWaiting(**fields, waits_for=tuple(waits_for(new.decision))))
    else:
        await start(context, environment, candidate, deployment)
        reason, forced = new.force_reason or new.rollback_reason, overridden(new.decision)
        await events.record(context, DeploymentStarted(**fields, kind=new.kind, reason=reason, overridden=forced))
    return deployment


async def start(context: Context, environment: Environment, candidate: Candidate, deployment: Deployment) -> None:
    """Set a deployment's deadline and request its run, in the caller's transaction."""
    minutes = environment.deploy_deadline_minutes
    deployment.deadline_at = context.now() + timedelta(minutes=minutes)
    await deployment.save(update_fields=["deadline_at"])
    if environment.workflow is not None and not deployment.reported:
        await runs.request(context, candidate, environment.workflow, minutes, deployment)


def next_evaluation(decision: Decision, now: datetime, expires_at: datetime) -> datetime:
    """When a waiting deployment is evaluated again if nothing else causes it."""
    changes = next_change(decision, now)
    return min(each for each in (changes, now + POLL, expires_at) if each is not None)


def _waiting(environment: Environment, decision: Decision, now: datetime) -> dict[str, Any]:
    """The columns of a deployment that waits for gates."""
    expires_at = now + gate_settings.read(environment.gate_settings).wait_at_most
    return {
        "waiting": True,
        "waits_for": waits_for(decision),
        "expires_at": expires_at,
        "evaluate_at": next_evaluation(decision, now, expires_at),
    }


def overridden(decision: Decision | None) -> tuple[str, ...]:
    """The gates of a decision that were overridden."""
    return () if decision is None else tuple(each.gate for each in decision.gates if each.verdict == "overridden")


async def cancel_locked(context: Context, deployment: Deployment) -> bool:
    """Cancel a deployment whose row the caller's transaction has locked; returns whether it has ended already."""
    if deployment.waiting:
        await end_wait(context, deployment, "canceled", f"Canceled by {context.actor.name} while it waited.")
        return True
    ended = await runs.cancel(context, await runs.newest(deployment_id=deployment.id))
    if ended:
        await finish(context, deployment, "canceled", None)
    elif deployment.status != "canceling":
        await set_status(context, deployment, "canceling", None)
        deployment.deadline_at = context.now() + CANCEL_TIMEOUT
        await deployment.save(update_fields=["deadline_at"])
        await views.on_deployment(deployment)
    return ended


async def end_wait(context: Context, deployment: Deployment, outcome: WaitOutcome, sentence: str) -> None:
    """End a waiting deployment that will not run, in the caller's transaction, under the environment's lock.

    `outcome` is `superseded`, `refused`, `expired` or `canceled`; `sentence` says why.
    """
    status = rules.STATUS_AFTER_WAIT[outcome]
    deployment.update_from_dict(
        {
            "waiting": False,
            "wait_outcome": outcome,
            "waits_for": None,
            "evaluate_at": None,
            "status": status,
            "error_message": sentence,
            "deploy_end_at": context.now(),
        }
    )
    await deployment.save()
    environment = await Environment.get(id=deployment.environment_id)
    candidate = await Candidate.get(id=deployment.candidate_id)
    fields = event_fields(deployment, environment, candidate, "pending")
    await events.record(context, DeploymentWaitEnded(**fields, outcome=outcome))
    await wait_reactions.add(deployment, "-1")
    if outcome != "superseded":
        await automatic.catch_up(environment, deployment.created_at)


async def set_status(context: Context, deployment: Deployment, status: str, message: str | None) -> None:
    """Set the status, the start and end times, and after a success the release's status."""
    now = context.now()
    if status != "pending" and deployment.deploy_start_at is None:
        deployment.deploy_start_at = now
    if status in rules.FINAL and deployment.status != status:
        deployment.deploy_end_at = now
    is_new = message is not None or status == "success" or deployment.status == "unknown"
    error = {"error_message": message} if is_new else {}
    deployment.update_from_dict({"status": status, **error})
    await deployment.save(update_fields=["status", "error_message", "deploy_start_at", "deploy_end_at"])
    if status == "success":
        await _advance_release(context, deployment)
    if status in rules.FINAL:  # what is live and what is under way has changed for others that wait
        environment = await Environment.get(id=deployment.environment_id)
        await waiting.reevaluate(environment__project_id=environment.project_id)
        await automatic.catch_up(environment, deployment.created_at)


async def _advance_release(context: Context, deployment: Deployment) -> None:
    environment = await Environment.get(id=deployment.environment_id)
    candidate = await Candidate.get(id=deployment.candidate_id)
    release = await Release.select_for_update().get(id=candidate.release_id)
    status = status_once_live(release.status, environment.tier)
    if status != release.status:
        now, date = context.now(), release.release_date
        if status == RELEASED and date is None:
            date = now
        await Release.filter(id=release.id).update(status=status, release_date=date, updated_at=now)


def seconds_of(deployment: Deployment) -> float | None:
    """The seconds that a deployment took; None if it has not ended, or if its end is all that was reported."""
    ended_at = deployment.deploy_end_at
    if ended_at is None:
        return None
    return duration(deployment.created_at, ended_at, was_requested=not deployment.reported)


def event_fields(
    deployment: Deployment, environment: Environment, candidate: Candidate, old_status: str | None
) -> Mapping[str, Any]:
    """The fields of `DeploymentEvent`."""
    return {
        "project_id": environment.project_id,
        "commit": candidate.commit,
        "environment": environment.name,
        "version": candidate.version,
        "deployment_id": deployment.id,
        "old_status": old_status,
        "status": deployment.status,
        "message": deployment.error_message,
    }
