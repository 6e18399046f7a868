"""`longshore login-link`: the way in for an operator, before and without signing in with GitHub."""

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.errors import Unavailable
from cli.output import show, show_aside

if TYPE_CHECKING:
    from bot.context import Context
    from bot.settings import Settings
    from server.service import Service

COMMAND = "longshore login-link"
OPEN_THIS = "To sign in to the pages as the operator, open this within 10 minutes:"


def login_link() -> None:
    """Print a link that signs in to the pages as the operator.

    It works once, within 10 minutes. Whoever opens it may do everything.
    """
    from bot.operations import sessions
    from bot.settings import read_url
    from cli.operator import operate

    url = read_url()
    show(_address(url, operate(sessions.create_link)))


async def offer(service: "Service", settings: "Settings") -> None:
    """Say at the start of the service how one gets in, unless people can sign in with GitHub.

    On a terminal, and if nobody has ever signed in, that is a link. It is printed there alone: it must not be logged.
    """
    import structlog

    from bot.operations import sessions

    if settings.github_client_id and settings.github_client_secret.get_secret_value():
        return
    with suppress(Unavailable):  # a database that takes no writes does not keep the service from its start
        if sys.stderr.isatty() and await sessions.may_be_new():
            show_aside(f"{OPEN_THIS}\n  {await new_address(service, settings.url)}")
            return
    structlog.get_logger().info("sign-in not configured", advice=f"an operator gets in with `{COMMAND}`")


async def new_address(service: "Service", url: str) -> str:
    """The address of a new link to a running service."""
    from bot.operations import sessions

    return _address(url, await sessions.create_link(await _operator(service)))


async def _operator(service: "Service") -> "Context":
    from bot.operations import users

    context = service.context()
    return context.acting_as(await users.system_actor(context), "cli")


def _address(url: str, secret: str) -> str:
    return f"{url.rstrip('/')}/login-link?secret={secret}"
