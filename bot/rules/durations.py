"""Durations as people write them: `90s`, `30m`, `2h`, `7d`."""

import re
from datetime import timedelta

from bot.errors import Refusal

UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1)}
EXPECTED = "a number and a unit, as in 90s, 30m, 2h or 7d"
LONGEST = timedelta(days=366)
_WRITTEN = re.compile(r"([0-9]{1,8})([smhd])")


def parse_duration(text: object) -> timedelta:
    """Parse a duration of up to 366 days. Refuses anything else."""
    match = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
    if match is None or (duration := int(match[1]) * UNITS[match[2]]) > LONGEST:
        raise Refusal(f"A duration is {EXPECTED}, of at most 366 days.", value=str(text)[:50], expected=EXPECTED)
    return duration


def format_duration(duration: timedelta) -> str:
    """Write a duration in the largest unit that divides it; fractions of a second are dropped."""
    seconds = int(duration.total_seconds())
    for unit, size in UNITS.items():
        whole, rest = divmod(seconds, int(size.total_seconds()))
        if rest == 0 and whole > 0:
            return f"{whole}{unit}"
    return "0s"
