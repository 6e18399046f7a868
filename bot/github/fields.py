"""Fields of GitHub's JSON."""

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


def optional_text(data: Any, name: str) -> str | None:
    """Return a text that may be null or missing."""
    return None if data.get(name) is None else required_text(data, name)
