"""Installation tokens: minted for one purpose in one repository, cached until shortly before they expire."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from cachetools import TLRUCache

from bot.github.transport import ApiError

TOKEN_SECONDS = 59 * 60
SETTLING_SECONDS = 5.0  # until all of GitHub accepts a new token
MAX_TOKENS = 4096
TRIES = 3

PURPOSES: dict[str, dict[str, str]] = {
    "find": {"metadata": "read"},
    "read": {"contents": "read", "actions": "read", "issues": "read", "pull_requests": "read"},
    "tag": {"contents": "write"},
    "tag changed workflows": {"contents": "write", "workflows": "write"},
    "run": {"actions": "write", "contents": "read"},
    "comment": {"issues": "write", "pull_requests": "write", "contents": "write"},
    "check": {"checks": "write"},
    "read checks": {"checks": "read", "statuses": "read"},
    "deployment": {"deployments": "write"},
    "read deployments": {"deployments": "read"},
    "protection rule": {"deployments": "write"},
    "read teams": {"members": "read"},
}
"""A token's permissions by its purpose: no more than its requests need.

`members` is a permission on the organization: GitHub grants it to a token that is limited to one repository too.
"""

GRANTED_LATER = frozenset({"check", "read checks", "deployment", "read deployments", "protection rule", "read teams"})
"""Purposes of permissions that an installation of an earlier version of the App may not have granted yet."""

YIELDING = frozenset({"comment", "check", "deployment"})
"""Purposes of writes that only show something: those that make something happen go first."""

OPTIONAL = frozenset({"workflows"})
"""Permissions that an App need not have; what they are for is then refused."""


class TokenKey(NamedTuple):
    """The scope of a token. `repository` 0 stands for all repositories of the installation."""

    installation: int
    repository: int
    purpose: str


@dataclass(frozen=True)
class Token:
    """An installation token, and when it was minted on the monotonic clock."""

    secret: str = field(repr=False)
    minted: float

    @property
    def is_settling(self) -> bool:
        """Whether the token is so new that parts of GitHub may not accept it yet."""
        return time.monotonic() - self.minted < SETTLING_SECONDS


class InstallationTokens:
    """A cache of tokens. `mint` asks GitHub for one."""

    def __init__(self, mint: Callable[[TokenKey], Awaitable[Token]]) -> None:
        self._mint = mint
        self._cache: TLRUCache[TokenKey, Token] = TLRUCache(
            MAX_TOKENS, ttu=lambda _key, token, _now: token.minted + TOKEN_SECONDS, timer=time.monotonic
        )
        self._minting: dict[TokenKey, asyncio.Task[Token]] = {}

    async def get(self, key: TokenKey) -> Token:
        """Return a cached token, or mint one: once, however many callers need it at the same time."""
        if (cached := self._cache.get(key)) is not None:
            return cached
        task = self._minting.get(key)
        if task is None:
            task = self._minting[key] = asyncio.ensure_future(self._mint(key))
            task.add_done_callback(lambda done: self._minted(key, done))
        return await asyncio.shield(task)

    async def prepare_retry(self, key: TokenKey, token: Token, error: ApiError, attempt: int) -> None:
        """After a 401, wait for a new token to settle, or forget an old one. Re-raises if a retry cannot help."""
        if error.status != 401 or attempt == TRIES - 1:
            raise error
        if token.is_settling:
            await asyncio.sleep(attempt + 1)
        elif self._cache.get(key) is token:
            self._cache.pop(key, None)

    def forget(self, installation: int) -> None:
        """Drop all tokens of an installation."""
        for key in [key for key in self._cache if key.installation == installation]:
            self._cache.pop(key, None)

    def _minted(self, key: TokenKey, done: asyncio.Task[Token]) -> None:
        self._minting.pop(key, None)
        # reading the exception marks it as retrieved: all callers may be gone
        if not done.cancelled() and done.exception() is None:
            self._cache[key] = done.result()
