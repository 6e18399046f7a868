"""Requests to GitHub over gidgethub: API version, redirects, retries of reads, rate limits and failures."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp
from cachetools import LRUCache
from gidgethub import HTTPException
from gidgethub.aiohttp import GitHubAPI
from yarl import URL

from bot.errors import Unavailable
from bot.github.limits import UNAVAILABLE, Limited, ResponseLost, seconds_to_wait
from bot.github.server import Server
from bot.github.wrong_settings import not_the_api, proxy_wants_credentials

API_VERSION = "2022-11-28"
TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
READ_TRIES = 3
REDIRECTS = 3
CACHED_RESPONSES = 512
MAX_CACHED_BYTES = 64 * 1024  # of one response; longer ones are read anew each time
MAX_BYTES = 16 * 1024 * 1024
"""The bytes of the largest response about a repository that is read: anybody can write long comments."""

ACCEPT = "application/vnd.github+json"
FAILURES = (HTTPException, aiohttp.ClientError, TimeoutError, ValueError, LookupError)

BeforeWrite = Callable[[], Awaitable[None]]


class ApiError(Unavailable):
    """GitHub refused a request, with a `status` and a `message`. Callers in this package handle the expected ones."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(UNAVAILABLE, reason=f"GitHub answered {status}: {message}")
        self.status, self.message, self.headers = status, message, headers

    def raise_unless(self, *expected: int) -> None:
        """Re-raise the error unless its status is one of those expected."""
        if self.status not in expected:
            raise self


class ResponseTooLarge(Unavailable):
    """The response has more bytes than are read: strangers can write much of what GitHub returns."""


def is_permission_missing(message: str) -> bool:
    """Whether GitHub refuses a request because the App lacks a permission. A 403 can have many other reasons."""
    return "Resource not accessible by integration" in message


class Response(NamedTuple):
    """The decoded body of a response, and the URL of a list's next page."""

    data: Any
    next_url: str | None


@dataclass(frozen=True)
class Credentials:
    """The credentials of a request: an installation token, or the App's JWT."""

    token: str | None = None
    jwt: str | None = None


@dataclass(frozen=True)
class Proxy:
    """The proxy that requests go through, if any. Its password is kept out of its URL, which errors show."""

    url: URL | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def at(cls, text: str) -> "Proxy":
        """The proxy with a URL that may contain a user name and a password; none if it is empty."""
        url = URL(text)
        if not text or url.user is None:
            return cls(url if text else None)
        login = aiohttp.encode_basic_auth(url.user, url.password or "")
        return cls(url.with_user(None), {"Proxy-Authorization": login})


NO_PROXY = Proxy()


class CallObserver(Protocol):
    """Called for each response, and for each request that got none (`status` 0)."""

    def __call__(self, method: str, status: int, seconds: float, headers: Mapping[str, str]) -> None:
        """Observe one exchange."""


