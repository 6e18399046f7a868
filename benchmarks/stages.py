"""The real application in this process, against the sandbox: what the benchmarks that go through the API stand on."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.store.migrate import migrate
from sandbox import GitHub, make_repository
from server.app import SERVICE, create_app
from tests.world import World, settings_for


@dataclass
class Stage:
    """A migrated database and a GitHub in a box, on which our process may begin any number of times."""

    github: GitHub
    api_url: str
    database_url: str

    @asynccontextmanager
    async def process(self, *, works: bool = True) -> AsyncIterator[World]:
        """Our application as a process has it that has just begun; without the schedule, which would disturb."""
        app = create_app(settings_for(self.github, self.api_url, self.database_url), works=works, scheduled=False)
        async with served(app) as url, aiohttp.ClientSession() as session:
            self.github.webhook_url = f"{url}/webhooks/github"
            yield World(self.github, app[SERVICE], url, session)


@asynccontextmanager
async def a_stage(database_url: str) -> AsyncIterator[Stage]:
    """A stage over a small real git repository."""
    await migrate(database_url)
    with tempfile.TemporaryDirectory(prefix="longshore-bench-") as folder:
        await make_repository(Path(folder) / "site")
        github = await GitHub.create(Path(folder) / "site")
        try:
            async with served(github.app) as api_url:
                yield Stage(github, api_url, database_url)
        finally:
            await github.close()


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """The address of an application while it is served."""
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")
