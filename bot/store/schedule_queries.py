"""Release schedules by their dates, as calendars show them."""

from datetime import date
from typing import Any, TypedDict

from bot.rules.permissions import Visibility
from bot.store import visibility
from bot.store.database import dialect, fetch_as
from bot.store.lists import Conditions

_SCHEDULES = """
SELECT s.id, s.date, r.release_id, r.version, p.name AS project, a.name AS sla, a.description
FROM schedules s
JOIN releases r ON r.id = s.release_id
JOIN projects p ON p.id = r.project_id
JOIN slas a ON a.id = s.sla_id
{where} ORDER BY s.date, s.id LIMIT {limit:d}
"""


class ScheduleRow(TypedDict):
    """The date until which an SLA applies to a release."""

    id: int
    date: Any
    release_id: str | None
    version: str
    project: str
    sla: str
    description: str


async def between(visible: Visibility, first: date, end: date | None, *, limit: int) -> list[ScheduleRow]:
    """Read visible schedules from a day on, and before another one, the earliest first."""
    where = Conditions()
    where.add("s.date >= {}", _stored(first))
    if end is not None:
        where.add("s.date < {}", _stored(end))
    if condition := visibility.condition(visible, "r.project_id", where.args):
        where.clauses.append(condition)
    return await fetch_as(ScheduleRow, _SCHEDULES.format(where=where, limit=limit), *where.args)


def _stored(day: date) -> date | str:
    return day if dialect() == "postgres" else day.isoformat()
