"""Times as people write them in commands. Those without an offset are in UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from bot.errors import Refusal

EXPECTED = (
    "a time in UTC or with an offset: `2026-12-24T18:00Z`, `2026-12-24 18:00`, `2026-12-24` (when that day begins), "
    "`18:00` (the next one) or `tomorrow 8:00`"
)
INVALID = "Invalid time"
PAST = "The time is in the past"
_CLOCK = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?"
_OFFSET = r"(?: ?(?P<offset>Z|UTC|[+-][0-9]{2}:?[0-9]{2}))?"
_ABSOLUTE = re.compile(rf"(?P<date>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})(?:[T ]{_CLOCK}{_OFFSET})?", re.IGNORECASE)
_RELATIVE = re.compile(rf"(?:(?P<day>today|tomorrow) )?{_CLOCK}(?: ?(?:Z|UTC))?", re.IGNORECASE)

Day = Literal["next", "today", "tomorrow"]


@dataclass(frozen=True)
class WrittenTime:
    """A time as it was written: an absolute one (`moment`), or a time of a day (`clock`, UTC) relative to now."""

    moment: datetime | None = None
    clock: time = time()
    day: Day = "next"

    def after(self, now: datetime) -> datetime:
        """The time in UTC. `now` decides which day is meant. Refuses a time that is not after it."""
        moment = self.moment or self._on_day(now.astimezone(UTC))
        if moment <= now:
            raise Refusal(PAST, time=f"{moment:%Y-%m-%dT%H:%M:%SZ}")
        return moment

    def _on_day(self, now: datetime) -> datetime:
        today = datetime.combine(now.date(), self.clock, UTC)
        is_next_day = self.day == "tomorrow" or (self.day == "next" and today <= now)
        return today + timedelta(days=1) if is_next_day else today


def parse_time(text: str) -> WrittenTime:
    """Parse a time: ISO 8601 with or without an offset, a date (its beginning), or a time of day.

    `18:00` is the next 18:00; `today 18:00` and `tomorrow 8:00` are as they say. Refuses anything else.
    """
    try:
        if absolute := _ABSOLUTE.fullmatch(text):
            return WrittenTime(_absolute(absolute))
        if relative := _RELATIVE.fullmatch(text):
            day: Day = "tomorrow" if (relative["day"] or "").lower() == "tomorrow" else "today"
            return WrittenTime(clock=_clock(relative), day=day if relative["day"] else "next")
    except (ValueError, OverflowError):
        pass  # there is no such day or time
    raise Refusal(INVALID, time=text[:50], expected=EXPECTED)


def _absolute(match: re.Match[str]) -> datetime:
    clock = time() if match["hour"] is None else _clock(match)
    offset = (match["offset"] or "Z").upper().replace(":", "")
    local = datetime.combine(date.fromisoformat(match["date"]), clock, UTC)
    if offset in ("Z", "UTC"):
        return local
    hours, minutes = int(offset[1:3]), int(offset[3:5])
    if hours > 14 or minutes > 59:
        raise ValueError(offset)
    ahead = timedelta(hours=hours, minutes=minutes)
    return local - ahead if offset[0] == "+" else local + ahead


def _clock(match: re.Match[str]) -> time:
    return time(int(match["hour"]), int(match["minute"]), int(match["second"] or 0))
