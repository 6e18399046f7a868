"""Fields of GitHub's JSON."""

from datetime import datetime
from typing import Any

from bot.errors import Unavailable
from bot.github.limits import UNAVAILABLE


def required(data: Any, name: str) -> Any:
    """Return a field that GitHub's responses always have. Unavailable when it is missing: something is in between."""
    if not isinstance(data, dict) or data.get(name) is None:
        raise Unavailable(UNAVAILABLE, reason=f"the response has no `{name}`")
    return data[name]


def required_text(data: Any, name: str) -> str:
    """Return a text that GitHub's responses always have."""
    value = required(data, name)
    if not isinstance(value, str):
        raise Unavailable(UNAVAILABLE, reason=f"`{name}` in the response is not text")
    return value


def required_time(data: Any, name: str) -> datetime:
    """Return a time that GitHub's responses always have."""
    text = required_text(data, name)
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise Unavailable(UNAVAILABLE, reason=f"`{name}` in the response is not a time") from error


def required_number(data: Any, name: str) -> int:
    """Return a number that GitHub's responses always have."""
    try:
        return int(required(data, name))
    except (TypeError, ValueError) as error:
        raise Unavailable(UNAVAILABLE, reason=f"`{name}` in the response is not a number") from error


def optional_text(data: Any, name: str) -> str | None:
    """Return a text that may be null or missing."""
    return None if data.get(name) is None else required_text(data, name)
