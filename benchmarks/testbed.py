"""Run the real application in this process against the sandbox, for benchmarks that use the API."""

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
class Testbed:
    """A migrated database and a simulated GitHub, on which the application can be started any number of times."""

    github: GitHub
    api_url: str
    database_url: str

    @asynccontextmanager
    async def process(self, *, worker: bool = True) -> AsyncIterator[World]:
        """Start the application with empty caches, without periodic jobs, which would disturb the measurement."""
        app = create_app(settings_for(self.github, self.api_url, self.database_url), worker=worker, schedule=False)
        async with serve(app) as url, aiohttp.ClientSession() as session:
            self.github.webhook_url = f"{url}/webhooks/github"
            yield World(self.github, app[SERVICE], url, session)


@asynccontextmanager
async def open_testbed(database_url: str) -> AsyncIterator[Testbed]:
    """Open a testbed over a small git repository."""
    await migrate(database_url)
    with tempfile.TemporaryDirectory(prefix="longshore-bench-") as folder:
        await make_repository(Path(folder) / "site")
        github = await GitHub.create(Path(folder) / "site")
        try:
            async with serve(github.app) as api_url:
                yield Testbed(github, api_url, database_url)
        finally:
            await github.close()


@asynccontextmanager
async def serve(app: web.Application) -> AsyncIterator[str]:
    """Serve an application and yield its URL."""
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")
