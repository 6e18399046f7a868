"""Fields of webhook payloads. What belonged to a deleted account or repository may be missing, or null."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import orjson

from bot.rules.ids import RepositoryId

MAX_ID = 2**63 - 1


def part(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object in a payload; empty when it is missing, null or something else."""
    value = payload.get(name)
    return value if isinstance(value, dict) else {}


def repository_id(payload: Mapping[str, Any]) -> RepositoryId | None:
    """The id of a payload's repository; None when it has none: then it concerns no repository of ours."""
    found = id_of(part(payload, "repository"))
    return None if found is None else RepositoryId(found)


def id_of(subject: Mapping[str, Any]) -> int | None:
    """The id of an object; None when it is missing or not valid."""
    value = subject.get("id")
    return value if type(value) is int and 0 < value <= MAX_ID else None


def number(subject: Mapping[str, Any], name: str) -> int:
    """A number that cannot be missing."""
    value = subject.get(name)
    if type(value) is not int or not 0 < value <= MAX_ID:
        raise ValueError(f"`{name}` must be a whole number above 0, not {_shown(value)}")
    return value


def text(subject: Mapping[str, Any], name: str) -> str:
    """A text that cannot be missing."""
    value = subject.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"`{name}` must be text that is not empty, not {_shown(value)}")
    return value


def timestamp(subject: Mapping[str, Any], name: str) -> str:
    """A time with its offset, in ISO 8601, that cannot be missing."""
    value = text(subject, name)
    with suppress(ValueError):
        if datetime.fromisoformat(value).tzinfo is not None:
            return value
    raise ValueError(f"`{name}` must be a time such as 2026-11-03T18:00:00Z, not {_shown(value)}")


def _shown(value: object) -> str:
    """The beginning of a value, as JSON."""
    return orjson.dumps(value, default=str).decode()[:100]
