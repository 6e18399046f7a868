"""Token endpoints: they show the caller's token or user, or renew the token."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.context import NO_CREDENTIALS, Actor, Context
from bot.errors import Unauthenticated
from bot.operations import users


@dataclass(frozen=True)
class TokenEndpoint:
    """A token endpoint. `respond` maps the caller's secret to the body of the response; None is an empty body."""

    methods: tuple[str, ...]
    respond: Callable[[Context, str], Awaitable[Mapping[str, object] | None]]


def require_credentials(actor: Actor) -> None:
    """Refuse anonymous callers."""
    if actor.is_anonymous:
        raise Unauthenticated(NO_CREDENTIALS)


async def _show_token(context: Context, secret: str) -> Mapping[str, object]:
    require_credentials(context.actor)
    return {"token": secret}


async def _renew_token(context: Context, secret: str) -> Mapping[str, object]:
    require_credentials(context.actor)
    return {"token": await users.renew_token(context, secret)}


async def _show_nothing(context: Context, secret: str) -> None:
    return None


async def _show_user(context: Context, secret: str) -> Mapping[str, object]:
    actor = context.actor
    require_credentials(actor)
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
    "auth/token": TokenEndpoint(("GET", "HEAD", "OPTIONS"), _show_nothing),
    "auth/token/obtain": TokenEndpoint(("GET", "POST", "HEAD", "OPTIONS"), _show_token),
    "auth/token/refresh": TokenEndpoint(("GET", "PUT", "OPTIONS"), _renew_token),
    "auth/current-user": TokenEndpoint(("GET", "HEAD", "OPTIONS"), _show_user),
}
LISTED_ENDPOINTS = ("auth/current-user", "auth/token")
"""The endpoints that the root lists with the resources."""
