"""The sandbox in a process of its own, for benchmarks, and a client of it.

`python -m benchmarks.simulated_github PORT FILE` serves a sandbox over a small git repository, and writes the settings
of its App to a file, as JSON. Besides its usual routes, it has some that benchmarks need. It sends no webhooks: it
keeps those that it would send, for benchmarks to send them.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from benchmarks.intake import free_port, running_process
from benchmarks.load import SECRET
from sandbox import GitHub, make_repository
from sandbox.lifecycle import SandboxOptions

HOST = "127.0.0.1"
NOWHERE = "http://127.0.0.1:9/"
"""A webhook URL, so that events are made; all are dropped."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Observer:
    """Notes when reactions to comments are first requested, and hands out the webhooks that were not sent."""

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self._requested: defaultdict[int, asyncio.Future[float]] = defaultdict(asyncio.Future)

    @web.middleware
    async def note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note the time of the first reaction to a comment, by the monotonic clock, which all processes share."""
        if request.method == "POST" and request.path.endswith("/reactions"):
            requested = self._requested[int(request.path.split("/")[-2])]
            if not requested.done():
                requested.set_result(time.monotonic())
        return await handler(request)

    async def reaction(self, request: web.Request) -> web.Response:
        """Wait for the first reaction to a comment; return the time at which it was requested."""
        return web.json_response(await self._requested[int(request.match_info["comment"])])

    async def deliveries(self, request: web.Request) -> web.Response:
        """Return the events since the last request, each with its name and its body, and forget all calls."""
        await self._github.settle()
        found = [{"event": each.event, "body": each.body.decode()} for each in self._github.deliveries]
        self._github.deliveries.clear()
        self._github.forget_calls()
        return web.Response(body=orjson.dumps(found), content_type="application/json")


async def serve(port: int, file: Path) -> None:
    """Serve a sandbox until the process is stopped."""
    with tempfile.TemporaryDirectory(prefix="longshore-bench-") as folder:
        source = await make_repository(Path(folder) / "site")
        github = await GitHub.create(source, SandboxOptions(webhook_url=NOWHERE, webhook_secret=SECRET))
        github.faults.webhooks(drop=1.0)
        observer = Observer(github)
        github.app.middlewares.append(observer.note)
        github.app.router.add_get("/_sandbox/reactions/{comment}", observer.reaction)
        github.app.router.add_get("/_sandbox/events", observer.deliveries)
        runner = web.AppRunner(github.app, access_log=None)
        await runner.setup()
        file.write_bytes(orjson.dumps({"app_id": str(github.app_id), "private_key": github.private_key}))
        await web.TCPSite(runner, HOST, port).start()
        await asyncio.Event().wait()


@dataclass(frozen=True)
class SimulatedGitHub:
    """A running sandbox, as its clients see it."""

    url: str
    session: aiohttp.ClientSession
    settings: dict[str, str]
    """The settings with which Longshore uses it, by the names of environment variables."""

    async def act(self, path: str, **body: Any) -> Any:
        """Call a route of the control API."""
        async with self.session.post(f"{self.url}/_sandbox/{path}", json=body) as response:
            answer = await response.json()
            if response.status != 200:
                raise RuntimeError(f"{path}: {response.status} {answer}")
            return answer["result"]

    async def view(self, path: str) -> Any:
        """Read a route of the control API."""
        async with self.session.get(f"{self.url}/_sandbox/{path}", raise_for_status=True) as response:
            return orjson.loads(await response.read())


@asynccontextmanager
async def simulated_github() -> AsyncIterator[SimulatedGitHub]:
    """Start a sandbox and yield a client of it."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="longshore-bench-") as folder:
        file = Path(folder) / "app.json"
        command = (sys.executable, "-m", "benchmarks.simulated_github", str(port), str(file))
        async with running_process("the sandbox", command, port, None) as _, aiohttp.ClientSession() as session:
            app = orjson.loads(file.read_bytes())
            url = f"http://{HOST}:{port}"
            settings = {
                "LONGSHORE_GITHUB_API_URL": url,
                "LONGSHORE_GITHUB_APP_ID": app["app_id"],
                "LONGSHORE_GITHUB_PRIVATE_KEY": app["private_key"],
                "LONGSHORE_GITHUB_WEBHOOK_SECRET": SECRET,
            }
            yield SimulatedGitHub(url, session, settings)


def main() -> None:
    """Serve a sandbox; see the module."""
    port, file = sys.argv[1:]
    asyncio.run(serve(int(port), Path(file)))  # the sandbox starts git in a way that uvloop does not know


if __name__ == "__main__":
    main()
