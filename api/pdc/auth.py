"""Tokens as clients of these dialects ask for them: whoever has one is told it, and may have it replaced."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.context import MISSING, Context
from bot.errors import Unauthenticated
from bot.operations import users


@dataclass(frozen=True)
class TokenCall:
    """One call about tokens: its methods, and what it answers from who asks with which secret."""

    methods: tuple[str, ...]
    perform: Callable[[Context, str], Awaitable[Any]]


def _known(context: Context) -> None:
    if context.actor.is_anonymous:
        raise Unauthenticated(MISSING)


async def _obtain(context: Context, secret: str) -> dict[str, str]:
    _known(context)
    return {"token": secret}


async def _refresh(context: Context, secret: str) -> dict[str, str]:
    _known(context)
    return {"token": await users.renew_token(context, secret)}


async def _nothing(context: Context, secret: str) -> None:
    return None


async def _current_user(context: Context, secret: str) -> dict[str, Any]:
    _known(context)
    actor = context.actor
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


TOKENS = {
    "auth/token": TokenCall(("GET", "HEAD", "OPTIONS"), _nothing),
    "auth/token/obtain": TokenCall(("GET", "POST", "HEAD", "OPTIONS"), _obtain),
    "auth/token/refresh": TokenCall(("GET", "PUT", "OPTIONS"), _refresh),
    "auth/current-user": TokenCall(("GET", "HEAD", "OPTIONS"), _current_user),
}
