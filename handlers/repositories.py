"""`repository`: renames, transfers, and changes of visibility."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import repositories
from handlers.fields import repository_id


def on_repository(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a repository that was renamed, transferred, archived, deleted, made public or private.

    A job asks GitHub for its current state: deliveries come late and in any order.
    """
    repository = repository_id(payload)
    return None if repository is None else repositories.schedule_check(repository)
