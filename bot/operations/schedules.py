"""Release schedules, for people: what ends when."""

from dataclasses import dataclass
from datetime import date

from bot.context import READ, Context, authorize
from bot.operations import readable
from bot.store import schedule_queries

READS = ("content:read", READ)
MAX_LISTED = 1000


@dataclass(frozen=True)
class ScheduledEnd:
    """The day until which an SLA applies to a release."""

    id: int
    date: date
    project: str
    release: str
    sla: str
    description: str


async def between(context: Context, first: date, end: date | None = None) -> list[ScheduledEnd]:
    """List what ends from a day on, and before another one, of the projects that the caller may see: at most 1,000."""
    authorize(context.actor, *READS)
    context = await readable.with_readable(context)
    rows = await schedule_queries.between(context.actor.visibility(*READS), first, end, limit=MAX_LISTED)
    return [
        ScheduledEnd(
            id=row["id"],
            date=date.fromisoformat(str(row["date"])[:10]),
            project=row["project"],
            release=row["release_id"] or row["version"],
            sla=row["sla"],
            description=row["description"],
        )
        for row in rows
    ]
