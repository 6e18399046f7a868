"""Short jobs are claimed ahead of free slots; what cannot start soon is left to other workers."""

from __future__ import annotations

import asyncio

import pytest

from bot.queue.jobs import LeasedJob
from bot.queue.worker import HOLD_SECONDS, MAX_CLAIM
from bot.store.database import fetch, transaction
from tests.queue.helpers import RunningWorker, enqueue, rows, running_worker, states

SHORT = 60  # jobs that are finished before, so that the worker knows jobs to be short


class Performer:
    """Performs jobs at once, but for those of kind `long`, which last until `release`."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.long_started, self.release = asyncio.Event(), asyncio.Event()

    async def __call__(self, job: LeasedJob) -> None:
        self.started.append(job.kind)
        if job.kind == "long":
            self.long_started.set()
            await self.release.wait()


async def enqueue_short(count: int) -> None:
    async with transaction():
        for _ in range(count):
            await enqueue("short", {})


async def hold_behind_a_long_one(running: RunningWorker, perform: Performer) -> None:
    """Have the worker start a long job, and claim thirty short ones with it."""
    await enqueue_short(SHORT)
    await running.settle()
    async with transaction():
        await enqueue("long", {}, priority=1)
        for _ in range(30):
            await enqueue("short", {})
    await perform.long_started.wait()


async def until(expected: dict[str, int]) -> None:
    """Wait until there are that many jobs in each state."""
    async with asyncio.timeout(5):
        while await states() != expected:
            await asyncio.sleep(0.01)


async def test_short_jobs_are_claimed_together(database: object) -> None:
    claims: set[int] = set()

    async def perform(job: LeasedJob) -> None:
        claims.add(job.lease_expires)

    async with running_worker(perform, concurrency=2) as running:
        await enqueue_short(SHORT)
        await running.settle()
        claims.clear()
        await enqueue_short(MAX_CLAIM)
        assert await running.settle() == [("short", "ok")] * (SHORT + MAX_CLAIM)
    assert len(claims) < MAX_CLAIM / 4


async def test_long_jobs_are_not_claimed_ahead_of_free_slots(database: object) -> None:
    release = asyncio.Event()

    async def perform(job: LeasedJob) -> None:
        await release.wait()

    async with running_worker(perform, concurrency=2) as running:
        await enqueue_short(10)
        await until({"running": 2, "queued": 8})
        await asyncio.sleep(2 * HOLD_SECONDS)
        assert await states() == {"running": 2, "queued": 8}
        release.set()
        await running.settle()


async def test_jobs_held_behind_a_long_one_go_back_to_the_queue(database: object) -> None:
    perform = Performer()
    async with running_worker(perform, concurrency=1) as running:
        await hold_behind_a_long_one(running, perform)
        await until({"done": SHORT, "running": 1, "queued": 30})
        assert {row.attempts for row in await rows(state="queued")} == {0}
        perform.release.set()
        assert await running.settle() == [("short", "ok")] * SHORT + [("long", "ok")] + [("short", "ok")] * 30
    assert {row.attempts for row in await rows()} == {1}


async def test_an_urgent_job_overtakes_jobs_that_were_claimed_before_it(database: object) -> None:
    perform = Performer()
    async with running_worker(perform, concurrency=1) as running:
        await hold_behind_a_long_one(running, perform)
        await until({"done": SHORT, "running": 1, "queued": 30})
        await enqueue("urgent", {}, priority=2)
        perform.started.clear()
        perform.release.set()
        await running.settle()
    assert perform.started[0] == "urgent"


@pytest.mark.parametrize("stopped_by", ["cancellation", "stop"])
async def test_a_stopped_worker_returns_held_jobs_that_never_started(database: object, stopped_by: str) -> None:
    perform = Performer()
    async with running_worker(perform, concurrency=1, grace_seconds=0.05) as running:
        await hold_behind_a_long_one(running, perform)
        if stopped_by == "stop":
            running.worker.stop()
            await until({"done": SHORT, "queued": 31})
    assert await states() == {"done": SHORT, "queued": 31}
    [leased] = await fetch("SELECT count(*) AS jobs FROM jobs WHERE lease_owner IS NOT NULL OR attempts > 1")
    assert leased["jobs"] == 0
    assert perform.started.count("short") == SHORT


async def test_one_lock_is_never_held_twice(database: object) -> None:
    performed: list[int] = []

    async def perform(job: LeasedJob) -> None:
        [running_jobs] = await fetch("SELECT count(*) AS jobs FROM jobs WHERE lock = 'l' AND state = 'running'")
        performed.append(running_jobs["jobs"])

    async with running_worker(perform, concurrency=4) as running:
        await enqueue_short(SHORT)
        await running.settle()
        performed.clear()
        for n in range(20):
            await enqueue("short", {"n": n}, lock="l")
        await running.settle()
    assert performed == [1] * 20
