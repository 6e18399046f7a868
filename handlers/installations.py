"""`installation` and `installation_repositories`: which repositories the App reaches."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import installations
from bot.operations.installations import InstallationHint
from bot.rules.ids import InstallationId, RepositoryId

REMOVED = ("deleted", "suspend")


def on_installation(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None]:
    """Handle an installation that was created, removed or suspended, or that got other permissions."""
    added = [] if payload["action"] in REMOVED else _ids(payload.get("repositories"))
    return installations.on_event(context, _hint(payload, added, []))


def on_installation_repositories(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None]:
    """Handle an installation that reaches more repositories, or fewer."""
    added, removed = _ids(payload["repositories_added"]), _ids(payload["repositories_removed"])
    return installations.on_event(context, _hint(payload, added, removed))


def _hint(payload: Mapping[str, Any], added: list[RepositoryId], removed: list[RepositoryId]) -> InstallationHint:
    installation = payload["installation"]
    account = installation.get("account") or {}
    return InstallationHint(InstallationId(int(installation["id"])), str(account.get("login", "")), added, removed)


def _ids(entries: Any) -> list[RepositoryId]:
    return [RepositoryId(int(repository["id"])) for repository in entries or ()]
