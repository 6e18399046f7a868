"""One request to GitHub: version, redirects, retries of reads, limits and failures, over gidgethub."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import aiohttp
from cachetools import LRUCache
from gidgethub import HTTPException
from gidgethub.aiohttp import GitHubAPI

from bot.errors import Unavailable
from bot.github.limits import UNAVAILABLE, Limited, ResponseLost, seconds_to_wait

API_VERSION = "2022-11-28"
TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
READ_TRIES = 3
REDIRECTS = 3
CACHED_ANSWERS = 512


Before = Callable[[], Awaitable[None]]


class ApiError(Unavailable):
    """GitHub answered and said no: `status` and its `message`. This package puts the expected ones into our words."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(UNAVAILABLE, reason=f"GitHub answered {status}: {message}")
        self.status, self.message, self.headers = status, message, headers


class Watch(Protocol):
    """Whoever counts calls: told of each answer, and of each request that got none (`status` 0)."""

    def __call__(self, method: str, status: int, seconds: float, headers: Mapping[str, str]) -> None:
        """Take note of one exchange."""


class Api(GitHubAPI):
    """gidgethub with what it lacks. One for each installation: the cache is keyed by URL alone."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, watch: Watch, guard: Callable[[str], None]
    ) -> None:
        super().__init__(session, "longshore", cache=LRUCache(CACHED_ANSWERS), base_url=base_url)
        self._watch, self._guard = watch, guard
        self.writing = asyncio.Lock()

    async def ask(
        self, method: str, url: str, *, token: str = "", jwt: str = "", data: Any = None, before: Before | None = None
    ) -> Any:
        """Send one request and give the decoded answer. `before` is awaited when a write's turn has come.

        Raises `Denied` for a refusal, `Limited` for a limit, `AnswerLost` where a write may have taken effect,
        `Unavailable` where GitHub cannot be had. Only reads are tried again; writes go one at a time.
        """
        if method != "GET":
            async with self.writing:
                if before is not None:
                    await before()
                return await self._once(method, url, token, jwt, data)
        for attempt in range(READ_TRIES):
            try:
                return await self._once(method, url, token, jwt, data)
            except (Limited, ApiError):
                raise
            except Unavailable:
                if attempt == READ_TRIES - 1:
                    raise
                await asyncio.sleep(0.2 * 4**attempt)
        raise AssertionError("the last try returns or raises")

    async def pages(self, url: str, key: str | None, *, token: str = "", jwt: str = "", most: int = 10) -> list[Any]:
        """The items of a list, all its pages up to `most`, each asked for by the link of the one before."""
        items: list[Any] = []
        following: str | None = url
        for _ in range(most):
            if following is None:
                break
            page, following = await self.page(following, token=token, jwt=jwt)
            items += page[key] if key else page
        return items

    async def page(self, url: str, *, token: str = "", jwt: str = "") -> tuple[Any, str | None]:
        """One page of a list, and the address of the next."""
        data, more, _ = await self._translated("GET", url, token, jwt, None)
        return data, more

    async def _once(self, method: str, url: str, token: str, jwt: str, data: Any) -> Any:
        answer, _, _ = await self._translated(method, url, token, jwt, data)
        return answer

    async def _translated(self, method: str, url: str, token: str, jwt: str, data: Any) -> tuple[Any, str | None, int]:
        try:
            return await self._make_request(
                method,
                url,
                {},
                b"" if data is None else data,
                "application/vnd.github+json",
                jwt=jwt or None,
                oauth_token=token or None,
            )
        except HTTPException as answer:
            raise _in_our_words(method, answer) from answer
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as failure:
            raise Unavailable(UNAVAILABLE, retry_after=10, reason="no connection") from failure
        except (aiohttp.ClientError, TimeoutError, ValueError, LookupError) as failure:
            raise _without_answer(method, type(failure).__name__) from failure

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        self._guard(f"{method} {urlsplit(url).path}")
        headers = {**headers, "X-GitHub-Api-Version": API_VERSION}
        for _ in range(REDIRECTS):
            status, answered, payload = await self._exchange(method, url, headers, body)
            location = _same_host(url, answered.get("Location")) if status in (301, 302, 307, 308) else None
            if location is None or (method != "GET" and status not in (307, 308)):
                break
            url = location
        if 200 <= status < 300 and payload and "json" not in answered.get("Content-Type", ""):
            raise ValueError("GitHub answered with something other than JSON")
        return status, answered, payload

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        begun, status = time.monotonic(), 0
        answered: Mapping[str, str] = {}
        try:
            async with self._session.request(
                method, url, headers=headers, data=body, allow_redirects=False, timeout=TIMEOUT
            ) as response:
                payload = await response.read()
                status, answered = response.status, response.headers
            return status, answered, payload
        finally:
            self._watch(method, status, time.monotonic() - begun, answered)


def _same_host(url: str, location: str | None) -> str | None:
    if not location:
        return None
    target = urljoin(url, location)
    return target if urlsplit(target)[:2] == urlsplit(url)[:2] else None


def _in_our_words(method: str, answer: HTTPException) -> Exception:
    status, message = int(answer.status_code), str(answer)
    wait = seconds_to_wait(status, answer.headers, message, time.time())
    if wait is not None:
        return Limited(UNAVAILABLE, retry_after=wait, reason="GitHub limits our requests")
    if status >= 500:
        return _without_answer(method, f"GitHub answered {status}")
    return ApiError(status, message, answer.headers)


def _without_answer(method: str, reason: str) -> Unavailable:
    kind = Unavailable if method == "GET" else ResponseLost
    return kind(UNAVAILABLE, retry_after=10, reason=reason)
