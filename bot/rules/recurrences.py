"""Recurring times: rules in the text of RFC 5545, whose DTSTART is 2000-01-01T00:00 in a time zone.

Occurrences are computed as wall times and localized afterwards, so that they keep their wall time when the clocks
change: one that does not exist is moved forward, of two that bear the same wall time it is the first. How long a
recurrence lasts is elapsed time.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from bot.errors import Refusal

START = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall time
PROBE = datetime(9972, 1, 1)  # noqa: DTZ001 - begins the last 28 years, which have the calendar of 2000 to 2027
PROBE_END = datetime(9999, 12, 31)  # noqa: DTZ001 - a wall time
MAX_GAP = timedelta(days=1500)  # four years and a little: from one February 29 to the next
PROBED = 1000  # occurrences
MAX_A_DAY = 24
MAX_TEXT = 200
EXPECTED = "an RFC 5545 rule such as FREQ=WEEKLY;BYDAY=FR;BYHOUR=14;BYMINUTE=0, daily or rarer"

DAY = timedelta(days=1)
CLOCK_CHANGE = timedelta(hours=3)  # more than any: occurrences may change their order when the clocks do
LOOK_BACK = (timedelta(days=3), timedelta(days=40))  # days in which most rules have an occurrence: tried first
LOOK_AHEAD = timedelta(days=400)
MAX_AHEAD = 128  # occurrences

_SIGNED = r"[+-]?[1-9][0-9]{0,2}"
_WEEKDAY = r"(?:MO|TU|WE|TH|FR|SA|SU)"


def _list(item: str) -> str:
    return rf"{item}(?:,{item})*"


_PARTS = {
    "FREQ": r"DAILY|WEEKLY|MONTHLY|YEARLY",
    "INTERVAL": r"[1-9][0-9]{0,3}",
    "UNTIL": r"[0-9]{8}(?:T[0-9]{6})?",
    "WKST": _WEEKDAY,
    "BYMONTH": _list(r"(?:0?[1-9]|1[0-2])"),
    "BYWEEKNO": _list(_SIGNED),
    "BYYEARDAY": _list(_SIGNED),
    "BYMONTHDAY": _list(_SIGNED),
    "BYDAY": _list(rf"(?:[+-]?[1-9][0-9]?)?{_WEEKDAY}"),
    "BYHOUR": _list(r"(?:[01]?[0-9]|2[0-3])"),
    "BYMINUTE": _list(r"[0-5]?[0-9]"),
    "BYSETPOS": _list(_SIGNED),
}
_DAYS = {"DAILY": 1, "WEEKLY": 7}
_MONTHS = {"MONTHLY": 1, "YEARLY": 12}


class Span(NamedTuple):
    """A time from its beginning up to its end, not including it."""

    start: datetime
    end: datetime


class Schedule(NamedTuple):
    """The spans of a recurrence around some day, in order and apart from each other, complete up to `known_until`.

    `starts` are when they begin.
    """

    spans: tuple[Span, ...]
    starts: tuple[datetime, ...]
    known_until: datetime

    def at(self, time: datetime) -> Span | None:
        """The span that a time is in."""
        index = bisect_right(self.starts, time) - 1
        return self.spans[index] if index >= 0 and time < self.spans[index].end else None

    def following(self, time: datetime) -> Span | None:
        """The first span that begins after a time."""
        index = bisect_right(self.starts, time)
        return self.spans[index] if index < len(self.spans) else None


def check_rule(text: str) -> str:
    """Refuse a rule that cannot be read, that recurs too often or too rarely, or that has COUNT or BYSECOND.

    COUNT would count from the year 2000, so that a window would be over that seems to be in force.
    """
    problem = _problem(text)
    if problem is not None:
        raise Refusal(f"A window is {EXPECTED}: {problem}.", value=text[:MAX_TEXT], expected=EXPECTED)
    return text


def check_timezone(text: str) -> str:
    """Refuse a text that is not the name of a time zone."""
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError) as error:
        raise Refusal("A time zone is a name such as `Europe/Berlin` or `UTC`.", value=text[:100]) from error
    return text


@lru_cache(512)
def schedule(text: str, timezone: str, lasts: timedelta, day: date) -> Schedule:
    """Compute the spans of a checked rule from those in force when a day begins in UTC, and of some months after it."""
    zone = ZoneInfo(timezone)
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    wall = begins.astimezone(zone).replace(tzinfo=None)
    times, is_all = _ahead(text, wall)
    known_until = begins + LOOK_AHEAD - DAY if is_all else _localized(times[-1], zone) - CLOCK_CHANGE
    starts = sorted(_localized(time, zone) for time in (*_behind(text, wall, lasts), *times))
    spans = tuple(_merged(starts, lasts, begins))
    return Schedule(spans, tuple(span.start for span in spans), known_until)


@lru_cache(512)
def _problem(text: str) -> str | None:
    """What is wrong with a rule. Rules that hardly ever occur are refused: the search for an occurrence takes time."""
    parts = [part.partition("=")[::2] for part in text.split(";")]
    named = dict(parts)
    if len(text) > MAX_TEXT or len(named) < len(parts) or "FREQ" not in named:
        return "it needs FREQ, each part once, and at most 200 characters"
    for name, value in parts:
        if name not in _PARTS:
            return f"{name[:20]} cannot be used here"
        if re.fullmatch(_PARTS[name], value) is None:
            return f"{name} has a value that it cannot have"
    if named["FREQ"] in _DAYS and any(sign.isdigit() for sign in named.get("BYDAY", "")):
        return "numbered weekdays are those of a month or year"
    if len(named.get("BYHOUR", "").split(",")) * len(named.get("BYMINUTE", "").split(",")) > MAX_A_DAY:
        return f"it begins more than {MAX_A_DAY} times a day"
    try:
        _compiled(text)
        return None if _recurs(text) else "it never occurs, or not even every four years"
    except (ValueError, OverflowError) as error:
        return str(error)
    except (KeyError, TypeError, IndexError):
        return "its parts do not fit together"


def _recurs(text: str) -> bool:
    """Whether a rule occurs often enough, tried at the end of the calendar, where a search that finds nothing ends."""
    endless = ";".join(part for part in text.split(";") if not part.startswith("UNTIL="))
    earlier, found = PROBE, 0
    for time in islice(_parsed(endless).replace(dtstart=PROBE), PROBED):
        if time - earlier > MAX_GAP:
            return False
        earlier, found = time, found + 1
    return found == PROBED or PROBE_END - earlier <= MAX_GAP


def _parsed(text: str) -> rrule:
    parsed = rrulestr(text, dtstart=START)
    if not isinstance(parsed, rrule):
        raise TypeError("it must be one rule")
    return parsed


@lru_cache(512)
def _compiled(text: str) -> tuple[rrule, str, int]:
    """A rule, its frequency and its interval."""
    named = dict(part.partition("=")[::2] for part in text.split(";"))
    return _parsed(text), named["FREQ"], int(named.get("INTERVAL", "1"))


def _from(text: str, wall: datetime) -> Iterator[datetime]:
    """The occurrences at or after a wall time, found from a beginning close to it that is in step with `START`."""
    rule, frequency, interval = _compiled(text)
    begin = START
    if frequency in _DAYS:
        size = _DAYS[frequency] * interval
        steps = max(0, (wall - START).days // size - 1)
        begin += timedelta(days=steps * size)
    else:
        size = _MONTHS[frequency] * interval
        steps = max(0, ((wall.year - START.year) * 12 + wall.month - START.month) // size - 1)
        begin = begin.replace(year=START.year + steps * size // 12, month=steps * size % 12 + 1)
    return (time for time in rule.replace(dtstart=begin) if time >= wall)


def _behind(text: str, wall: datetime, lasts: timedelta) -> list[datetime]:
    """The occurrences before a wall time, from the last one on that was a day or more before it.

    What began before that one is over when that one is. None is searched for that is over.
    """
    furthest, found = lasts + 2 * DAY, list[datetime]()
    for back in (*(each for each in LOOK_BACK if each < furthest), furthest):
        found = list(takewhile(lambda time: time < wall, _from(text, wall - back)))
        first = bisect_right(found, wall - DAY) - 1
        if first >= 0:
            return found[first:]
    return found


def _ahead(text: str, wall: datetime) -> tuple[list[datetime], bool]:
    """The next occurrences from a wall time on, and whether they are all within `LOOK_AHEAD`."""
    end = wall + LOOK_AHEAD
    times = list(islice(takewhile(lambda time: time < end, _from(text, wall)), MAX_AHEAD))
    return times, len(times) < MAX_AHEAD


def _localized(wall: datetime, zone: ZoneInfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _merged(starts: list[datetime], lasts: timedelta, since: datetime) -> Iterator[Span]:
    """The spans that begin at such times and last so long, merged where they overlap, without those that are over."""
    current: Span | None = None
    for start in starts:
        if current is not None and start <= current.end:
            current = Span(current.start, start + lasts)
            continue
        if current is not None and current.end > since:
            yield current
        current = Span(start, start + lasts)
    if current is not None and current.end > since:
        yield current
