"""Fields of GitHub's JSON."""

from typing import Any

from bot.errors import Unavailable
from bot.github.limits import UNAVAILABLE


def required(data: Any, name: str) -> Any:
    """Return a field that GitHub's responses always have. Unavailable when it is missing: something is in between."""
    if not isinstance(data, dict) or data.get(name) is None:
        raise Unavailable(UNAVAILABLE, reason=f"the response has no `{name}`")
    return data[name]
