"""Installation tokens: minted for one purpose in one repository, cached while they last, one request at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from cachetools import TLRUCache

from bot.github.transport import ApiError

TOKEN_SECONDS = 59 * 60
SETTLING_SECONDS = 5.0
MAX_TOKENS = 4096
TRIES = 3

# What a token may do, by purpose: it carries no more than the calls that it is minted for need.
PURPOSES: dict[str, dict[str, str]] = {
    "find": {"metadata": "read"},
    "read": {"contents": "read", "actions": "read", "issues": "read", "pull_requests": "read"},
    "tag": {"contents": "write"},
    "run": {"actions": "write", "contents": "read"},
    "comment": {"issues": "write", "pull_requests": "write", "contents": "write"},
}


class TokenKey(NamedTuple):
    """What a token is for. `repository` 0 stands for all repositories of the installation."""

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
        """Whether the token is so new that not all of GitHub may know it yet."""
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
        """A token from the cache, or one that is minted now: once, however many callers ask at the same time."""
        if (cached := self._cache.get(key)) is not None:
            return cached
        task = self._minting.get(key)
        if task is None:
            task = self._minting[key] = asyncio.ensure_future(self._mint(key))
            task.add_done_callback(lambda done: self._minted(key, done))
        return await asyncio.shield(task)

    async def prepare_retry(self, key: TokenKey, token: Token, error: ApiError, attempt: int) -> None:
        """After a refusal, wait while GitHub learns a new token, or forget an old one. Raises if retrying is no use."""
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
        if not done.cancelled() and done.exception() is None:  # reading it marks it as seen: the callers may be gone
            self._cache[key] = done.result()
