"""`repository`: what one is called, whose it is, who may see it."""

from collections.abc import Mapping
from typing import Any

from bot.context import Context
from bot.operations import repositories


async def changed(context: Context, payload: Mapping[str, Any], guid: str) -> None:
    """Hear that a repository was renamed, transferred, archived, deleted or shown to other people."""
    repository = payload["repository"]
    if payload["action"] == "deleted":
        await repositories.vanish(context, int(repository["id"]), "it was deleted")
        return
    await repositories.change_known(
        context,
        int(repository["id"]),
        full_name=str(repository["full_name"]),
        default_branch=str(repository["default_branch"]),
        private=bool(repository["private"]),
        archived=bool(repository["archived"]),
    )
    if payload["action"] == "transferred":
        await repositories.transferred(context, int(repository["id"]))
