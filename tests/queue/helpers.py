"""Helpers for the tests of the queue: a running worker, jobs of any kind, the rows of the table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import pytest

from bot.queue import jobs
from bot.queue.jobs import LeasedJob
from bot.queue.leases import claim
from bot.queue.worker import Worker, WorkerOptions
from bot.store.database import fetch
from bot.store.jobs import Job as Row
from tests.conftest import postgres

LEASE_MS = 60_000
only_sqlite = pytest.mark.skipif(postgres(), reason="about SQLite itself: one file, one writer, its own planner")


@dataclass(frozen=True)
class AnyJob:
    """A job of any kind, registered or not."""

    kind: str
    arguments: dict[str, Any]
    key: str | None = None
    lock: str | None = None
    priority: int = 0
    keeps_key: bool = False
    raw_payload: bytes | None = None

    def payload(self) -> bytes:
        return orjson.dumps(self.arguments) if self.raw_payload is None else self.raw_payload

    def headers(self) -> dict[str, str] | None:
        return None


async def enqueue(kind: str, arguments: dict[str, Any], *, run_at: datetime | None = None, **properties: Any) -> None:
    """Enqueue a job of any kind."""
    await jobs.enqueue(AnyJob(kind, arguments, **properties), run_at=run_at)


class RunningWorker:
    """A running worker, with the kind and outcome of each finished job in order."""

    def __init__(self, worker: Worker, outcomes: list[tuple[str, str]]) -> None:
        self.worker = worker
        self.outcomes = outcomes

    async def settle(self) -> list[tuple[str, str]]:
        async with asyncio.timeout(15):
            await self.worker.settle()
        return self.outcomes


@asynccontextmanager
async def running_worker(
    perform: Callable[[LeasedJob], Awaitable[None]],
    *,
    should_yield: Callable[[], bool] = lambda: False,
    **options: Any,
) -> AsyncIterator[RunningWorker]:
    outcomes: list[tuple[str, str]] = []
    worker = Worker(
        perform,
        lambda job, outcome, seconds, error: outcomes.append((job.kind, outcome)),
        WorkerOptions(**options),
        should_yield=should_yield,
    )
    task = asyncio.create_task(worker.run())
    await worker.started.wait()
    try:
        yield RunningWorker(worker, outcomes)
    finally:
        task.cancel()
        await asyncio.wait([task])


async def succeed(job: LeasedJob) -> None:
    """Perform a job by doing nothing."""


async def fail(job: LeasedJob) -> None:
    """Perform a job by failing."""
    raise ValueError("broken")


async def rows(**values: Any) -> list[Row]:
    """The rows of the table, oldest first."""
    return await Row.filter(**values).order_by("id")


async def states() -> dict[str, int]:
    """The number of jobs in each state."""
    counts = await fetch("SELECT state, count(*) AS jobs FROM jobs GROUP BY state")
    return {row["state"]: row["jobs"] for row in counts}


async def claimed_kinds(limit: int = 100) -> list[str]:
    """Claim jobs; returns their kinds, in order."""
    return [job.kind for job in await claim(limit, "tester", LEASE_MS)]
