"""`installation` and `installation_repositories`: which repositories the App reaches."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import repositories
from bot.rules.ids import InstallationId, RepositoryId
from handlers.payloads import id_of, part

REMOVED = ("deleted", "suspend")


def on_installation(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle an installation that was created, removed or suspended, or that got other permissions."""
    installation, action = id_of(part(payload, "installation")), payload.get("action")
    if installation is None:
        return None
    if action in REMOVED:
        reason = f"the App's installation: {action}"
        return repositories.installation_removed(context, InstallationId(installation), reason)
    added = _ids(payload.get("repositories"))
    return repositories.installation_changed(context, InstallationId(installation), added, [])


def on_installation_repositories(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle an installation that reaches more repositories, or fewer."""
    installation = id_of(part(payload, "installation"))
    if installation is None:
        return None
    added, removed = _ids(payload.get("repositories_added")), _ids(payload.get("repositories_removed"))
    return repositories.installation_changed(context, InstallationId(installation), added, removed)


def _ids(entries: Any) -> list[RepositoryId]:
    found = [id_of(entry) for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return [RepositoryId(each) for each in found if each is not None]
