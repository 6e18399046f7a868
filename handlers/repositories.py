"""`repository`: what one is called, whose it is, who may see it."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import repositories


def changed(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None]:
    """Hear that a repository was renamed, transferred, archived, deleted or shown to other people.

    What it is like now is asked of GitHub: deliveries come late and in any order.
    """
    return repositories.schedule_check(int(payload["repository"]["id"]))
