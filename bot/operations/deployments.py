"""Deployments: started, reported, rolled back, canceled, finished."""

from datetime import timedelta

from tortoise.exceptions import IntegrityError
from tortoise.queryset import QuerySet

from bot.context import Context, allowed, allowed_on_tier, allowed_to_read, require
from bot.errors import Conflict, NotFound, Refusal
from bot.operations import audit, candidates, projects, runs
from bot.rules import deployments as rules
from bot.rules import gates
from bot.rules.releases import RELEASED, status_once_live
from bot.rules.versions import CandidateVersion
from bot.store import queries
from bot.store.candidates import Candidate
from bot.store.database import after_commit, transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment, Outline, Project
from bot.store.queries import DeploymentRow
from bot.store.releases import Release

IN_PROGRESS = "Another deployment is in progress"
PATIENCE = timedelta(minutes=1)  # of a rollback with the runs that it cancels
CANCEL_PATIENCE = timedelta(minutes=5)  # with GitHub's word that a run was cancelled
HISTORY = 500  # finished deployments that a rollback looks back over


@allowed_on_tier("deployment:start", production="deployment:production")
async def deploy(
    context: Context,
    project: Project,
    environment: Environment,
    version: CandidateVersion,
    *,
    origin: str | None = None,
) -> Deployment:
    """Start a deployment of a candidate. Its environment's workflow is dispatched by a job.

    Refused in this order: an unknown candidate, one that is not ready, another deployment under way, a frozen
    environment, a gate.
    """
    if origin is not None and (before := await Deployment.get_or_none(origin=origin)) is not None:
        return before
    projects.refuse_archived(project)
    number = (await _candidate(project, version)).id
    try:
        async with transaction():
            # looked at under lock, so that what is allowed here is still so when it is written
            place = await Environment.select_for_update().get(id=environment.id)
            candidate = await Candidate.select_for_update().get(id=number)
            gates.check_ready(candidate.version, candidate.status, candidate.reason)
            if await _active(place.id).exists():
                raise Conflict(IN_PROGRESS, environment=place.name)
            gates.check_frozen(place.frozen, context.now())
            await _check_gates(candidate)
            deployment = await _insert(context, place, candidate, origin=origin)
            await Environment.filter(id=place.id).update(promotion_held=False)
    except IntegrityError as clash:
        if origin is not None and (twin := await Deployment.get_or_none(origin=origin)) is not None:
            return twin
        raise Conflict(IN_PROGRESS, environment=environment.name) from clash
    return deployment


@allowed_on_tier("deployment:start", production="deployment:production")
async def roll_back(
    context: Context, project: Project, environment: Environment, *, force: bool = False, origin: str | None = None
) -> Deployment:
    """Deploy what was live before. Deployments under way are cancelled first.

    Refuses a frozen environment unless forced, which is a grant of its own, and a history with nothing to go back to.
    """
    if origin is not None and (before := await Deployment.get_or_none(origin=origin)) is not None:
        return before
    projects.refuse_archived(project)
    if force:
        require(context.actor, "deployment:force")
    async with transaction():
        place = await Environment.select_for_update().get(id=environment.id)
        if not force:
            gates.check_frozen(place.frozen, context.now())
        under_way = await _active(environment.id).select_for_update()
        target = rules.rollback_target(await _history(environment.id))
        if target is None:
            raise NotFound("No previous deployment to roll back from")
        for active in under_way:
            await _cancel(context, active)
        waits = await Deployment.exists(environment_id=place.id, status="canceling")
        candidate = await Candidate.get(id=target)
        deployment = await _insert(context, place, candidate, kind="rollback", waits=waits, origin=origin)
        await Environment.filter(id=place.id).update(promotion_held=True)
    return deployment


