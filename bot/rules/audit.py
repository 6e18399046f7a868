"""Which entries of the audit log somebody asks for, and how what changed is shown."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from bot.errors import Refusal

CHANNELS = ("rest", "page", "pull comment", "commit comment", "check button", "tag", "cli", "github", "file", "job")
MAX_TEXT = 255  # characters of what is compared
MAX_SHOWN = 300  # characters of a value
FIELDS = ("project", "actor", "act", "channel", "alarm", "since", "until")
ALARMS = {"": None, "true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_TIME = "a day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z"


@dataclass(frozen=True)
class AuditFilter:
    """The entries that somebody asks for. What is empty or None is not looked at; times are `since` ≤ at < `until`."""

    project: str = ""
    actor: str = ""
    act: str = ""
    channel: str = ""
    alarm: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class AuditPage:
    """Which entries, newest first: at most `limit`, with ids between two; with `from_end`, the oldest ones of these."""

    limit: int
    before: int | None = None
    after: int | None = None
    from_end: bool = False


@dataclass(frozen=True)
class Change:
    """A value that changed; None if there was or is none."""

    name: str
    old: str | None
    new: str | None


def audit_filter(values: Mapping[str, str]) -> AuditFilter:
    """Read the fields of a filter as they stand in a query. Refuses malformed ones by name."""
    texts = {name: values.get(name, "").strip()[:MAX_TEXT] for name in FIELDS}
    channel, alarm = texts["channel"], texts["alarm"].lower()
    if channel and channel not in CHANNELS:
        raise Refusal(f"`channel` must be one of {', '.join(CHANNELS)}.", field="channel")
    if alarm not in ALARMS:
        raise Refusal("`alarm` must be true or false.", field="alarm")
    return AuditFilter(
        project=texts["project"],
        actor=texts["actor"],
        act=texts["act"],
        channel=channel,
        alarm=ALARMS[alarm],
        since=_time_of("since", texts["since"], end=False),
        until=_time_of("until", texts["until"], end=True),
    )


def changes(before: Any, after: Any) -> Sequence[Change]:
    """What changed, value by value, without what is empty or stays the same. A text that stands alone has no name.

    An entry may keep the status before as a text alone, and the one after among other values.
    """
    old, new = dict(_flat(before)), dict(_flat(after))
    for one, other in ((old, new), (new, old)):
        if one.keys() == {"is"} and "status" in other:
            one["status"] = one.pop("is")
    names = [name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)]
    return [Change("" if name == "is" else name.replace("_", " "), old.get(name), new.get(name)) for name in names]


def _time_of(name: str, text: str, *, end: bool) -> datetime | None:
    """A day or a time, in UTC unless it says otherwise. With `end`, a day counts to its end."""
    if not text:
        return None
    try:
        if len(text) == len("2026-01-31"):
            day = date.fromisoformat(text) + timedelta(days=end)
            return datetime.combine(day, time(), UTC)
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refusal(f"`{name}` must be {_TIME}.", field=name) from None


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The values within a value, as texts by their names; `is` is the name of one that stands alone."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(each, f"{name} {key}".lstrip())
    elif value not in (None, []):
        yield name or "is", _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        text = ", ".join(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
