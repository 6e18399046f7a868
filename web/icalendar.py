"""Release schedules as a calendar (RFC 5545)."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from bot.operations.schedules import ScheduledEnd

CONTENT_TYPE = "text/calendar"
MAX_OCTETS = 75  # of a line, without its end
NAME = "Release schedules"


def calendar(ends: Iterable[ScheduledEnd], *, host: str, url: str, now: datetime) -> bytes:
    """The calendar of what ends when. `host` is in the ids of entries, which must never change."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Longshore//Release schedules//EN", f"X-WR-CALNAME:{NAME}"]
    for end in ends:
        lines += _event(end, host, url, now)
    lines.append("END:VCALENDAR")
    return b"".join(b"\r\n ".join(_folded(line)) + b"\r\n" for line in lines)


def _event(end: ScheduledEnd, host: str, url: str, now: datetime) -> list[str]:
    description = [f"DESCRIPTION:{_text(end.description)}"] if end.description else []
    return [
        "BEGIN:VEVENT",
        f"UID:schedule-{end.id}@{host}",
        f"DTSTAMP:{now:%Y%m%dT%H%M%SZ}",
        f"DTSTART;VALUE=DATE:{end.date:%Y%m%d}",
        f"DTEND;VALUE=DATE:{end.date + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_text(f'{end.release}: {end.sla} ends')}",
        *description,
        f"CATEGORIES:{_text(end.project)}",
        f"URL:{url}?month={end.date:%Y-%m}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _text(text: str) -> str:
    """Escape a text. Line breaks are written as such; other control characters are left out."""
    escaped = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    lines = escaped.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\\n".join(
        "".join(character for character in line if character >= " " and character != "\x7f") for line in lines
    )


def _folded(line: str) -> Iterator[bytes]:
    """The parts of a line. A continuation begins with a space, which counts, and no character is divided."""
    part, limit = b"", MAX_OCTETS
    for character in line:
        octets = character.encode("utf-8", "replace")
        if len(part) + len(octets) > limit:
            yield part
            part, limit = b"", MAX_OCTETS - 1
        part += octets
    yield part
