"""`installation` and `installation_repositories`: which repositories the App reaches."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import installations
from bot.operations.installations import InstallationHint
from bot.rules.ids import InstallationId, RepositoryId
from handlers.fields import id_of, part

REMOVED = ("deleted", "suspend")


def on_installation(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle an installation that was created, removed or suspended, or that got other permissions."""
    added = [] if payload.get("action") in REMOVED else _ids(payload.get("repositories"))
    return _on_event(context, payload, added, [])


def on_installation_repositories(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle an installation that reaches more repositories, or fewer."""
    added, removed = _ids(payload.get("repositories_added")), _ids(payload.get("repositories_removed"))
    return _on_event(context, payload, added, removed)


def _on_event(
    context: Context, payload: Mapping[str, Any], added: list[RepositoryId], removed: list[RepositoryId]
) -> Awaitable[None] | None:
    installation = part(payload, "installation")
    installation_id = id_of(installation)
    if installation_id is None:
        return None
    login = str(part(installation, "account").get("login", ""))
    return installations.on_event(context, InstallationHint(InstallationId(installation_id), login, added, removed))


def _ids(entries: Any) -> list[RepositoryId]:
    found = [id_of(entry) for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return [RepositoryId(each) for each in found if each is not None]
