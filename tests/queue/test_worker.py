"""The worker: starts jobs at once, returns those it cannot finish, and survives failures around it."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import Refusal
from bot.queue.jobs import LeasedJob, now_ms
from bot.queue.worker import Worker, WorkerOptions
from bot.store.database import Database, dialect, open_database
from tests.conftest import postgres
from tests.queue.helpers import enqueue, only_sqlite, rows, running_worker, states, succeed


async def test_a_job_that_exceeds_its_timeout_is_stopped_and_retried(database: Database) -> None:
    async def perform(job: LeasedJob) -> None:
        await asyncio.sleep(60)

    async with running_worker(perform, job_timeout=0.05) as running:
        await enqueue("a", {})
        assert await running.settle() == [("a", "failed")]


async def test_the_lease_of_a_long_job_is_renewed(database: Database) -> None:
    async def perform(job: LeasedJob) -> None:
        await asyncio.sleep(1.6)

    async with running_worker(perform, lease_seconds=0.6) as running:
        await enqueue("a", {})
        assert await running.settle() == [("a", "ok")]


async def test_a_stopping_worker_lets_jobs_finish(database: Database) -> None:
    started = asyncio.Event()

    async def perform(job: LeasedJob) -> None:
        started.set()
        await asyncio.sleep(0.05)

    outcomes: list[str] = []
    worker = Worker(perform, lambda job, outcome, *_: outcomes.append(outcome))
    running = asyncio.create_task(worker.run())
    await enqueue("a", {})
    await started.wait()
    worker.stop()
    await enqueue("b", {})
    await running
    assert outcomes == ["ok"]
    assert await states() == {"done": 1, "queued": 1}


@pytest.mark.parametrize("stopped_by", ["cancellation", "grace period"])
async def test_a_stopped_worker_returns_its_jobs_at_once(database: Database, stopped_by: str) -> None:
    started = asyncio.Event()

    async def perform(job: LeasedJob) -> None:
        started.set()
        await asyncio.sleep(60)

    outcomes: list[str] = []
    worker = Worker(perform, lambda job, outcome, *_: outcomes.append(outcome), WorkerOptions(grace_seconds=0.05))
    running = asyncio.create_task(worker.run())
    await enqueue("a", {})
    await started.wait()
    if stopped_by == "cancellation":
        running.cancel()
    else:
        worker.stop()
    await asyncio.wait([running])
    [row] = await rows()
    assert (row.state, row.attempts, row.lease_owner, outcomes) == ("queued", 0, None, ["returned"])


async def test_canceling_a_worker_at_any_moment_loses_nothing(database: Database) -> None:
    for n in range(60):
        await enqueue("a", {}, key=f"k{n}")
    for n in range(40):
        worker = Worker(succeed, lambda *_: None, WorkerOptions(concurrency=2))
        task = asyncio.create_task(worker.run())
        await asyncio.sleep(0.0004 * (n % 13))
        task.cancel()
        await asyncio.wait([task])
        assert "running" not in await states()
    async with running_worker(succeed) as running:
        await running.settle()
    assert await states() == {"done": 60}


async def test_an_idle_worker_starts_a_new_job_at_once(database: Database) -> None:
    delays: list[int] = []

    async def perform(job: LeasedJob) -> None:
        delays.append(now_ms() - job.created_at)

    async with running_worker(perform) as running:
        for _ in range(10):
            await running.settle()
            await asyncio.sleep(0.02)
            await enqueue("a", {})
            await asyncio.sleep(0.08)
    assert len(delays) == 10
    assert sorted(delays)[5] < 50


ENQUEUE_ELSEWHERE = """
import asyncio, sys
from tests.queue.helpers import enqueue
from bot.store.database import open_database
async def main():
    database = await open_database(sys.argv[1])
    for _ in range(5):
        await asyncio.sleep(0.25)
        await enqueue("a", {})
    await asyncio.sleep(0.1)
    await database.close()
asyncio.run(main())
"""


async def test_a_job_from_another_process_is_found(database: Database) -> None:
    delays: list[int] = []

    async def perform(job: LeasedJob) -> None:
        delays.append(now_ms() - job.created_at)

    async with running_worker(perform) as running:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", ENQUEUE_ELSEWHERE, database.url)
        assert await process.wait() == 0
        await running.settle()
    assert len(delays) == 5
    longest = 200 if dialect() == "postgres" else 1500  # notified by NOTIFY; SQLite is polled
    assert sorted(delays)[2] < longest


ENQUEUE_AND_END = """
import asyncio, sys
from tests.queue.helpers import enqueue
from bot.store.database import open_database
async def main():
    database = await open_database(sys.argv[1])
    for _ in range(3):
        await enqueue("a", {})
    await database.close()
