"""`installation` and `installation_repositories`: what we reach."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import repositories

GONE = ("deleted", "suspend")


def changed(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None]:
    """Hear that the App was installed, removed, suspended, or given other permissions."""
    installation, action = int(payload["installation"]["id"]), str(payload["action"])
    if action in GONE:
        return repositories.installation_gone(context, installation, f"the App's installation: {action}")
    return repositories.reached(context, installation, _ids(payload.get("repositories")), [])


def repositories_changed(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None]:
    """Hear that an installation reaches more repositories, or fewer."""
    installation = int(payload["installation"]["id"])
    added, removed = _ids(payload["repositories_added"]), _ids(payload["repositories_removed"])
    return repositories.reached(context, installation, added, removed)


def _ids(listed: Any) -> list[int]:
    return [int(repository["id"]) for repository in listed or ()]
