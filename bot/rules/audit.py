"""Which entries of the audit log somebody asks for, and how what changed is shown."""

import json
from collections.abc import Mapping, Sequence
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
    """What changed, value by value, without what is empty. A text that stands alone has no name."""
    old, new = _named(before), _named(after)
    names = [name for name in dict.fromkeys([*old, *new]) if (old.get(name), new.get(name)) != (None, None)]
    return [
        Change("" if name == "is" else name.replace("_", " "), _shown(old, name), _shown(new, name)) for name in names
    ]


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


def _named(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {} if value is None else {"is": value}


def _shown(values: Mapping[str, Any], name: str) -> str | None:
    if name not in values or values[name] is None:
        return None
    value = values[name]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
