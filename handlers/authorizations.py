"""`github_app_authorization`: people take back that the App may act for them. GitHub delivers it to every App."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import sessions
from bot.rules.ids import GitHubUserId
from handlers.fields import id_of, part


def on_github_app_authorization(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """End the sessions of whoever no longer trusts the App: they signed in by it."""
    account = id_of(part(payload, "sender"))
    if payload.get("action") != "revoked" or account is None:
        return None
    return sessions.end_all_of(context, GitHubUserId(account))
