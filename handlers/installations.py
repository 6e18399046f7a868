"""`installation` and `installation_repositories`: which repositories the App reaches."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import repositories
from bot.rules.ids import InstallationId, RepositoryId

REMOVED = ("deleted", "suspend")


def on_installation(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None]:
    """Handle an installation that was created, removed or suspended, or that got other permissions."""
    installation, action = InstallationId(int(payload["installation"]["id"])), str(payload["action"])
    if action in REMOVED:
        return repositories.installation_removed(context, installation, f"the App's installation: {action}")
    return repositories.installation_changed(context, installation, _ids(payload.get("repositories")), [])


def on_installation_repositories(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None]:
    """Handle an installation that reaches more repositories, or fewer."""
    installation = InstallationId(int(payload["installation"]["id"]))
    added, removed = _ids(payload["repositories_added"]), _ids(payload["repositories_removed"])
    return repositories.installation_changed(context, installation, added, removed)


def _ids(entries: Any) -> list[RepositoryId]:
    return [RepositoryId(int(repository["id"])) for repository in entries or ()]
