"""Requests that GitHub refuses, in words."""

from bot.errors import Refusal
from bot.github.tags import ARCHIVED
from bot.github.transport import ApiError


def refused(what: str, error: ApiError) -> Refusal:
    """Word a refusal of `what`, which sent again is refused again; re-raises an error of authentication."""
    if error.status == 401:
        raise error
    if "archived" in error.message:
        return Refusal(ARCHIVED)
    return Refusal(f"GitHub refused {what}: {' '.join(error.message.split())}")
