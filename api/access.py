"""Who a program speaks for: one place for every dialect."""

from aiohttp import web

from bot.context import Actor, utc_now
from bot.errors import Unauthenticated
from bot.operations import users

MISSING = "Authentication credentials were not provided."
INVALID = "Invalid token."


async def caller(request: web.Request) -> Actor:
    """Whose token the Authorization header carries. Refuses a missing, malformed, unknown, expired or revoked one."""
    header = request.headers.get("Authorization", "").strip()
    if not header:
        raise Unauthenticated(MISSING)
    scheme, _, secret = header.partition(" ")
    if scheme.lower() not in ("bearer", "token") or not secret.strip():
        raise Unauthenticated(INVALID)
    return await users.authenticate(secret.strip(), utc_now())
