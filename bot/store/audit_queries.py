"""Entries of the audit log, newest first: by keyset, and within times that are found by the order of ids.

What one index does not find is looked for in a part of the log after the other, so that no statement takes long,
however long the log is and however few entries are meant.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, TypedDict

from bot.rules.audit import AuditFilter, AuditPage
from bot.rules.permissions import Visibility
from bot.store import visibility
from bot.store.database import dialect, fetch, fetch_as
from bot.store.lists import Conditions

SLACK = 1000
"""Entries that may stand on the wrong side of a time by their ids: processes do not write in the order of time."""
EXAMINED = 10_000
"""Entries that a statement reads at most where one index does not find those that are meant, however few they are."""
Span = tuple[int, int]
"""The lowest and the highest id of some entries."""

_ENTRIES = """
SELECT a.id, a.at, a.actor, a.channel, a.act, a.alarm, p.name AS project, a.subject, a."commit", a.before, a.after
FROM (SELECT * FROM audit_entries {where} ORDER BY id {direction} LIMIT {limit:d}) a
LEFT JOIN projects p ON p.id = a.project_id ORDER BY a.id DESC
"""
_COUNT = "SELECT count(*) AS count FROM (SELECT 1 FROM audit_entries {where} LIMIT {limit:d}) a"
# For both in one SELECT, SQLite would go through the whole table.
_RANGE = """
SELECT COALESCE((SELECT min(id) FROM audit_entries), 1) AS first,
    COALESCE((SELECT max(id) FROM audit_entries), 0) AS last
"""
_NEAREST = "(SELECT {end}(n.id) FROM audit_entries n WHERE {condition} AND n.id BETWEEN {first} AND {last})"
_NEAREST_VISIBLE = "(SELECT {end}({nearest}) FROM projects p WHERE {visible})"
_OF_PROJECT = "project_id = (SELECT id FROM projects WHERE name = {})"
_COLUMNS = ("actor", "act", "channel")
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


async def within_times(wanted: AuditFilter) -> Span | None:
    """The ids between which all entries of the filter's times are; None if every entry may be one."""
    if wanted.since is None and wanted.until is None:
        return None
    first, last = await all_ids()
    begin = first if wanted.since is None else await _first_since(wanted.since, first, last) - SLACK
    end = last if wanted.until is None else await _first_since(wanted.until, first, last) + SLACK
    return begin, end


async def all_ids() -> Span:
    """The lowest and the highest id of the entries; the highest is 0 if there are none."""
    [row] = await fetch(_RANGE)
    return int(row["first"]), int(row["last"])


async def find(wanted: AuditFilter, visible: Visibility, ids: Span | None, page: AuditPage) -> list[AuditRow]:
    """Read the visible entries on a page, newest first. `ids` are those of `within_times`."""
    first, last = ids or await all_ids()
    if page.before is not None:
        last = min(last, page.before - 1)
    if page.after is not None:
        first = max(first, page.after + 1)
    found: list[AuditRow] = []
    async for part in _parts(wanted, visible, (first, last), from_end=page.from_end):
        where = _conditions(wanted, visible, part)
        direction = "ASC" if page.from_end else "DESC"
        sql = _ENTRIES.format(where=where, direction=direction, limit=page.limit - len(found))
        rows = await fetch_as(AuditRow, sql, *where.args)
        found = [*rows, *found] if page.from_end else [*found, *rows]
        if len(found) >= page.limit:
            break
    return found


async def count(wanted: AuditFilter, visible: Visibility, ids: Span | None, limit: int) -> int:
    """Count the visible entries, up to `limit`. `ids` are those of `within_times`."""
    counted = 0
    async for part in _parts(wanted, visible, ids or await all_ids(), from_end=False):
        where = _conditions(wanted, visible, part)
        [row] = await fetch(_COUNT.format(where=where, limit=limit - counted), *where.args)
        counted += int(row["count"])
        if counted >= limit:
            break
    return counted


async def _parts(wanted: AuditFilter, visible: Visibility, span: Span, *, from_end: bool) -> AsyncIterator[Span]:
    """The parts of a span in which there may be such entries, the newest first; with `from_end`, the oldest first.

    One index finds the entries of one condition, in one part; otherwise a part has at most EXAMINED ids, and those
    between which no entry meets one of the conditions are left out.
    """
    first, last = span
    if visible.everything and len(_filters(wanted, Conditions())) <= 1:
        yield span
        return
    nearest: int | None = first if from_end else last
    while nearest is not None and first <= nearest <= last:
        part = (
            (nearest, min(last, nearest + EXAMINED - 1)) if from_end else (max(first, nearest - EXAMINED + 1), nearest)
        )
        yield part
        first, last = (part[1] + 1, last) if from_end else (first, part[0] - 1)
        nearest = await _nearest(wanted, visible, (first, last), from_end=from_end) if first <= last else None


async def _nearest(wanted: AuditFilter, visible: Visibility, span: Span, *, from_end: bool) -> int | None:
    """The id in a span beyond which there may be such an entry: each condition alone is met there or later."""
    where = Conditions()
    names = {"first": where.value(span[0]), "last": where.value(span[1]), "end": "min" if from_end else "max"}
    columns = [_NEAREST.format(condition=each, **names) for each in _filters(wanted, where)]
    if condition := visibility.condition(visible, "p.id", where.args):
        of_project = _NEAREST.format(condition="n.project_id = p.id", **names)
        columns.append(_NEAREST_VISIBLE.format(nearest=of_project, visible=condition, **names))
    listed = ", ".join(f"{column} AS of_{number}" for number, column in enumerate(columns))
    [row] = await fetch(f"SELECT {listed}", *where.args)
    found = [None if each is None else int(each) for each in row.values()]
    known = [each for each in found if each is not None]
    if len(known) < len(found):
        return None
    return max(known) if from_end else min(known)


def _conditions(wanted: AuditFilter, visible: Visibility, ids: Span) -> Conditions:
    where = Conditions()
    where.clauses += _filters(wanted, where)
    where.add("id BETWEEN {} AND {}", *ids)
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


def _filters(wanted: AuditFilter, where: Conditions) -> list[str]:
    """The conditions of a filter for each of which there is an index; their values are added to `where`."""
    found = [f"{column} = {where.value(value)}" for column in _COLUMNS if (value := getattr(wanted, column))]
    if wanted.alarm is not None:
        found.append(f"alarm = {where.value(wanted.alarm)}")
    if wanted.project:
        found.append(_OF_PROJECT.format(where.value(wanted.project)))
    return found


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
