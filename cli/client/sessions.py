"""Log in to services and out of them."""

import asyncio
import sys
from getpass import getpass
from urllib.parse import urlsplit

from bot.rules.addresses import is_loopback
from bot.rules.names import in_words
from bot.rules.setting_texts import tidied
from cli.client import environment, logins
from cli.client.exits import Outcome, Refused, Usage
from cli.client.logins import Login
from cli.client.output import Screen
from cli.client.running import report, warn
from cli.client.service import PACE, Pace, connected, path


def log_in(url: str, token: str | None) -> int:
    """Log in to a service: its token is asked for unless it is passed, checked, and kept."""
    return report(as_json=False, work=lambda: _log_in(url, token))


def log_out(url: str | None) -> int:
    """Forget the token of a service."""
    return report(as_json=False, work=lambda: _log_out(url))


def _log_in(url: str, token: str | None) -> Outcome:
    address, file = logins.parse_url(url, "The URL"), environment.logins_file()
    with Screen() as screen:
        warn(screen, file)
        if urlsplit(address).scheme == "http" and not is_loopback(urlsplit(address).hostname or ""):
            screen.say(f"warning: {address} is not encrypted: whoever carries the connection can read the token")
        login = logins.checked(Login(address, tidied(token if token is not None else _read_token(address))))
        asyncio.run(check(login, screen))
        logins.write(file, logins.read(file).with_login(login))
        for name, value in (
            ("LONGSHORE_URL", environment.variables().url),
            ("LONGSHORE_TOKEN", environment.variables().token),
        ):
            if value:
                screen.say(f"warning: {name} is set, and wins over this login")
    return Outcome({"url": address}, (f"Logged in to {address}. The token is kept in {file}.",))


async def check(login: Login, screen: Screen, pace: Pace = PACE) -> None:
    """Ask a service whether a token is valid. Raises Stopped if it is not, or if there is no such service."""
    async with connected(login, screen.say, pace, environment.proxies()) as service:
        try:
            found = await service.get(path("api", "projects"), per_page=1)
            if not isinstance(found, list):
                raise Usage(f"What answers at {login.url} is not Longshore: check the URL of the service.")
        except Refused as refused:
            if refused.status != 403:  # a valid token that may not list projects
                raise


def _read_token(address: str) -> str:
    """Ask for a token without showing it, or read it from standard input where nobody can be asked."""
    if sys.stdin.isatty():
        return getpass(f"API token for {address}: ")
    return sys.stdin.readline()


def _log_out(url: str | None) -> Outcome:
    file = environment.logins_file()
    kept = logins.read(file)
    address = kept.current if url is None else logins.parse_url(url, "The URL")
    if address is None:
        raise Usage("You are not logged in to any service.")
    if address not in kept.tokens:
        known = f": only to {in_words(kept.tokens)}" if kept.tokens else ""
        raise Usage(f"You are not logged in to {address}{known}.")
    logins.write(file, kept.without(address))
    return Outcome(
        {"url": address}, (f"Logged out of {address}. The token stays valid until it is revoked or expires.",)
    )
