"""Locks of environments: while somebody has reserved an environment, only they can deploy to it.

A lock is taken and released under the lock of the environment's row, so of two people who take it at once one does.
"""

from datetime import datetime, timedelta

from bot.context import Context, allowed, allowed_on_tier, authorize, unknown_environment
from bot.errors import Conflict, Forbidden, NotFound
from bot.events.gates import EnvironmentLocked, EnvironmentUnlocked
from bot.operations import events, performed_requests
from bot.operations.waiting import reevaluate
from bot.rules.blocks import Terms, terms, told
from bot.rules.permissions import role_for
from bot.store.database import transaction
from bot.store.gates import EnvironmentLock, locks_by_environment
from bot.store.projects import Environment, Project

FORCE = "deployment:force"  # the grant to release other people's locks
NOT_LOCKED = "The environment is not locked."


@allowed_on_tier("deployment:start", production="deployment:production")
async def lock(
    context: Context,
    project: Project,
    environment: Environment,
    reason: str,
    until: datetime | None = None,
    lasts: timedelta | None = None,
) -> tuple[EnvironmentLock, bool]:
    """Reserve an environment for the actor; returns the lock and whether it is new.

    The owner who asks again changes the reason and the end. Refuses an environment that somebody else has locked.
    """
    wanted = terms(context.now(), reason, until, lasts)
    async with transaction():
        await Environment.select_for_update().get(id=environment.id)
        if (earlier := await performed_requests.result_of(context, EnvironmentLocked.act)) is not None:
            return await EnvironmentLock.get(id=earlier).select_related("owner"), False
        held = await _open_lock(context, environment)
        if held is not None and held.owner_id != context.actor.user_id:
            raise locked_by_another(held, context.now())
        old = None if held is None else _values(held)
        row = await _insert(context, environment, wanted) if held is None else held
        row.update_from_dict({"reason": wanted.reason, "until": wanted.until})
        await row.save(update_fields=["reason", "until"])
        target = f"{project.name}/{environment.name}"
        event = EnvironmentLocked(project_id=project.id, target=target, row=row.id, old=old, new=_values(row))
        await events.record(context, event)
        await reevaluate(environment_id=environment.id)
    return row, held is None


@allowed_on_tier("deployment:start", production="deployment:production")
async def unlock(
    context: Context, project: Project, environment: Environment, *, expected: int | None = None
) -> EnvironmentLock:
    """Release an environment's lock: one's own, or with `deployment:force` somebody else's. Returns what it was.

    Refuses an environment that is not locked, and one whose lock has another id than `expected`.
    """
    async with transaction():
        await Environment.select_for_update().get(id=environment.id)
        if (earlier := await performed_requests.result_of(context, EnvironmentUnlocked.act)) is not None:
            return await EnvironmentLock.get(id=earlier).select_related("owner")
        held = await _open_lock(context, environment)
        if held is None:
            raise NotFound(NOT_LOCKED)
        if expected not in (None, held.id):
            raise Conflict(f"That lock has ended. {sentence_of(held, context.now())}", **_values(held))
        if held.owner_id != context.actor.user_id:
            _authorize_release(context, project, held)
        await EnvironmentLock.filter(id=held.id).update(released_at=context.now(), released_by_id=context.actor.user_id)
        target = f"{project.name}/{environment.name}"
        event = EnvironmentUnlocked(project_id=project.id, target=target, row=held.id, old=_values(held))
        await events.record(context, event)
        await reevaluate(environment_id=environment.id)
    return held


@allowed("project:read")
async def find(context: Context, project: Project, environment: str) -> EnvironmentLock:
    """Find the lock of an environment that is in force, with its owner. Refuses an environment that is not locked."""
    row = await Environment.get_or_none(project_id=project.id, name=environment)
    if row is None:
        raise await unknown_environment(context, project, environment)
    held = (await locks_by_environment([row], context.now())).get(row.id)
    if held is None:
        raise NotFound(NOT_LOCKED)
    return held


def locked_by_another(lock: EnvironmentLock, now: datetime) -> Conflict:
    """Build the error for an environment that somebody else has locked. The lock's owner must have been fetched."""
    return Conflict(sentence_of(lock, now), **_values(lock))


def sentence_of(lock: EnvironmentLock, now: datetime) -> str:
    """Say whose a lock is, since when, until when and why. The lock's owner must have been fetched."""
    return told(f"The environment is locked by {lock.owner.name}", lock.since, lock.until, lock.reason, now)


async def _open_lock(context: Context, environment: Environment) -> EnvironmentLock | None:
    """Find the lock of an environment whose row is locked. One that has expired is released on the way."""
    found = EnvironmentLock.filter(environment_id=environment.id, released_at=None)
    held = await found.select_related("owner").first()
    if held is not None and held.until is not None and held.until <= context.now():
        await EnvironmentLock.filter(id=held.id).update(released_at=held.until)
        return None
    return held


async def _insert(context: Context, environment: Environment, wanted: Terms) -> EnvironmentLock:
    row = await EnvironmentLock.create(environment_id=environment.id, owner_id=context.actor.user_id, **vars(wanted))
    return await EnvironmentLock.get(id=row.id).select_related("owner")


def _values(lock: EnvironmentLock) -> dict[str, str | None]:
    until = None if lock.until is None else lock.until.isoformat()
    return {"owner": lock.owner.name, "reason": lock.reason, "since": lock.since.isoformat(), "until": until}


def _authorize_release(context: Context, project: Project, held: EnvironmentLock) -> None:
    """Refuse somebody who may not release another person's lock, saying whose it is."""
    try:
        authorize(context.actor, FORCE, project=project)
    except Forbidden as refused:
        others = f"somebody with the role {role_for(FORCE)} (`{FORCE}`)"
        sentence = f"{sentence_of(held, context.now())} Only {held.owner.name}, or {others}, can release the lock."
        raise Forbidden(sentence, **refused.details) from refused
