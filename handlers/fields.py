"""Fields of webhook payloads. What belonged to a deleted account or repository may be missing, or null."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

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
        raise ValueError(f"`{name}` must be a number of GitHub's, not {value!r:.100}")
    return value


def text(subject: Mapping[str, Any], name: str) -> str:
    """A text that cannot be missing."""
    value = subject.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"`{name}` must be a text, not {value!r:.100}")
    return value


def timestamp(subject: Mapping[str, Any], name: str) -> str:
    """A time with its offset, in ISO 8601, that cannot be missing."""
    value = text(subject, name)
    if datetime.fromisoformat(value).tzinfo is None:
        raise ValueError(f"`{name}` must have an offset, not {value!r:.100}")
    return value
