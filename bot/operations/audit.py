"""The audit log, for people and programs: who did what through which channel.

Entries of a project are for those who may read it, entries of no project for who may read all. What looks like a secret
is left out.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from bot.context import READ, Context, authorize
from bot.log import redact
from bot.operations import readable
from bot.rules.audit import AuditFilter, AuditPage
from bot.rules.permissions import Visibility
from bot.store import audit_queries
from bot.store.audit_queries import EXAMINED, AuditRow

AT_ONCE = 500  # entries of an export that are held in memory
MAX_COUNTED = 10_000


@dataclass(frozen=True)
class Entry:
    """An entry of the audit log."""

    id: int
    at: datetime
    actor: str
    channel: str
    act: str
    alarm: bool
    project: str | None
    subject: str
    commit: str | None
    before: Any
    after: Any


async def find(context: Context, wanted: AuditFilter, page: AuditPage) -> Sequence[Entry]:
    """Read the entries on a page of those that the caller may see, newest first."""
    context = await _allowed(context)
    visible, ids = context.actor.visibility(READ), await audit_queries.within_times(wanted)
    return [_entry(row) for row in await audit_queries.find(wanted, visible, ids, page)]


async def count(context: Context, wanted: AuditFilter, *, most: int = MAX_COUNTED) -> int:
    """Count the entries that the caller may see, at most so many."""
    context = await _allowed(context)
    visible, ids = context.actor.visibility(READ), await audit_queries.within_times(wanted)
    return await audit_queries.count(wanted, visible, ids, most)


async def pages(context: Context, wanted: AuditFilter, size: int = AT_ONCE) -> AsyncIterator[Sequence[Entry]]:
    """Read all entries that the caller may see, newest first, some at a time. Refuses before the first is read."""
    context = await _allowed(context)
    ids = await audit_queries.within_times(wanted) or await audit_queries.all_ids()
    return _pages(wanted, context.actor.visibility(READ), ids, size)


async def _pages(
    wanted: AuditFilter, visible: Visibility, ids: tuple[int, int], size: int
) -> AsyncIterator[Sequence[Entry]]:
    first, last = ids
    while last >= first:
        begin = max(first, last - EXAMINED + 1)
        rows = await audit_queries.find(wanted, visible, (begin, last), AuditPage(size))
        if rows:
            yield [_entry(row) for row in rows]
        last = begin - 1 if len(rows) < size else rows[-1]["id"] - 1


async def _allowed(context: Context) -> Context:
    authorize(context.actor, READ)
    return await readable.with_readable(context)


def as_json(entry: Entry) -> bytes:
    """An entry as one line of JSON, without the end of the line."""
    return orjson.dumps(entry, option=orjson.OPT_UTC_Z)


def _entry(row: AuditRow) -> Entry:
    at = datetime.fromisoformat(row["at"]) if isinstance(row["at"], str) else row["at"]
    return Entry(
        id=row["id"],
        at=at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC),
        actor=row["actor"],
        channel=row["channel"],
        act=row["act"],
        alarm=bool(row["alarm"]),
        project=row["project"],
        subject=redact(row["subject"]),
        commit=row["commit"],
        before=_details(row["before"]),
        after=_details(row["after"]),
    )


def _details(value: Any) -> Any:
    return redact(orjson.loads(value) if isinstance(value, str | bytes) else value)