class Api(GitHubAPI):
    """gidgethub, extended. One instance per installation: the cache is keyed by URL alone."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        observer: CallObserver,
        guard: Callable[[str], None],
        server: Server,
        proxy: Proxy = NO_PROXY,
    ) -> None:
        super().__init__(session, "longshore", cache=LRUCache(CACHED_RESPONSES), base_url=base_url)
        self._observer, self._guard, self._proxy = observer, guard, proxy
        self._address = str(URL(base_url).with_user(None))
        self.server = server
        self.max_bytes = MAX_BYTES
        self._writing, self._yielding = asyncio.Lock(), asyncio.Lock()

    async def send(
        self,
        method: str,
        url: str,
        credentials: Credentials,
        data: Any = None,
        before: BeforeWrite | None = None,
        *,
        yields: bool = False,
    ) -> Response:
        """Send one request and decode the response. `before` is awaited when a write is about to be sent.

        Writes go one at a time, and of those that yield at most one waits ahead of others.

        Raises `ApiError` for a refusal, `Limited` for a rate limit, `ResponseLost` when a write may have taken effect,
        `WrongSettings` when the answer is not GitHub's, `Unavailable` when GitHub cannot be reached. Only reads are
        retried.
        """
        tries = READ_TRIES if method == "GET" else 1
        body = b"" if data is None else data
        writing = nullcontext() if method == "GET" else self._writing
        async with self._yielding if yields else nullcontext(), writing:
            if before is not None:
                await before()
            for attempt in range(tries):
                try:
                    decoded, next_url, _ = await self._make_request(
                        method, url, {}, body, ACCEPT, jwt=credentials.jwt, oauth_token=credentials.token
                    )
                    return Response(decoded, next_url)
                except FAILURES as error:
                    failure = _translate_error(method, error, self.server.clock.seconds(), self._address)
                    if isinstance(failure, Limited | ApiError) or attempt == tries - 1:
                        raise failure from error
                await asyncio.sleep(0.2 * 4**attempt)
        raise AssertionError("the last try returns or raises")

    async def send_form(self, url: str, fields: Mapping[str, str]) -> Response:
        """Post a form without credentials to GitHub's web host, and decode the JSON of the response; errors as `send`.

        It is sent once: a lost response is a `ResponseLost`.
        """
        form, body = "application/x-www-form-urlencoded", urlencode(fields).encode()
        try:
            decoded, next_url, _ = await self._make_request(
                "POST", url, {}, body, "application/json", content_type=form
            )
        except FAILURES as error:
            raise _translate_error("POST", error, self.server.clock.seconds(), self._address) from error
        return Response(decoded, next_url)

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send one request and follow its redirects; called by gidgethub."""
        self._guard(f"{method} {urlsplit(url).path}")
        headers = {**headers, "X-GitHub-Api-Version": API_VERSION}
        status, payload = 0, b""
        received: Mapping[str, str] = {}
        for _ in range(REDIRECTS):
            started, status, received = time.monotonic(), 0, {}
            try:
                async with self._open(method, url, headers, body) as response:
                    self.server.clock.learn(response.status, response.headers, started)
                    payload = await self._read(method, response.content)
                    status, received = response.status, _cacheable_headers(response, len(payload))
            finally:
                self._observer(method, status, time.monotonic() - started, received)
            location = _same_host(url, received.get("Location")) if status in (301, 302, 307, 308) else None
            if location is None or (method != "GET" and status not in (307, 308)):
                break
            url = location
        content_type = received.get("Content-Type", "")
        mistake = not_the_api(url, status, content_type, received.get("Location"))
        if mistake is not None and (method == "GET" or status >= 300):  # another write may have taken effect
            raise mistake
        if 200 <= status < 300 and payload and "json" not in content_type:
            raise ValueError("GitHub answered with something other than JSON")
        return status, received, payload

    def _open(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        tunneled = url.startswith("https:")
        return self._session.request(
            method,
            url,
            headers=headers if tunneled else {**headers, **self._proxy.headers},
            data=body,
            allow_redirects=False,
            timeout=TIMEOUT,
            proxy=self._proxy.url,
            proxy_headers=self._proxy.headers if tunneled else None,
        )

    async def _read(self, method: str, content: aiohttp.StreamReader) -> bytes:
        body = BytesIO()
        while chunk := await content.readany():
            body.write(chunk)
            if body.tell() > self.max_bytes:
                error_class = ResponseTooLarge if method == "GET" else ResponseLost
                raise error_class(UNAVAILABLE, reason=f"its response has more than {self.max_bytes:,} bytes")
        return body.getvalue()


def _cacheable_headers(response: aiohttp.ClientResponse, size: int) -> Mapping[str, str]:
    """The headers of a response; without those that it is cached by if it is too long to be kept."""
    headers = response.headers.copy()
    if size > MAX_CACHED_BYTES:
        headers.pop("ETag", None)
        headers.pop("Last-Modified", None)
    return headers


def _same_host(url: str, location: str | None) -> str | None:
    if not location:
        return None
    target = urljoin(url, location)
    return target if urlsplit(target)[:2] == urlsplit(url)[:2] else None


def _translate_error(method: str, error: Exception, now: float, address: str) -> Unavailable:
    """Translate the failure of a request to `address`, `now` by GitHub's clock, to one of our exceptions."""
    if isinstance(error, HTTPException):
        return _error_for_status(method, error, now)
    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status == 407:
        return proxy_wants_credentials()
    if (reason := _why_not_connected(error, address)) is not None:
        return Unavailable(UNAVAILABLE, retry_after=10, reason=reason)
    return _no_response(method, type(error).__name__)


def _why_not_connected(error: Exception, address: str) -> str | None:
    """Why a request was not even sent; None if it may have been."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return f"no connection: the proxy answered {error.status}"
        case aiohttp.ClientProxyConnectionError():
            return "no connection to the proxy"
        case aiohttp.ClientConnectorDNSError():
            return f"no connection to {address}: a name cannot be resolved"
        case aiohttp.ClientConnectorCertificateError():
            return f"no connection to {address}: its certificate is not trusted"
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return f"no connection to {address}"
        case _:
            return None


def _error_for_status(method: str, error: HTTPException, now: float) -> Unavailable:
    status, message = int(error.status_code), str(error)
    wait = seconds_to_wait(status, error.headers, message, now)
    if wait is not None:
        return Limited(UNAVAILABLE, retry_after=wait, reason="GitHub limits our requests")
    if status >= 500:
        return _no_response(method, f"GitHub answered {status}")
    return ApiError(status, message, error.headers)


def _no_response(method: str, reason: str) -> Unavailable:
    error_class = Unavailable if method == "GET" else ResponseLost
    return error_class(UNAVAILABLE, retry_after=10, reason=reason)
