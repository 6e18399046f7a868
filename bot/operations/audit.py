"""The audit log: what was done and what went wrong, added to and never changed."""

from typing import Any

import structlog

from bot.context import Context
from bot.store.audit import AuditEntry

log = structlog.get_logger()


async def record(
    context: Context,
    act: str,
    subject: str,
    *,
    project: int | None = None,
    commit: str | None = None,
    before: Any = None,
    after: Any = None,
) -> None:
    """Add an entry for an act, in the transaction of the act itself."""
    await _add(context, act, subject, False, project, commit, before, after)


async def alarm(
    context: Context,
    what: str,
    subject: str,
    *,
    project: int | None = None,
    commit: str | None = None,
    before: Any = None,
    after: Any = None,
) -> None:
    """Add an entry that somebody has to look at: what was found is not as it was approved."""
    log.error("alarm", alarm=what, subject=subject, commit=commit, before=before, after=after)
    await _add(context, what, subject, True, project, commit, before, after)


async def _add(
    context: Context,
    act: str,
    subject: str,
    alarming: bool,
    project: int | None,
    commit: str | None,
    before: Any,
    after: Any,
) -> None:
    await AuditEntry.create(
        at=context.now(),
        actor=context.actor.name,
        channel=context.channel,
        act=act,
        alarm=alarming,
        project_id=project,
        subject=subject[:600],
        commit=commit,
        before=_object(before),
        after=_object(after),
    )


def _object(value: Any) -> Any:
    """A text as an object: the ORM would take it for JSON written out."""
    return {"is": value} if isinstance(value, str) else value