@allowed("deployment:report")
async def report(
    context: Context,
    project: Project,
    environment: str,
    version: CandidateVersion,
    status: str,
    error_message: str | None = None,
) -> Deployment:
    """Take a pipeline's word for how a deployment stands. A fact is not refused: no gate, no freeze, no workflow.

    The newest deployment of the candidate on the environment is changed, or one is made: where there is none, and
    where a running state comes after a final one.
    """
    place = await Environment.get_or_none(project_id=project.id, name=environment)
    if place is None:
        raise NotFound("Release environment not found")
    candidate = await _candidate(project, version)
    if status not in rules.STATUSES:
        raise Refusal(f"`status` must be one of {', '.join(rules.STATUSES)}.", field="status")
    async with transaction():
        await Environment.select_for_update().get(id=place.id)
        same = Deployment.filter(environment_id=place.id, candidate_id=candidate.id)
        newest = await same.order_by("-id").select_for_update().first()
        if newest is None or rules.is_new_deployment(newest.status, status):
            newest = await _insert(context, place, candidate, reported=True)
        before = newest.status
        if rules.is_change(before, status):
            await _set(context, newest, status, error_message)
        if newest.status != before:
            await _audit(context, "deployment.report", newest, place, candidate, before, status)
    return newest


@allowed_to_read("project:read")
async def find_all(
    context: Context, project: Outline, environment: str, *, limit: int, offset: int
) -> tuple[list[DeploymentRow], int]:
    """A page of the deployments on an environment of a project, newest first, and how many there are in all."""
    place = await queries.find_environment_id(project.id, environment)
    if place is None:
        raise NotFound("Release environment not found")
    return await queries.list_deployments(place, limit=limit, offset=offset), await queries.count_deployments(place)


@allowed("project:read")
async def find(context: Context, project: Project, environment: str, deployment: int) -> Deployment:
    """A deployment on an environment of a project."""
    place = await Environment.get_or_none(project_id=project.id, name=environment)
    if place is None:
        raise NotFound("Release environment not found")
    found = await Deployment.get_or_none(id=deployment, environment_id=place.id)
    if found is None:
        raise NotFound("Deployment not found")
    return found


@allowed_on_tier("deployment:start", production="deployment:production")
async def cancel(context: Context, project: Project, environment: Environment, deployment: int) -> Deployment:
    """Cancel a deployment: at once where it has no run, else once GitHub says that the run has ended."""
    async with transaction():
        found = await Deployment.select_for_update().get_or_none(id=deployment, environment_id=environment.id)
        if found is None:
            raise NotFound("Deployment not found")
        if found.status in rules.FINAL:
            raise Conflict("Deployment has ended", status=found.status)
        before = found.status
        await _cancel(context, found)
        candidate = await Candidate.get(id=found.candidate_id)
        await _audit(context, "deployment.cancel", found, environment, candidate, before, found.status)
    return found


async def begin(context: Context, deployment: Deployment) -> None:
    """Take note, in the caller's transaction, that GitHub runs a deployment."""
    if rules.may_move(deployment.status, "in_progress"):
        await _set(context, deployment, "in_progress", None)


async def finish(context: Context, deployment: Deployment, status: str, message: str | None) -> None:
    """End a deployment, in the caller's transaction. The one place where deployments end; a second end is none."""
    if not rules.may_move(deployment.status, status):
        return
    before = deployment.status
    await _set(context, deployment, status, message)
    place = await Environment.get(id=deployment.environment_id)
    candidate = await Candidate.get(id=deployment.candidate_id)
    await _audit(context, "deployment.finish", deployment, place, candidate, before, status)


async def run_again(context: Context, finished: Deployment) -> Deployment:
    """Take note, in the caller's transaction, that GitHub runs a finished deployment's run again: a new deployment.

    It is a fact and cannot be refused; had a gate refused it, the alarm is raised.
    """
    place = await Environment.get(id=finished.environment_id)
    candidate = await Candidate.get(id=finished.candidate_id)
    deployment = await _insert(context, place, candidate, reported=True, kind=finished.kind)
    try:
        gates.check_ready(candidate.version, candidate.status, candidate.reason)
        gates.check_frozen(place.frozen, context.now())
        await _check_gates(candidate)
    except Refusal as refusal:
        subject = f"{place.name}: {candidate.version}"
        why = {"refusal": refusal.sentence, **refusal.details}
        await audit.alarm(
            context, "deployment.rerun", subject, project=place.project_id, commit=candidate.commit, after=why
        )
    return deployment


async def _check_gates(candidate: Candidate) -> None:
    release = await Release.get(id=candidate.release_id)
    gates.check_gates(gates.refusing(held=release.held))


async def _candidate(project: Project, version: CandidateVersion) -> Candidate:
    candidate = await candidates.of_version(project, version)
    if candidate is None:
        raise NotFound("Release not found")
    return candidate


