"""When a freeze or a lock ends that a form asks for: the fields `for` and `until`, as commands take them."""

from datetime import datetime, timedelta
from typing import TypedDict

from bot.errors import Refusal
from bot.rules.durations import parse_duration
from bot.rules.ids import parse_row_id
from bot.rules.times import parse_time
from web.requests import PageRequest


class End(TypedDict):
    """When something ends: at a time, or after so long. Neither: when somebody ends it; both are refused by the act."""

    until: datetime | None
    lasts: timedelta | None


def end_of(page: PageRequest) -> End:
    """Read the end of a form. Refuses what is neither a duration nor a time, and a time that is past."""
    until, lasts = page.field("until"), page.field("for")
    return End(
        until=parse_time(until).after(page.context.now()) if until else None,
        lasts=parse_duration(lasts) if lasts else None,
    )


def shown(page: PageRequest) -> list[int] | None:
    """The ids of the freezes or the lock that a form has shown and ends; None if it names none.

    Refuses what is no list of ids.
    """
    texts = page.field("shown").split()
    ids = [number for text in texts if (number := parse_row_id(text)) is not None]
    if len(ids) != len(texts):
        raise Refusal("`shown` must be the ids of what the form has shown.", field="shown")
    return ids or None