asyncio.run(main())
"""


@pytest.mark.skipif(not postgres(), reason="SQLite is polled")
async def test_other_processes_are_told_of_the_last_job_of_a_process_that_ends(database: Database) -> None:
    told = asyncio.Event()
    database.notifier.events.add(told)
    listening = asyncio.create_task(database.listen())
    async with asyncio.timeout(5):
        await told.wait()  # it listens
    told.clear()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", ENQUEUE_AND_END, database.url)
    assert await process.wait() == 0
    async with asyncio.timeout(0.5):
        await told.wait()
    listening.cancel()
    await asyncio.wait([listening])


async def test_a_delayed_job_starts_when_it_is_due(database: Database) -> None:
    delays: list[int] = []

    async def perform(job: LeasedJob) -> None:
        delays.append(now_ms() - job.run_at)

    async with running_worker(perform) as running:
        await enqueue("a", {}, run_at=datetime.now(UTC) + timedelta(seconds=0.5))
        assert await running.settle() == []
        async with asyncio.timeout(3):
            while not delays:
                await asyncio.sleep(0.02)
    assert 0 <= delays[0] < 1500


async def test_progress_is_recorded_while_the_database_responds(database: Database) -> None:
    async with running_worker(succeed) as running:
        await enqueue("a", {})
        await running.settle()
        assert time.monotonic() - running.worker.last_progress < 2


async def test_a_failing_observer_does_not_stop_the_worker(database: Database) -> None:
    observed: list[str] = []

    def on_finished(job: LeasedJob, outcome: str, seconds: float, error: BaseException | None) -> None:
        observed.append(job.kind)
        raise RuntimeError("the metrics are broken")

    worker = Worker(succeed, on_finished)
    running = asyncio.create_task(worker.run())
    for kind in ("a", "b"):
        await enqueue(kind, {})
        await worker.settle()
    running.cancel()
    await asyncio.wait([running])
    assert observed == ["a", "b"]


@only_sqlite
async def test_a_second_worker_on_a_sqlite_file_is_refused(database: Database) -> None:
    async with running_worker(succeed) as running:
        await running.settle()
        second = Worker(succeed, lambda *_: None)
        with pytest.raises(Refusal, match="one worker"):
            await second.run()
    async with running_worker(succeed) as running:
        await enqueue("a", {})
        assert await running.settle() == [("a", "ok")]


KILLED = """
import asyncio, sys
from bot.store.database import open_database
from bot.queue.worker import Worker
async def perform(job):
    print("started", flush=True)
    await asyncio.sleep(60)
async def main():
    await open_database(sys.argv[1])
    await Worker(perform, lambda *_: None).run()
asyncio.run(main())
"""


@only_sqlite
async def test_on_sqlite_the_jobs_of_a_killed_worker_restart_at_once(database_url: str) -> None:
    database = await open_database(database_url)
    await enqueue("a", {}, lock="l")
    await database.close()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, database_url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"started\n"
    os.kill(process.pid, signal.SIGKILL)
    await process.communicate()
    database = await open_database(database_url)
    try:
        assert await states() == {"running": 1}
        restarted = time.monotonic()
        async with running_worker(succeed) as running:
            while not running.outcomes:
                await asyncio.sleep(0.01)
        assert running.outcomes == [("a", "ok")]
        assert time.monotonic() - restarted < 1
    finally:
        await database.close()


@only_sqlite
@pytest.mark.parametrize("starts", ["before", "during"])
async def test_a_worker_survives_a_database_that_is_locked_for_a_while(database: Database, starts: str) -> None:
    assert database.path is not None
    async with running_worker(succeed) as running:
        await asyncio.sleep(0.1 if starts == "before" else 0)
        other = sqlite3.connect(database.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(6.5)
        other.rollback()
        other.close()
        await enqueue("a", {})
        assert await running.settle() == [("a", "ok")]


async def test_a_worker_that_yields_to_the_intake_still_performs_its_jobs(database: Database) -> None:
    for _ in range(20):
        await enqueue("small", {})
    async with running_worker(succeed, should_yield=lambda: True) as running:
        assert await running.settle() == [("small", "ok")] * 20
