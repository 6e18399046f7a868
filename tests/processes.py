"""Longshore as `longshore serve` and `longshore work` run it: in processes that a test can kill."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import unused_port
from aiohttp.typedefs import Middleware

from bot.store.database import dialect, execute, fetch
from sandbox import GitHub, SandboxOptions
from server.service import Service
from tests.world import World, create_sample_project, settings_for

ROOT = Path(__file__).parents[1]
MAIN = "import sys; from cli.main import run; sys.exit(run(sys.argv[1:]))"
SEARCH_SECONDS = 2
RUNNER = web.AppKey("runner", web.AppRunner)
NO_RESPONSE = (aiohttp.ClientError, OSError, TimeoutError)


@dataclass
class Processes:
    """The processes of one service, which can be killed and restarted by their index."""

    commands: list[list[str]]
    environment: dict[str, str]
    log: Path
    running: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)
    killed: list[int] = field(default_factory=list)

    async def start(self, index: int) -> None:
        with self.log.open("ab") as log:
            self.running[index] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", MAIN, *self.commands[index]), cwd=ROOT, env=self.environment, stderr=log
            )

    async def kill(self, index: int) -> None:
        process = self.running[index]
        assert process.returncode is None, f"it had exited by itself: {self.log.read_text()[-2000:]}"
        process.kill()
        await process.wait()
        self.killed.append(process.pid)

    async def dispatching_process(self) -> int | None:
        """The index of a process that waits for the response to a dispatch, if there is one within a few seconds."""
        for _ in range(500):
            owners = await fetch(
                "SELECT lease_owner FROM jobs WHERE kind = 'dispatch' AND state = 'running' "
                "AND EXISTS (SELECT 1 FROM runs WHERE state = 'posted')"
            )
            pids = {int(row["lease_owner"].split(":")[1]) for row in owners}
            for index, process in self.running.items():
                if process.pid in pids:
                    return index
            await asyncio.sleep(0.005)
        return None

    async def expire_leases(self) -> None:
        """Expire the leases of killed processes; on SQLite the next process releases them by itself."""
        if dialect() == "postgres":
            for pid in self.killed:
                await execute(
                    "UPDATE jobs SET lease_expires = 0 WHERE state = 'running' AND lease_owner LIKE $1", f"%:{pid}:%"
                )

    async def stop(self) -> None:
        for process in self.running.values():
            if process.returncode is None:
                process.terminate()
                await process.wait()


async def retry_until(send: Callable[[], Awaitable[int]], *accepted: int) -> int:
    """Send a request until its status is accepted, as a client that retries without a response or after a 503."""
    while True:
        try:
            status = await send()
        except NO_RESPONSE:
            status = 0
        if status in accepted:
            return status
        assert status in (0, 503), f"unexpected status {status}"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def killable_world(
    source: Path, database_url: str, log: Path, commands: list[list[str]], middleware: Middleware
) -> AsyncIterator[tuple[World, Processes]]:
    """A world with the sample project whose service runs in subprocesses, and a GitHub with a middleware."""
    github = await GitHub.create(source, SandboxOptions(run_seconds=(0.1, 1.0)))
    github.app.middlewares.append(middleware)
    api, port = await serve(github.app), unused_port()
    url = f"http://127.0.0.1:{port}"
    github.webhook_url = f"{url}/webhooks/github"
    service = Service(settings_for(github, api, database_url))
    await service.open()
    processes = Processes(commands, environment(github, api, database_url, port), log)
    try:
        async with aiohttp.ClientSession() as session:
            world = World(github, service, url, session)
            for index in range(len(commands)):
                await processes.start(index)
            await retry_until(lambda: readiness(world), 200)
            await create_sample_project(world)
            yield world, processes
    finally:
        await processes.stop()
        await service.close()
        await github.app[RUNNER].cleanup()


async def serve(app: web.Application) -> str:
    """Start a server for the sandbox that completes requests whose client has died, as GitHub does."""
    runner = app[RUNNER] = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


def environment(github: GitHub, api: str, database_url: str, port: int) -> dict[str, str]:
    """The environment variables of the processes."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LONGSHORE_")}
    return inherited | {
        "LONGSHORE_DATABASE_URL": database_url,
        "LONGSHORE_PORT": str(port),
        "LONGSHORE_GITHUB_API_URL": api,
        "LONGSHORE_GITHUB_APP_ID": str(github.app_id),
        "LONGSHORE_GITHUB_PRIVATE_KEY": github.private_key,
        "LONGSHORE_GITHUB_WEBHOOK_SECRET": github.webhook_secret,
        "LONGSHORE_DISPATCH_SEARCH_SECONDS": str(SEARCH_SECONDS),
    }


async def readiness(world: World) -> int:
    return (await world.ask("GET", "/healthz")).status
