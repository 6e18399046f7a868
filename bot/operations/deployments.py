"""Deployments: start, roll back, find, cancel and finish."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tortoise.exceptions import IntegrityError
from tortoise.queryset import QuerySet

from bot.context import Context, allowed, allowed_on_tier, allowed_to_read, authorize, unknown_environment
from bot.errors import Conflict, NotFound, deployment_not_found
from bot.events.releases import (
    DeploymentCancelRequested,
    DeploymentFinished,
    DeploymentStarted,
)
from bot.operations import candidates, environments, events, performed_requests, projects, runs
from bot.rules import deployments as rules
from bot.rules.gate_facts import Block, CandidateFact, Freeze, GateFacts, Override, Requester
from bot.rules.gate_refusals import refusal
from bot.rules.gate_results import GATES, Decision
from bot.rules.gate_settings import GateSettings
from bot.rules.gates import decide
from bot.rules.ids import CommitSha, DeploymentId, EnvironmentId
from bot.rules.releases import RELEASED, status_once_live
from bot.rules.runs import duration
from bot.rules.versions import CandidateVersion
from bot.store import queries
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment, live_deployment
from bot.store.projects import Environment, Outline, Project
from bot.store.releases import Release
from bot.store.runs import Run

ROLLBACK_WAIT = timedelta(minutes=1)  # for the end of the runs that a rollback cancels
CANCEL_TIMEOUT = timedelta(minutes=5)  # for GitHub to confirm that a run was canceled
HISTORY = 500  # deployments that a rollback looks back over
ROLLBACK_EXEMPT = tuple(gate for gate in GATES if gate != "freeze")
"""Gates that do not stop a rollback: it deploys what was live before, and cancels what is under way."""


@dataclass(frozen=True)
class NewDeployment:
    """The sort of deployment to insert.

    `kind` is `deploy` or `rollback`. `reported`: it is a reported fact, and no workflow is dispatched. `waits`: it is
    dispatched once the runs that it cancels have ended.
    """

    kind: str = "deploy"
    reported: bool = False
    waits: bool = False


@allowed_on_tier("deployment:start", production="deployment:production")
async def deploy(context: Context, project: Project, environment: Environment, version: CandidateVersion) -> Deployment:
    """Start a deployment of a candidate. A job dispatches the environment's workflow.

    Refused in this order: an archived project, an unknown candidate, a gate (`bot/rules/gates.py`).
    """
    if (earlier := await _performed(context)) is not None:
        return earlier
    projects.refuse_archived(project)
    candidate_id = (await candidates.get(context, project, version)).id
    try:
        async with transaction():
            # evaluated under lock, so that the gates are still open when the deployment is inserted
            locked = await Environment.select_for_update().get(id=environment.id)
            if (earlier := await _performed(context)) is not None:  # by a concurrent handling of the same message
                return earlier
            candidate = await Candidate.select_for_update().get(id=candidate_id)
            if (refused := refusal(await evaluate_gates(context, locked, candidate))) is not None:
                raise refused
            deployment = await insert(context, locked, candidate, NewDeployment())
            await Environment.filter(id=locked.id).update(promotion_held=False)
    except IntegrityError as clash:
        if (earlier := await _performed(context)) is not None:
            return earlier
        raise Conflict("Another deployment is in progress", environment=environment.name) from clash
    return deployment


@allowed_on_tier("deployment:start", production="deployment:production")
async def roll_back(context: Context, project: Project, environment: Environment, *, force: bool = False) -> Deployment:
    """Deploy what was live before. Deployments under way are canceled first.

    Refuses a frozen environment unless `force`, which needs a separate grant, and an environment without an earlier
    deployment.
    """
    if (earlier := await _performed(context)) is not None:
        return earlier
    projects.refuse_archived(project)
    if force:
        authorize(context.actor, "deployment:force")
    async with transaction():
        locked = await Environment.select_for_update().get(id=environment.id)
        if (earlier := await _performed(context)) is not None:  # by a concurrent handling of the same message
            return earlier
        under_way = await _active(environment.id).select_for_update()
        target = rules.rollback_target(await _history(environment.id))
        candidate = None if target is None else await Candidate.get(id=target)
        nothing = CandidateFact("", CommitSha(""), "")
        facts = _facts(context, locked, nothing if candidate is None else _candidate_fact(candidate))
        override = Override(context.actor.name, "force") if force else None
        refused = refusal(decide(facts, exempt=ROLLBACK_EXEMPT, override=override))
        if refused is not None:
            raise refused
        if candidate is None:
            raise NotFound("No previous deployment to roll back from")
        for active in under_way:
            await _cancel(context, active)
        waits = await Deployment.exists(environment_id=locked.id, status="canceling")
        deployment = await insert(context, locked, candidate, NewDeployment("rollback", waits=waits))
        await Environment.filter(id=locked.id).update(promotion_held=True)
    return deployment


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
        rows = Deployment.select_for_update()
        deployment = await rows.get_or_none(id=deployment_id, environment_id=environment.id)
        if deployment is None:
            raise deployment_not_found()
        if deployment.status in rules.FINAL:
            raise Conflict("Deployment has ended", status=deployment.status)
        old_status = deployment.status
        await _cancel(context, deployment)
        candidate = await Candidate.get(id=deployment.candidate_id)
        event = DeploymentCancelRequested(**event_fields(deployment, environment, candidate, old_status))
        await events.record(context, event)
    return deployment


async def begin(context: Context, deployment: Deployment) -> None:
    """Record, in the caller's transaction, that a deployment's run is in progress."""
    if rules.may_move(deployment.status, "in_progress"):
        await set_status(context, deployment, "in_progress", None)


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


async def evaluate_gates(context: Context, environment: Environment, candidate: Candidate) -> Decision:
    """Evaluate the gates between a candidate and an environment as they are now. Both rows should be locked."""
    release = await Release.get(id=candidate.release_id)
    busy = await _active(environment.id).first()
    facts = _facts(context, environment, _candidate_fact(candidate))
    return decide(replace(facts, held=_hold(release.held), busy_with=None if busy is None else busy.id))


def _facts(context: Context, environment: Environment, candidate: CandidateFact) -> GateFacts:
    return GateFacts(
        environment=environment.name,
        tier=environment.tier,
        settings=GateSettings(),
        candidate=candidate,
        requester=Requester(context.actor.user_id, context.actor.name),
        now=context.now(),
        freezes=() if environment.frozen is None else (_freeze(environment.frozen),),
    )


def _candidate_fact(candidate: Candidate) -> CandidateFact:
    return CandidateFact(candidate.version, candidate.commit, candidate.status, candidate.reason)


def _freeze(frozen: Mapping[str, Any]) -> Freeze:
    since, until = (_time(frozen.get(name)) for name in ("since", "until"))
    return Freeze("environment", str(frozen.get("by")), str(frozen.get("reason")), since, until)


def _hold(held: Mapping[str, Any] | None) -> Block | None:
    return None if held is None else Block(str(held.get("by")), str(held.get("reason")), _time(held.get("since")))


def _time(text: object) -> datetime | None:
    """Parse a stored time; None when it is absent or malformed, so a freeze with a malformed end stays in force."""
    with suppress(ValueError):
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    return None


async def _performed(context: Context) -> Deployment | None:
    """Find the deployment that was started when the same message was handled before."""
    deployment_id = await performed_requests.result_of(context)
    return None if deployment_id is None else await Deployment.get(id=deployment_id)


def _active(environment: EnvironmentId) -> QuerySet[Deployment]:
    return Deployment.filter(environment_id=environment, status__in=list(rules.ACTIVE))


async def _history(environment: EnvironmentId) -> list[rules.PastDeployment]:
    """Read the newest deployments of an environment, oldest first; those under way count as canceled."""
    # the ids first, on their index: for whole rows, PostgreSQL scans the newest of every environment
    newest = (
        await Deployment.filter(environment_id=environment).order_by("-id").limit(HISTORY).values_list("id", flat=True)
    )
    rows = await Deployment.filter(id__in=newest).order_by("-id").select_related("candidate", "candidate__release")
    return [
        rules.PastDeployment(
            candidate=row.candidate_id,
            status=row.status if row.status in rules.FINAL else "canceled",
            rollback=row.kind == "rollback",
            barred=row.candidate.status == "banned" or row.candidate.release.held is not None,
        )
        for row in reversed(rows)
    ]


async def insert(context: Context, environment: Environment, candidate: Candidate, new: NewDeployment) -> Deployment:
    """Insert a deployment and the request for its run, in the caller's transaction."""
    now, live = context.now(), await live_deployment(environment.id)
    minutes = environment.deploy_deadline_minutes
    deployment = await Deployment.create(
        environment_id=environment.id,
        candidate_id=candidate.id,
        from_candidate_id=None if live is None else live.candidate_id,
        kind=new.kind,
        reported=new.reported,
        status="pending",
        origin=context.origin,
        actor_id=context.actor.user_id,
        dispatch_after=now + ROLLBACK_WAIT if new.waits else None,
        deadline_at=now + timedelta(minutes=minutes),
        created_at=now,
    )
    if environment.workflow is not None and not new.reported:
        await runs.request(context, candidate, environment.workflow, minutes, deployment)
    event = DeploymentStarted(**event_fields(deployment, environment, candidate, None), kind=new.kind)
    await events.record(context, event)
    return deployment


async def _cancel(context: Context, deployment: Deployment) -> bool:
    """Cancel a deployment whose row the caller's transaction has locked; returns whether it has ended already."""
    ended = await runs.cancel(context, await runs.newest(deployment_id=deployment.id))
    if ended:
        await finish(context, deployment, "canceled", None)
    elif deployment.status != "canceling":
        await set_status(context, deployment, "canceling", None)
        deployment.deadline_at = context.now() + CANCEL_TIMEOUT
        await deployment.save(update_fields=["deadline_at"])
    return ended


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
