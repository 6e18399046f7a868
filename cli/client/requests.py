"""Requests over HTTP, tried again for a while as long as there is no answer that stays."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

from cli.client.exits import Unreachable
from cli.client.logins import Login
from cli.client.refusals import parts_of, worded

PASSING = (429, 502, 503, 504)
CONFLICT = 409  # with Retry-After: the first request with the same idempotency key is still in progress
TIMEOUT_SECONDS, CONNECT_SECONDS = 60, 10
MAX_PAUSE = 5.0  # seconds between two attempts, unless the service asks for more


@dataclass(frozen=True)
class Request:
    """A request; it is tried again for `patience` seconds. `path` is percent-encoded."""

    method: str
    path: str
    patience: float
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """An answer. `body` None: there is none, or it is not JSON. The request was sent `attempts` times."""

    status: int
    body: Any
    headers: Mapping[str, str]
    attempts: int

    @property
    def retry_after(self) -> float:
        """For how many seconds the service asks to wait before the next attempt; 0 if it does not."""
        text = self.headers.get("Retry-After", "")
        return float(text) if text.isdecimal() else 0.0

    @property
    def is_passing(self) -> bool:
        """Whether another attempt may be answered differently."""
        return self.status in PASSING or (self.status == CONFLICT and "Retry-After" in self.headers)

    @property
    def sentence(self) -> str:
        """What the service says, or the status that it answers with."""
        sentence, details = parts_of(self.body)
        return f"status {self.status}" if sentence is None else worded(sentence, details).rstrip(".")


@dataclass
class _Sent:
    """Counts how often a request is sent: aiohttp itself sends some again when the connection is lost."""

    count: int = 0

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        self.count += 1
        return await handler(request)


class Sender:
    """Sends requests to a service with a login. `say` tells people what takes longer."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        login: Login,
        say: Callable[[str], None],
        *,
        first_pause: float = 0.25,
        proxy: str = "",
    ) -> None:
        self.login = login
        self._http, self._say, self._first_pause, self._proxy = http, say, first_pause, proxy or None

    async def send(self, request: Request) -> Answer:
        """Send a request until there is an answer that stays. Raises Unreachable after the request's patience."""
        end, tries, pause, sent = time.monotonic() + request.patience, 1, self._first_pause, _Sent()
        while True:
            found = await self._try(request, sent)
            if isinstance(found, Answer) and not found.is_passing:
                return found
            wait = max(pause, found.retry_after) if isinstance(found, Answer) else pause
            if time.monotonic() + wait > end:
                raise self._unreachable(found)
            if tries == 2:
                self._say(f"{self._trouble(found)}: trying again for {request.patience:.0f} seconds.")
            await asyncio.sleep(wait)
            tries, pause = tries + 1, min(2 * pause, MAX_PAUSE)

    async def _try(self, request: Request, sent: _Sent) -> Answer | str:
        """The answer to one attempt, or what keeps the service from answering."""
        try:
            return await self._once(request, sent)
        except (aiohttp.ClientConnectorCertificateError, aiohttp.InvalidURL) as error:
            raise self._unreachable(_reason(error)) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            return _reason(error)

    async def _once(self, request: Request, sent: _Sent) -> Answer:
        async with self._http.request(
            request.method,
            URL(f"{self.login.url}{request.path}", encoded=True).update_query(request.query),
            json=request.body,
            headers={"Authorization": f"Bearer {self.login.token}", "Accept": "application/json", **request.headers},
            allow_redirects=False,
            proxy=self._proxy,
            middlewares=(sent,),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
        ) as response:
            return Answer(response.status, _parsed(await response.read()), response.headers, sent.count)

    def _trouble(self, found: Answer | str) -> str:
        if isinstance(found, str):
            return f"{self.login.url} does not answer ({found})"
        return f"{self.login.url} cannot do this at the moment ({found.sentence})"

    def _unreachable(self, found: Answer | str) -> Unreachable:
        wait = (
            f" Try again in {found.retry_after:.0f} seconds." if isinstance(found, Answer) and found.retry_after else ""
        )
        return Unreachable(f"{self._trouble(found)}.{wait}")


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _reason(error: Exception) -> str:
    """What keeps a service from answering, in a few words."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not valid: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy says {error.status}"
    if isinstance(error, aiohttp.ClientOSError) and error.errno:
        return os.strerror(error.errno).lower()
    if isinstance(error, TimeoutError):
        return f"there is no answer within {TIMEOUT_SECONDS} seconds"
    return "the connection was closed" if isinstance(error, aiohttp.ClientConnectionError) else str(error)
