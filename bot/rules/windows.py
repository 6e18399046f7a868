"""Calendar windows: recurring times in which deployments are denied, or outside of which they are.

A rule is RFC 5545 text whose DTSTART is 2000-01-01T00:00 local time. Its occurrences are computed as wall times and
localized afterwards, so that they keep their wall time when the clocks change; a window's duration is elapsed time.
"""

import re
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from bot.errors import Refusal

START = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall time
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
EXPECTED = "an RFC 5545 rule such as FREQ=WEEKLY;BYDAY=FR;BYHOUR=14;BYMINUTE=0, daily or rarer"
_RULE = re.compile(r"[A-Z]+=[A-Z0-9,+-]+(?:;[A-Z]+=[A-Z0-9,+-]+)*")


def check_rule(text: str) -> str:
    """Refuse a rule that cannot be read, that recurs more often than daily, or that is about seconds."""
    parts = dict(part.partition("=")[::2] for part in text.split(";"))
    if len(text) > 200 or _RULE.fullmatch(text) is None or parts.get("FREQ") not in FREQUENCIES or "BYSECOND" in parts:
        raise Refusal(f"A window is {EXPECTED}.", value=text[:200], expected=EXPECTED)
    try:
        _compiled(text)
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal(f"A window is {EXPECTED}: {error}.", value=text[:200], expected=EXPECTED) from error
    return text


def check_timezone(text: str) -> str:
    """Refuse a text that is not the name of a timezone."""
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError) as error:
        raise Refusal("A timezone is a name such as `Europe/Berlin` or `UTC`.", value=text[:100]) from error
    return text


@lru_cache(1024)
def _compiled(text: str) -> rrule:
    compiled = rrulestr(text, dtstart=START)
    if not isinstance(compiled, rrule):  # a set of several rules
        raise ValueError("it must be one rule")
    return compiled
