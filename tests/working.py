"""A worker to watch, and looks at the table of jobs, for the tests of both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.queue.jobs import Job, claim
from bot.queue.worker import Worker
from bot.store.database import fetch
from bot.store.jobs import Job as Row
from tests.conftest import postgres

LEASE = 60_000
only_sqlite = pytest.mark.skipif(postgres(), reason="a claim about SQLite alone")


class Watched:
    """A worker and what it said."""

    def __init__(self, worker: Worker, outcomes: list[tuple[str, str]]) -> None:
        self.worker = worker
        self.outcomes = outcomes

    async def settle(self) -> list[tuple[str, str]]:
        async with asyncio.timeout(15):
            await self.worker.settle()
        return self.outcomes


@asynccontextmanager
async def working(perform: Callable[[Job], Awaitable[None]], **options: Any) -> AsyncIterator[Watched]:
    outcomes: list[tuple[str, str]] = []
    worker = Worker(
        perform=perform, observe=lambda job, outcome, seconds, error: outcomes.append((job.kind, outcome)), **options
    )
    task = asyncio.create_task(worker.run())
    await worker.begun.wait()
    try:
        yield Watched(worker, outcomes)
    finally:
        task.cancel()
        await asyncio.wait([task])


async def nothing(job: Job) -> None:
    pass


async def fails(job: Job) -> None:
    raise ValueError("broken")


async def rows(**values: Any) -> list[Row]:
    return await Row.filter(**values).order_by("id")


async def states() -> dict[str, int]:
    found = await fetch("SELECT state, count(*) AS jobs FROM jobs GROUP BY state")
    return {row["state"]: row["jobs"] for row in found}


async def kinds(jobs: int = 100) -> list[str]:
    return [job.kind for job in await claim(jobs, "tester", LEASE)]
