"""Times, durations and commits as people say them."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

SHOWN_SHA = 7
_DECEPTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
)
"""Characters that change the direction of the text after them, that nobody sees, or that control devices."""
_UNITS = (
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "h"),
    (timedelta(minutes=1), "min"),
    (timedelta(seconds=1), "s"),
)
_BROWSERS = {
    "Edg": "Edge",
    "OPR": "Opera",
    "Firefox": "Firefox",
    "Chrome": "Chrome",
    "CriOS": "Chrome",
    "Safari": "Safari",
}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "an iPhone",
    "iPad": "an iPad",
    "CrOS": "ChromeOS",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}
MAX_BROWSER = 60  # characters of what another program says it is
MAX_DAYS = 60  # of an age; older times are shown as dates


def as_time(value: datetime | str | None) -> datetime | None:
    """A time of a row, which is text on SQLite, in UTC."""
    if value is None:
        return None
    time = datetime.fromisoformat(value) if isinstance(value, str) else value
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def duration(value: timedelta | float | None) -> str:
    """A duration in its two largest units: `1 min 40 s`, `3 h`, `6 days`; empty if it is not known."""
    if value is None:
        return ""
    rest = value if isinstance(value, timedelta) else timedelta(seconds=value)
    rest = max(rest, timedelta())
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}")
        if len(parts) == 2 or (parts and size >= timedelta(days=1) and count > 1):
            break
    return " ".join(parts) or "0 s"


def age(time: datetime, now: datetime) -> str:
    """How long ago a time is, or how far ahead, in one unit: `4 min ago`, `in 2 h`, `just now`; a date if it is far."""
    passed = now - time
    distance = abs(passed)
    if distance >= timedelta(days=MAX_DAYS):
        return f"{time:%Y-%m-%d}"
    if distance < timedelta(seconds=10):
        return "just now"
    text = span(distance)
    return f"{text} ago" if passed > timedelta() else f"in {text}"


def span(distance: timedelta) -> str:
    """A duration in its largest unit, rounded down."""
    size, unit = next(((size, unit) for size, unit in _UNITS if distance >= size), _UNITS[-1])
    count = distance // size
    return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"


def absolute(time: datetime) -> str:
    """A time in full, for whoever points at it."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def short(sha: str) -> str:
    """The first digits of a commit's SHA."""
    return sha[:SHOWN_SHA]


def visible(text: str) -> str:
    """A text whose characters all show themselves: each that would deceive about the others becomes `\ufffd`."""
    return text if text.isprintable() else _DECEPTIVE.sub("\ufffd", text)


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number with its noun: `1 change`, `14 changes`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def browser(agent: str) -> str:
    """What a browser is, by its User-Agent header: `Firefox on Linux`; other programs by what they say they are."""
    name = next((name for mark, name in _BROWSERS.items() if f"{mark}/" in agent), "")
    system = next((system for mark, system in _SYSTEMS.items() if mark in agent), "")
    if not name:
        return agent[:MAX_BROWSER].strip() or "an unknown browser"
    return f"{name} on {system}" if system else name


def unnamed(helpers: Iterable[str], sentence: str) -> list[str]:
    """Those who can help whom a sentence does not name."""
    named = {word.strip("`'\".,:;!?()") for word in sentence.split()}
    return [helper for helper in helpers if helper not in named]
