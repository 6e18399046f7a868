"""The client half against the real application, directly or through a connection that loses what it carries."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web

from bot.operations import personal_tokens
from bot.operations.users import NewToken
from cli.client.caller import Caller
from cli.client.exits import Outcome
from cli.client.logins import Login
from cli.client.output import texts
from cli.client.service import Pace, connected
from cli.main import run
from tests.cli.conftest import Result, process_environment, replaced_environment
from tests.world import Serve, World

QUICK = Pace(reading=10.0, writing=10.0, following=10.0, first_pause=0.02, first_look=0.02, last_look=0.05)
IMPATIENT = replace(QUICK, reading=0.3, writing=0.3, following=0.3)


@dataclass
class Told:
    """What people were told besides the result."""

    lines: list[str] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        self.lines.append(sentence)

    def show_state(self, text: str) -> None:
        if text not in self.lines[-1:]:
            self.lines.append(text)

    def count(self, fragment: str) -> int:
        return len([line for line in self.lines if fragment in line])


@dataclass
class Client:
    """Somebody who runs commands against a service, as functions and as whole command lines."""

    url: str
    token: str
    told: Told
    stack: AsyncExitStack
    capture: pytest.CaptureFixture[str]
    folder: Path

    async def caller(self, url: str = "", token: str = "", named: str = "site", pace: Pace = QUICK) -> Caller:
        """What a command works with, by default on the project `site`."""
        login = Login(url or self.url, token or self.token)
        service = await self.stack.enter_async_context(connected(login, self.told.say, pace))
        return Caller(service, self.told, self.folder, named)

    async def run(self, *arguments: str, **variables: str) -> Result:
        """Run a command line in this process, in a thread of its own; an empty variable counts as missing."""
        named = {"LONGSHORE_URL": self.url, "LONGSHORE_TOKEN": self.token, "LONGSHORE_PROJECT": "site"}
        found = {"XDG_CONFIG_HOME": str(self.folder / "config"), **named, **variables}
        self.capture.readouterr()
        with replaced_environment(process_environment(**found)):
            code = await asyncio.to_thread(run, list(arguments))
        return Result(code, *self.capture.readouterr())


@pytest.fixture
async def client(world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> AsyncIterator[Client]:
    """Somebody with every grant, who stands in no repository. The service's log is not among what they read."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    async with AsyncExitStack() as stack:
        yield Client(world.url, world.token, Told(), stack, capsys, tmp_path)


@dataclass
class Line:
    """A connection to a service that passes requests on, and loses some of them or of their answers.

    `down`: nothing is passed on. `lost` answers are dropped after the service has given them. `answers` replaces those
    of paths. `passed` has the method, the path and the idempotency key of what was passed on.
    """

    target: str
    url: str = ""
    down: bool = False
    lost: int = 0
    answers: dict[str, Any] = field(default_factory=dict)
    passed: list[tuple[str, str, str | None]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.down:
            return self._drop(request)
        self.headers.append(dict(request.headers))
        if request.path in self.answers:
            return web.json_response(self.answers[request.path])
        self.passed.append((request.method, request.path, request.headers.get("Idempotency-Key")))
        kept = {name: value for name, value in request.headers.items() if name not in ("Host", "Content-Length")}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as http,
            http.request(
                request.method, self.target + request.path_qs, headers=kept, data=await request.read()
            ) as response,
        ):
            body, headers = await response.read(), dict(response.headers)
        if self.lost:
            self.lost -= 1
            return self._drop(request)
        dropped = ("Content-Length", "Transfer-Encoding")
        kept = {name: value for name, value in headers.items() if name not in dropped}
        return web.Response(status=response.status, body=body, headers=kept)

    def _drop(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()


@pytest.fixture
async def line(world: World, aiohttp_server: Serve) -> Line:
    """A connection to the service that loses nothing yet."""
    line = Line(world.url)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", line.handle)
    line.url = str((await aiohttp_server(app)).make_url("/")).rstrip("/")
    return line


def said(outcome: Outcome) -> list[str]:
    """The lines that people read, and the problem if there is one."""
    return [*texts(outcome.shown), *([] if outcome.problem is None else [outcome.problem])]


async def when(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def personal_token(world: World, login: str, *grants: str) -> str:
    """A personal token of a maintainer."""
    world.github.person(login, "maintain")
    new = NewToken(f"{login}-laptop", list(grants))
    return (await personal_tokens.create_for(await world.context(), login, new))[1]
