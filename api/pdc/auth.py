"""Token endpoints: they return the caller's token, or renew it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.context import NO_CREDENTIALS, Actor, Context
from bot.errors import Unauthenticated
from bot.operations import users


@dataclass(frozen=True)
class TokenEndpoint:
    """An endpoint for tokens: its methods, and what it returns to the caller with a secret; None for an empty body."""

    methods: tuple[str, ...]
    respond: Callable[[Context, str], Awaitable[Mapping[str, object] | None]]


def _authenticated(context: Context) -> Actor:
    if context.actor.is_anonymous:
        raise Unauthenticated(NO_CREDENTIALS)
    return context.actor


async def _show_token(context: Context, secret: str) -> Mapping[str, object]:
    _authenticated(context)
    return {"token": secret}


async def _renew_token(context: Context, secret: str) -> Mapping[str, object]:
    _authenticated(context)
    return {"token": await users.renew_token(context, secret)}


async def _empty(context: Context, secret: str) -> None:
    return None


async def _show_user(context: Context, secret: str) -> Mapping[str, object]:
    actor = _authenticated(context)
    return {
        "username": actor.name,
        "fullname": actor.name,
        "e-mail": "",
        "is_superuser": actor.holds("admin"),
        "is_staff": False,
        "groups": [],
        "permissions": sorted(actor.grants),
        "resource_permissions": [],
    }


TOKEN_ENDPOINTS = {
    "auth/token": TokenEndpoint(("GET", "HEAD", "OPTIONS"), _empty),
    "auth/token/obtain": TokenEndpoint(("GET", "POST", "HEAD", "OPTIONS"), _show_token),
    "auth/token/refresh": TokenEndpoint(("GET", "PUT", "OPTIONS"), _renew_token),
    "auth/current-user": TokenEndpoint(("GET", "HEAD", "OPTIONS"), _show_user),
}
