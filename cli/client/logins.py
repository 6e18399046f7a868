"""Logins: the services that somebody uses, with a token for each, in a file that nobody else can read."""

import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import urlsplit

from bot.rules import addresses
from bot.rules.names import in_words
from cli.client.environment import Variables
from cli.client.exits import Stopped, Usage

LOG_IN = "log in with `longshore login URL`"
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Login:
    """A service by its URL, and the token to use there. The token is left out where a login is shown."""

    url: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Logins:
    """All logins that are kept: tokens by URL, and the URL of the service that is used unless another is named."""

    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    current: str | None = None

    def with_login(self, login: Login) -> "Logins":
        """These logins and another one, which becomes the current one."""
        return Logins({**self.tokens, login.url: login.token}, login.url)

    def without(self, url: str) -> "Logins":
        """These logins without the one of a service. If that was the current one, the last of the others is now."""
        left = {other: token for other, token in self.tokens.items() if other != url}
        return Logins(left, next(reversed(left), None)) if url == self.current else replace(self, tokens=left)


def parse_url(text: str, name: str) -> str:
    """The URL of a service, tidied. `name` is what it was given as. Refuses what is none."""
    try:
        return addresses.base_url(text)
    except ValueError as error:
        raise Usage(f"{name} {error}.") from None


def find(kept: Logins, option: str | None, variables: Variables) -> Login:
    """The login to use: of the service that `--url` names, else `LONGSHORE_URL`, else of the current one.

    `LONGSHORE_TOKEN` wins over the token that is kept, but where `LONGSHORE_URL` says whose it is, nobody else gets it.
    """
    own = parse_url(variables.url, "LONGSHORE_URL") if variables.url else None
    url = parse_url(option, "--url") if option else own
    if not (variables.token and own and url) or _origin(url) == _origin(own):
        return choose(kept, url, variables.token)
    if url not in kept.tokens:
        raise Usage(f"LONGSHORE_TOKEN is for {own}, and is not sent to {url}: {LOG_IN}.{_known(kept)}")
    return choose(kept, url, "")


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]


def choose(logins: Logins, url: str | None, token: str) -> Login:
    """The login to use: of the service at `url`, else of the current one. A `token` wins over the one that is kept."""
    chosen = url or logins.current
    if chosen is None:
        raise Usage(f"There is no service to ask: {LOG_IN}, or set LONGSHORE_URL and LONGSHORE_TOKEN.")
    found = token or logins.tokens.get(chosen)
    if not found:
        raise Usage(f"There is no token for {chosen}: {LOG_IN}, or set LONGSHORE_TOKEN.{_known(logins)}")
    return checked(Login(chosen, found))


def checked(login: Login) -> Login:
    """Return a login whose token can be one. Refuses an empty one, and one that no header could carry."""
    if not login.token:
        raise Usage("There is no token: create one on the service's host with `longshore token create`.")
    if not (login.token.isascii() and login.token.isprintable()) or " " in login.token:
        raise Usage("The token has characters that no token has: it may have been copied with something else.")
    return login


def _known(logins: Logins) -> str:
    return f" You are logged in to {in_words(logins.tokens)}." if logins.tokens else ""


def read(path: Path) -> Logins:
    """The logins in a file; none if there is no file. Raises Stopped if the file is not one of logins."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Logins({str(url): str(each["token"]) for url, each in stored["services"].items()}, stored["current"])
    except FileNotFoundError:
        return Logins()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Stopped(f"{path} cannot be read as a file of logins: delete it, and log in again.") from None


def is_exposed(path: Path) -> bool:
    """Whether others on this machine may read a file of logins."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & OTHERS)
    except FileNotFoundError:
        return False


def write(path: Path, logins: Logins) -> None:
    """Replace a file of logins at once, so that no reader sees half of it. Only its owner can read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    services = {url: {"token": token} for url, token in logins.tokens.items()}
    text = json.dumps({"current": logins.current, "services": services}, indent=2)
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".logins-", delete=False) as file:
        new = Path(file.name)  # made with mode 0600
        file.write(f"{text}\n")
    try:
        new.replace(path)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise
