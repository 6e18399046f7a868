"""What the client asks of a service: reads, and writes that take effect once, whatever answers are lost."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import aiohttp

from bot.rules.proxies import environment_proxy
from cli.client.exits import Stopped, Usage
from cli.client.logins import Login
from cli.client.refusals import parts_of, refusal
from cli.client.requests import Answer, Request, Sender

SUCCESSES = (200, 201, 202)
EMPTY = (204, 304)
PER_PAGE = 100


@dataclass(frozen=True)
class Pace:
    """For how many seconds requests are tried again, and how often what is followed is looked at."""

    reading: float = 3.0
    writing: float = 20.0
    following: float = 120.0
    first_pause: float = 0.25
    first_look: float = 1.0
    last_look: float = 5.0


PACE = Pace()


@dataclass(frozen=True)
class Service:
    """A service, as somebody who is logged in to it sees it."""

    sender: Sender
    pace: Pace = PACE

    @property
    def url(self) -> str:
        """The URL of the service."""
        return self.sender.login.url

    async def get(self, path: str, **query: str | int) -> Any:
        """Read what is at a path."""
        return (await self._ask(Request("GET", path, self.pace.reading, query))).body

    async def get_all(self, path: str) -> list[Any]:
        """Read all pages of a list that is paged by number."""
        found: list[Any] = []
        while len(found) % PER_PAGE == 0:
            rows = await self.get(path, page=len(found) // PER_PAGE + 1, per_page=PER_PAGE)
            found += rows
            if not rows:
                break
        return found

    async def get_if_changed(self, path: str, tag: str | None) -> tuple[Any, str | None]:
        """Read what is at a path, and its tag; None if it is what `tag` stands for. Outages are sat out for longer."""
        headers = {} if tag is None else {"If-None-Match": tag}
        answer = await self._ask(Request("GET", path, self.pace.following, headers=headers))
        return (None, tag) if answer.status == 304 else (answer.body, answer.headers.get("ETag"))

    async def post(self, path: str, body: Mapping[str, object]) -> Any:
        """Have the service do something, once: a request that is tried again keeps its idempotency key."""
        headers = {"Idempotency-Key": str(uuid4())}
        return (await self._ask(Request("POST", path, self.pace.writing, body=body, headers=headers))).body

    async def end(self, path: str, *, ended: str | None = None) -> None:
        """End something. After an attempt whose answer was lost, a refusal that says `ended` means that it is done."""
        request = Request("DELETE", path, self.pace.writing)
        answer = await self.sender.send(request)
        if answer.attempts == 1 or ended is None or parts_of(answer.body)[0] != ended:
            self._check(request, answer)

    async def _ask(self, request: Request) -> Answer:
        answer = await self.sender.send(request)
        self._check(request, answer)
        return answer

    def _check(self, request: Request, answer: Answer) -> None:
        """Raise Stopped for an answer that is an error, or not the service's."""
        if answer.status in EMPTY or (answer.status in SUCCESSES and answer.body is not None):
            return
        if 300 <= answer.status < 400:
            raise Usage(f"{self.url} redirects to {answer.headers.get('Location', 'nowhere')}: log in at that URL.")
        if answer.status >= 500:
            named = answer.headers.get("X-Request-ID")
            raise Stopped(f"The service failed ({answer.sentence}); its log says more about the request {named}.")
        raise refusal(answer.status, answer.body, f"{self.url}{request.path}" if answer.body else self.url)


@asynccontextmanager
async def connected(
    login: Login, say: Callable[[str], None], pace: Pace = PACE, proxies: Mapping[str, str] | None = None
) -> AsyncIterator[Service]:
    """A service to talk to; `say` tells people what takes longer. `proxies` are those of the environment."""
    try:
        proxy = environment_proxy(login.url, proxies or {})
    except ValueError as error:
        raise Usage(f"{error}.") from None
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield Service(Sender(http, login, say, first_pause=pace.first_pause, proxy=proxy), pace)


def path(*parts: str | int) -> str:
    """The path of these parts, each percent-encoded: `api`, `projects`, `my site` is `/api/projects/my%20site`.

    Refuses an empty part: it is the name of nothing.
    """
    if "" in parts:
        raise Usage("A name is empty: say which one is meant.")
    return "".join(f"/{_encoded(str(part))}" for part in parts)


def _encoded(part: str) -> str:
    """A part of a path, percent-encoded; dots too where they would lead elsewhere."""
    return part.replace(".", "%2E") if part in (".", "..") else quote(part, safe="")
