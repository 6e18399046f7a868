"""Fields of GitHub's JSON."""

from typing import Any

from bot.errors import Unavailable
from bot.github.limits import UNAVAILABLE


def required(data: Any, name: str) -> Any:
    """A field that an answer of GitHub always has. Unavailable when it is missing: the answer is not GitHub's."""
    if not isinstance(data, dict) or data.get(name) is None:
        raise Unavailable(UNAVAILABLE, reason=f"the answer has no `{name}`")
    return data[name]
