"""While the database hangs, `/readyz` says so in time, and a process that is told to stop ends in time."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from bot.queue.worker import POLL
from bot.store.database import transaction
from sandbox import GitHub
from server.app import SERVICE, create_app
from server.service import Service
from tests.conftest import postgres
from tests.outages import eventually, hanging, pragma
from tests.world import settings_for

GRACE = 0.3
STOP_SECONDS = 3.0


@pytest.fixture
async def github(source: Path) -> AsyncIterator[GitHub]:
    github = await GitHub.create(source)
    yield github
    await github.close()


@asynccontextmanager
async def timed_stop() -> AsyncIterator[None]:
    """Fail when what is done inside takes longer than it may."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < STOP_SECONDS


def shorten_grace(service: Service) -> None:
    service.worker.options = replace(service.worker.options, grace_seconds=GRACE)


async def shorten_waits() -> None:
    """Shorten SQLite's wait for its write lock, which nothing can end once it has begun."""
    if not postgres():
        await pragma("busy_timeout = 1500")


async def keep_writing() -> None:
    """Use transactions, one after the other, as jobs and requests do."""
    while True:
        async with transaction():
            pass
        await asyncio.sleep(0.01)


async def test_work_ends_in_time(github: GitHub, database_url: str) -> None:
    async with hanging(database_url) as (url, hang):
        service = Service(settings_for(github, "http://127.0.0.1:9", url))
        shorten_grace(service)
        await service.open()
        working = asyncio.create_task(service.work())
        busy = asyncio.create_task(keep_writing())
        await service.worker.started.wait()
        await shorten_waits()
        await hang()
        await asyncio.sleep(POLL + 0.1)
        async with timed_stop():
            service.stop()
            await working
            busy.cancel()
            await asyncio.wait([busy])
            await service.close()


async def test_serve_ends_in_time(github: GitHub, database_url: str) -> None:
    async with hanging(database_url) as (url, hang):
        app = create_app(settings_for(github, "http://127.0.0.1:9", url))
        shorten_grace(app[SERVICE])
        runner = web.AppRunner(app, shutdown_timeout=GRACE)
        await runner.setup()
        await shorten_waits()
        await hang()
        await asyncio.sleep(POLL + 0.1)
        async with timed_stop():
            app[SERVICE].stop()
            await runner.cleanup()


@pytest.mark.skipif(not postgres(), reason="about sessions with a server, which SQLite does not have")
async def test_new_sessions_are_given_up_too(github: GitHub, database_url: str) -> None:
    async with hanging(database_url) as (url, hang):
        service = Service(settings_for(github, "http://127.0.0.1:9", url))
        shorten_grace(service)
        await service.open()
        await hang()
        opening = [asyncio.create_task(keep_writing()) for _ in range(4)]
        await asyncio.sleep(0.1)
        async with timed_stop():
            service.stop()
            await asyncio.wait(opening)
            await service.close()
        assert all(task.exception() is not None for task in opening)


@pytest.fixture
async def hung(
    github: GitHub, database_url: str, aiohttp_client: Any
) -> AsyncIterator[tuple[TestClient[Any, Any], Callable[[], Awaitable[None]]]]:
    """A service without a worker, and a function that lets its database hang."""
    async with hanging(database_url) as (url, hang):
        app = create_app(settings_for(github, "http://127.0.0.1:9", url), worker=False, schedule=False)
        client = await aiohttp_client(app)
        yield client, hang
        client.app[SERVICE].database.give_up_after(0)
        await client.close()


async def test_a_hung_database_is_not_ready(hung: tuple[TestClient[Any, Any], Callable[[], Awaitable[None]]]) -> None:
    client, hang = hung
    assert (await client.get("/readyz")).status == 200
    await hang()

    async def is_unready() -> bool:
        async with asyncio.timeout(4), client.get("/readyz") as response:
            return response.status == 503 and "database" in (await response.json())["problems"]

    await eventually(is_unready, 5)
    async with asyncio.timeout(1 if postgres() else 4):  # a reading that hangs already is not waited for again
        assert await is_unready()


async def test_metrics_do_not_wait_for_a_hung_database(
    hung: tuple[TestClient[Any, Any], Callable[[], Awaitable[None]]],
) -> None:
    client, hang = hung
    await hang()
    async with asyncio.timeout(4), client.get("/metrics") as response:
        assert response.status == 200


@pytest.mark.skipif(not postgres(), reason="SQLite is read while its write lock is held")
async def test_metrics_do_not_wait_for_a_hung_database_to_check_a_token(
    hung: tuple[TestClient[Any, Any], Callable[[], Awaitable[None]]],
) -> None:
    client, hang = hung
    await hang()
    headers = {"Authorization": f"Bearer lsh_{'a' * 43}"}
    async with asyncio.timeout(8), client.get("/metrics", headers=headers) as response:
        assert response.status == 200
        assert "longshore_ready 0.0" in await response.text()
