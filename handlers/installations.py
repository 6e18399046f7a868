"""`installation` and `installation_repositories`: what we reach."""

from collections.abc import Mapping
from typing import Any

from bot.context import Context
from bot.operations import repositories

GONE = ("deleted", "suspend")


async def changed(context: Context, payload: Mapping[str, Any], guid: str) -> None:
    """Hear that the App was installed, removed, suspended, or given other permissions."""
    installation, action = int(payload["installation"]["id"]), str(payload["action"])
    if action in GONE:
        await repositories.installation_gone(context, installation, f"the App's installation: {action}")
        return
    context.github.forget(installation)
    await repositories.reached(context, installation, _ids(payload.get("repositories")))


async def repositories_changed(context: Context, payload: Mapping[str, Any], guid: str) -> None:
    """Hear that an installation reaches more repositories, or fewer."""
    installation = int(payload["installation"]["id"])
    context.github.forget(installation)
    await repositories.reached(context, installation, _ids(payload["repositories_added"]))
    for repository in _ids(payload["repositories_removed"]):
        await repositories.vanish(context, repository, "it was taken from the App's installation")


def _ids(listed: Any) -> list[int]:
    return [int(repository["id"]) for repository in listed or ()]
