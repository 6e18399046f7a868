"""The App: its JWT, the tokens of its installations, and one client for each of them."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, cast

import aiohttp
import jwt
from cachetools import LRUCache, TLRUCache
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.errors import NotFound, Unavailable
from bot.github.limits import UNAVAILABLE, ResponseLost
from bot.github.transport import Api, ApiError, Before, Watch

TOKEN_SECONDS = 59 * 60
FRESH_SECONDS = 5.0
INSTALLATIONS = 1024

# What a token may do, by what it is for: a token carries no more than the call it is minted for needs.
PURPOSES: dict[str, dict[str, str]] = {
    "find": {"metadata": "read"},
    "read": {"contents": "read", "actions": "read", "issues": "read", "pull_requests": "read"},
    "tag": {"contents": "write"},
    "run": {"actions": "write", "contents": "read"},
    "talk": {"issues": "write", "pull_requests": "write", "contents": "write"},
}


@dataclass(frozen=True)
class Token:
    """An installation token and when it was minted, on the monotonic clock."""

    secret: str = field(repr=False)
    minted: float

    @property
    def fresh(self) -> bool:
        """Whether GitHub may not know it everywhere yet."""
        return time.monotonic() - self.minted < FRESH_SECONDS


@dataclass(frozen=True)
class AppKeys:
    """Who we are at GitHub."""

    app_id: str
    private_key: str = field(repr=False)
    api_url: str


class App:
    """Requests as the App and as its installations."""

    def __init__(
        self, keys: AppKeys, session: aiohttp.ClientSession, watch: Watch, guard: Callable[[str], None]
    ) -> None:
        self._keys = keys
        self._session, self._watch, self._guard = session, watch, guard
        self._own = self._make_api()
        self._skew = 0.0
        self._apis: LRUCache[int, Api] = LRUCache(INSTALLATIONS)
        self._tokens: TLRUCache[tuple[int, int, str], Token] = TLRUCache(
            4 * INSTALLATIONS, ttu=lambda _key, token, _now: token.minted + TOKEN_SECONDS, timer=time.monotonic
        )
        self._minting: dict[tuple[int, int, str], asyncio.Task[Token]] = {}

    async def as_app(self, method: str, url: str, data: Any = None) -> Any:
        """One request with the App's own JWT. A refused clock is asked for again once, by GitHub's own."""
        try:
            return await self._own.ask(method, url, jwt=self._jwt(), data=data)
        except ApiError as denied:
            if denied.status != 401:
                raise
            if not self._learn_skew(denied):
                raise Unavailable(UNAVAILABLE, reason=f"GitHub refuses our App id or key: {denied.message}") from denied
            return await self._own.ask(method, url, jwt=self._jwt(), data=data)

    async def app_page(self, url: str) -> tuple[Any, str | None]:
        """One page of a list that belongs to the App, and the address of the next."""
        return await self._own.page(url, jwt=self._jwt())

    async def as_installation(
        self,
        installation: int,
        repository: int,
        purpose: str,
        method: str,
        url: str,
        data: Any = None,
        before: Before | None = None,
    ) -> Any:
        """One request to one repository, with a token that reaches no other and does no more than its purpose needs."""
        api = self._api(installation)

        async def ask(token: str) -> Any:
            return await api.ask(method, url, token=token, data=data, before=before)

        return await self._with_token((installation, repository, purpose), ask)

    async def list_as_installation(
        self, installation: int, repository: int, url: str, key: str | None = None, most: int = 10
    ) -> list[Any]:
        """All items of a list in one repository, up to `most` pages."""
        api = self._api(installation)

        async def ask(token: str) -> list[Any]:
            return await api.pages(url, key, token=token, most=most)

        items: list[Any] = await self._with_token((installation, repository, "read"), ask)
        return items

    def forget(self, installation: int) -> None:
        """Drop what is kept of an installation: it was removed, suspended, or given other permissions."""
        self._apis.pop(installation, None)
        for key in [key for key in self._tokens if key[0] == installation]:
            self._tokens.pop(key, None)

    async def _with_token(self, key: tuple[int, int, str], ask: Callable[[str], Any]) -> Any:
        for attempt in range(3):
            token = await self._token(key)
            try:
                return await ask(token.secret)
            except ApiError as denied:
                if denied.status != 401 or attempt == 2:
                    raise
                if token.fresh:
                    await asyncio.sleep(attempt + 1)
                elif self._tokens.get(key) is token:
                    self._tokens.pop(key, None)
        raise AssertionError("the last try returns or raises")

    async def _token(self, key: tuple[int, int, str]) -> Token:
        """A token from the cache, or one minted now: once, however many ask at the same time."""
        if (known := self._tokens.get(key)) is not None:
            return known
        task = self._minting.get(key)
        if task is None:
            task = self._minting[key] = asyncio.create_task(self._mint(key))
            task.add_done_callback(lambda done: self._minted(key, done))
        return await asyncio.shield(task)

    def _minted(self, key: tuple[int, int, str], done: asyncio.Task[Token]) -> None:
        self._minting.pop(key, None)
        if not done.cancelled():
            done.exception()  # whoever still waits is told; nobody may be waiting any more

    async def _mint(self, key: tuple[int, int, str]) -> Token:
        installation, repository, purpose = key
        asked: dict[str, Any] = {"permissions": PURPOSES[purpose]}
        if repository:
            asked["repository_ids"] = [repository]
        minted = time.monotonic()
        try:
            answer = await self.as_app("POST", f"/app/installations/{installation}/access_tokens", asked)
        except ApiError as denied:
            if "permissions requested are not granted" in denied.message:
                raise NotFound(_ungranted(PURPOSES[purpose])) from denied
            raise NotFound("GitHub repository not found", reason=f"no access: {denied.message}") from denied
        except ResponseLost as lost:  # nothing depends on a token that nobody has seen
            raise Unavailable(lost.sentence, lost.retry_after, **lost.details) from lost
        if not isinstance(answer, dict) or not isinstance(answer.get("token"), str):
            raise Unavailable(UNAVAILABLE, reason="no token in the answer")
        token = self._tokens[key] = Token(answer["token"], minted)
        return token

    def _make_api(self) -> Api:
        return Api(self._session, self._keys.api_url.rstrip("/"), self._watch, self._guard)

    def _api(self, installation: int) -> Api:
        api = self._apis.get(installation)
        if api is None:
            api = self._apis[installation] = self._make_api()
        return api

    def _jwt(self) -> str:
        now = int(time.time() + self._skew)
        claims = {"iat": now - 60, "exp": now + 480, "iss": self._keys.app_id}
        return jwt.encode(claims, self._private_key, algorithm="RS256")

    @cached_property
    def _private_key(self) -> RSAPrivateKey:
        """The key, read once: reading it takes a hundred times as long as signing with it. The settings checked it."""
        pem = self._keys.private_key.encode()
        return cast("RSAPrivateKey", load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True))

    def _learn_skew(self, denied: ApiError) -> bool:
        sent = denied.headers.get("date")
        if not sent or not any(sign in denied.message for sign in ("'exp'", "'iat'")):
            return False
        before = self._skew
        self._skew = (parsedate_to_datetime(sent).astimezone(UTC) - datetime.now(UTC)).total_seconds()
        return abs(self._skew - before) > 1


def _ungranted(permissions: dict[str, str]) -> str:
    wanted = ", ".join(f"`{name}: {level}`" for name, level in permissions.items())
    return f"The GitHub App was not granted {wanted}: grant it, or accept its new permissions in its installation."
