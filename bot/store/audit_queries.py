"""Entries of the audit log, newest first: by keyset, and within times that are found by the order of ids."""

from datetime import datetime
from typing import Any, TypedDict

from bot.rules.audit import AuditFilter, AuditPage
from bot.rules.permissions import Visibility
from bot.store import visibility
from bot.store.database import dialect, fetch, fetch_as
from bot.store.lists import Conditions

SLACK = 1000
"""Entries that may stand on the wrong side of a time by their ids: processes do not write in the order of time."""
_ENTRIES = """
SELECT a.id, a.at, a.actor, a.channel, a.act, a.alarm, p.name AS project, a.subject, a."commit", a.before, a.after
FROM (SELECT * FROM audit_entries {where} ORDER BY id {direction} LIMIT {limit:d}) a
LEFT JOIN projects p ON p.id = a.project_id ORDER BY a.id DESC
"""
_COUNT = "SELECT count(*) AS count FROM (SELECT 1 FROM audit_entries {where} LIMIT {limit:d}) a"
_RANGE = "SELECT COALESCE(min(id), 1) AS first, COALESCE(max(id), 0) AS last FROM audit_entries"
_AT = "SELECT id, at FROM audit_entries WHERE id >= $1 ORDER BY id LIMIT 1"


class AuditRow(TypedDict):
    """An entry. On SQLite, `at` is text; `before` and `after` are JSON or text that holds it."""

    id: int
    at: datetime | str
    actor: str
    channel: str
    act: str
    alarm: bool
    project: str | None
    subject: str
    commit: str | None
    before: Any
    after: Any


async def within_times(wanted: AuditFilter) -> tuple[int, int] | None:
    """The ids between which all entries of the filter's times are; None if every entry may be one."""
    if wanted.since is None and wanted.until is None:
        return None
    first, last = await all_ids()
    begin = first if wanted.since is None else await _first_since(wanted.since, first, last) - SLACK
    end = last if wanted.until is None else await _first_since(wanted.until, first, last) + SLACK
    return begin, end


async def all_ids() -> tuple[int, int]:
    """The lowest and the highest id of the entries; the highest is 0 if there are none."""
    [row] = await fetch(_RANGE)
    return int(row["first"]), int(row["last"])


async def find(
    wanted: AuditFilter, visible: Visibility, ids: tuple[int, int] | None, page: AuditPage
) -> list[AuditRow]:
    """Read the visible entries on a page, newest first. `ids` are those of `within_times`."""
    where = _conditions(wanted, visible, ids)
    if page.before is not None:
        where.add("id < {}", page.before)
    if page.after is not None:
        where.add("id > {}", page.after)
    direction = "ASC" if page.from_end else "DESC"
    sql = _ENTRIES.format(where=where, direction=direction, limit=page.limit)
    return await fetch_as(AuditRow, sql, *where.args)


async def count(wanted: AuditFilter, visible: Visibility, ids: tuple[int, int] | None, limit: int) -> int:
    """Count the visible entries, up to `limit`. `ids` are those of `within_times`."""
    where = _conditions(wanted, visible, ids)
    [row] = await fetch(_COUNT.format(where=where, limit=limit), *where.args)
    return int(row["count"])


def _conditions(wanted: AuditFilter, visible: Visibility, ids: tuple[int, int] | None) -> Conditions:
    where = Conditions()
    if ids is not None:
        where.add("id BETWEEN {} AND {}", *ids)
    for column in ("actor", "act", "channel"):
        if value := getattr(wanted, column):
            where.add(f"{column} = {{}}", value)
    if wanted.alarm is not None:
        where.add("alarm = {}", wanted.alarm)
    if wanted.project:
        where.add("project_id = (SELECT id FROM projects WHERE name = {})", wanted.project)
    if wanted.since is not None:
        where.add("at >= {}", _stored(wanted.since))
    if wanted.until is not None:
        where.add("at < {}", _stored(wanted.until))
    if condition := visibility.condition(visible, "project_id", where.args):
        where.clauses += [
            condition,
            "project_id IN (SELECT id FROM projects)",
        ]  # one that is gone is not known as public
    return where


async def _first_since(time: datetime, first: int, last: int) -> int:
    """The id of about the first entry since a time: found by halving, since ids and times grow together."""
    low, high = first, last + 1
    while low < high:
        middle = (low + high) // 2
        rows = await fetch(_AT, middle)
        if not rows or _time(rows[0]["at"]) >= time:
            high = middle
        else:
            low = int(rows[0]["id"]) + 1
    return low


def _time(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _stored(time: datetime) -> datetime | str:
    return time if dialect() == "postgres" else time.isoformat(sep=" ")