def _active(environment: int) -> QuerySet[Deployment]:
    return Deployment.filter(environment_id=environment, status__in=list(rules.ACTIVE))


async def _live(environment: int) -> Deployment | None:
    newest_first = ("-deploy_end_at", "-id")
    return await Deployment.filter(environment_id=environment, status="success").order_by(*newest_first).first()


async def _history(environment: int) -> list[rules.Past]:
    """The newest deployments of an environment, oldest first; those under way count as canceled, which they will be."""
    # The page by itself, on its index: asked for whole rows PostgreSQL walks through every environment's newest.
    newest = (
        await Deployment.filter(environment_id=environment).order_by("-id").limit(HISTORY).values_list("id", flat=True)
    )
    rows = await Deployment.filter(id__in=newest).order_by("-id").select_related("candidate", "candidate__release")
    return [
        rules.Past(
            candidate=row.candidate_id,
            status=row.status if row.status in rules.FINAL else "canceled",
            rollback=row.kind == "rollback",
            barred=row.candidate.status == "banned" or row.candidate.release.held is not None,
        )
        for row in reversed(rows)
    ]


async def _insert(
    context: Context,
    environment: Environment,
    candidate: Candidate,
    *,
    kind: str = "deploy",
    reported: bool = False,
    waits: bool = False,
    origin: str | None = None,
) -> Deployment:
    now, live = context.now(), await _live(environment.id)
    minutes = environment.deploy_deadline_minutes
    deployment = await Deployment.create(
        environment_id=environment.id,
        candidate_id=candidate.id,
        from_candidate_id=None if live is None else live.candidate_id,
        kind=kind,
        reported=reported,
        status="pending",
        origin=origin,
        actor_id=context.actor.user_id,
        dispatch_after=now + PATIENCE if waits else None,
        deadline_at=now + timedelta(minutes=minutes),
        created_at=now,
    )
    if environment.workflow is not None and not reported:
        await runs.want(
            context, candidate=candidate, workflow=environment.workflow, minutes=minutes, deployment=deployment
        )
    await _audit(context, f"deployment.{kind}", deployment, environment, candidate, None, "pending")
    return deployment


async def _cancel(context: Context, deployment: Deployment) -> bool:
    """Cancel a deployment whose row the caller's transaction has locked; gives whether it has ended with that."""
    ended = await runs.cancel(context, await runs.newest(deployment_id=deployment.id))
    if ended:
        await finish(context, deployment, "canceled", None)
    elif deployment.status != "canceling":
        await _set(context, deployment, "canceling", None)
        deployment.deadline_at = context.now() + CANCEL_PATIENCE
        await deployment.save(update_fields=["deadline_at"])
    return ended


async def _set(context: Context, deployment: Deployment, status: str, message: str | None) -> None:
    """Write a status with the times and the release's status that go with it."""
    now = context.now()
    if status != "pending" and deployment.deploy_start_at is None:
        deployment.deploy_start_at = now
    if status in rules.FINAL and deployment.status != status:
        deployment.deploy_end_at = now
        after_commit(context.metrics.deployments.labels(status).inc)
    told = {"error_message": message} if message is not None or status == "success" else {}
    deployment.update_from_dict({"status": status, **told})
    await deployment.save(update_fields=["status", "error_message", "deploy_start_at", "deploy_end_at"])
    if status == "success":
        await _move_release_on(context, deployment)


async def _move_release_on(context: Context, deployment: Deployment) -> None:
    environment = await Environment.get(id=deployment.environment_id)
    candidate = await Candidate.get(id=deployment.candidate_id)
    release = await Release.select_for_update().get(id=candidate.release_id)
    status = status_once_live(release.status, environment.tier)
    if status != release.status:
        now, date = context.now(), release.release_date
        if status == RELEASED and date is None:
            date = now
        await Release.filter(id=release.id).update(status=status, release_date=date, updated_at=now)


async def _audit(
    context: Context,
    act: str,
    deployment: Deployment,
    environment: Environment,
    candidate: Candidate,
    before: str | None,
    after: str,
) -> None:
    await audit.record(
        context,
        act,
        f"{environment.name}: {candidate.version} (deployment {deployment.id})",
        project=environment.project_id,
        commit=candidate.commit,
        before=before,
        after={"status": after, "message": deployment.error_message},
    )
