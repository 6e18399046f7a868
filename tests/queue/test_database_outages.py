"""Outages of the database: no job loses an attempt to one, and workers go on by themselves afterwards."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import DatabaseUnavailable
from bot.queue.jobs import LeasedJob, now_ms
from bot.queue.leases import claim
from bot.queue.outcomes import decide_outcome
from bot.queue.worker import Worker, WorkerOptions
from bot.store.database import Database, execute, fetch, transaction
from bot.store.jobs import Job as Row
from tests.conftest import postgres
from tests.outages import end_sessions, eventually, read_only
from tests.queue.helpers import LEASE_MS, enqueue, rows, running_worker, succeed

only_postgres = pytest.mark.skipif(not postgres(), reason="about sessions with a server, which SQLite does not have")
LAST_ATTEMPT = 12


async def is_done() -> bool:
    return await Row.filter(state="done").count() == await Row.all().count()


async def run_now() -> bool:
    """Let postponed jobs run now; returns whether all are done."""
    await execute("UPDATE jobs SET run_at = 0 WHERE state = 'queued'")
    return await is_done()


async def takes_writes() -> bool:
    """Whether the database takes writes again; the sessions of before do not."""
    try:
        await execute("UPDATE jobs SET attempts = attempts")
    except DatabaseUnavailable:
        return False
    return True


def test_an_outage_of_the_database_is_no_attempt_however_often_it_happens() -> None:
    job = LeasedJob(1, "a", None, None, 0, b"", {}, LAST_ATTEMPT, 0, 0)  # type: ignore[arg-type]
    outcome, name = decide_outcome(job, DatabaseUnavailable("The database is away.", 5), LAST_ATTEMPT, now=1000)
    assert (outcome.state, outcome.forgiven, outcome.run_at, name) == ("queued", True, 6000, "later")
    assert outcome.error == "The database is away."


async def test_a_job_that_meets_an_outage_is_tried_again_and_the_attempt_does_not_count(
    database: Database, database_url: str
) -> None:
    attempts = []

    async def perform(job: LeasedJob) -> None:
        attempts.append(job.attempts)
        if len(attempts) > 3:
            return
        async with read_only(database_url):
            await execute("UPDATE jobs SET attempts = attempts")

    await enqueue("a", {})
    async with running_worker(perform, concurrency=1) as running:
        await eventually(run_when_possible)
    assert attempts == [1, 1, 1, 1]
    assert [name for _, name in running.outcomes] == ["later", "later", "later", "ok"]
    [row] = await rows()
    assert (row.state, row.attempts) == ("done", 1)


async def run_when_possible() -> bool:
    try:
        return await run_now()
    except DatabaseUnavailable:
        return False


@only_postgres
async def test_a_session_that_ends_in_the_middle_of_a_job_is_no_attempt(database: Database) -> None:
    ended: list[int] = []

    async def perform(job: LeasedJob) -> None:
        if len(ended) < 3:
            ended.append(job.attempts)
            await fetch("SELECT pg_terminate_backend(pg_backend_pid())")

    for _ in range(3):
        await enqueue("a", {})
    async with running_worker(perform) as running:
        await eventually(run_when_possible)
    assert ended == [1, 1, 1]
    assert sorted(name for _, name in running.outcomes) == ["later"] * 3 + ["ok"] * 3
    assert {row.attempts for row in await rows()} == {1}


async def test_a_worker_survives_an_outage_while_it_claims_and_while_it_writes_results(
    database: Database, database_url: str
) -> None:
    started, finish, performed = asyncio.Event(), asyncio.Event(), []

    async def perform(job: LeasedJob) -> None:
        performed.append(job.kind)
        started.set()
        await finish.wait()

    await enqueue("before", {})
    async with running_worker(perform):
        await started.wait()
        await enqueue("after", {}, priority=-1)
        async with read_only(database_url):
            finish.set()  # its result cannot be written, and nothing can be claimed
            await asyncio.sleep(1.5)
            assert {row.state for row in await rows(kind="before")} == {"running"}
        await eventually(is_done)
    assert sorted(performed) == ["after", "before"]
    assert [row.attempts for row in await rows()] == [1, 1]


async def test_jobs_whose_claim_was_never_heard_of_are_claimed_again_at_once(
    database: Database, database_url: str
) -> None:
    performed: list[int] = []

    async def perform(job: LeasedJob) -> None:
        performed.append(job.attempts)

    async with running_worker(perform, owner="worker"):
        await asyncio.sleep(0.1)  # on SQLite a worker first returns all that is leased
        async with transaction():  # as if the session of the worker's claim had ended before the response arrived
            await enqueue("lost", {}, lock="one")
            [lost] = await claim(1, "worker", LEASE_MS)
        await asyncio.sleep(0.1)
        assert not performed, "its lease is in force"
        async with read_only(database_url):
            await asyncio.sleep(2.2)  # until it has tried to claim
        await eventually(is_done)
    assert performed == [lost.attempts] == [1]


async def test_held_jobs_that_could_not_be_returned_are_returned_while_all_slots_are_busy(
    database: Database, database_url: str
) -> None:
    started, finish = asyncio.Event(), asyncio.Event()

    async def perform(job: LeasedJob) -> None:
        if job.kind == "long":
            started.set()
            await finish.wait()

    async with running_worker(perform, concurrency=1) as running:
        for _ in range(60):  # so that the worker knows jobs to be short
            await enqueue("short", {})
        await running.settle()
        async with transaction():
            await enqueue("long", {}, priority=1)
            for _ in range(20):
                await enqueue("held", {})
        await started.wait()
        running.worker._held_since += 60  # until writes are refused
        assert await Row.filter(kind="held", state="running").exists()
        async with read_only(database_url):
            running.worker._held_since -= 60
            await asyncio.sleep(2.2)  # until it has tried to return them
        await eventually(takes_writes)
        await eventually(lambda: all_are_queued("held"), 5)
        finish.set()
        await running.settle()
    assert {row.attempts for row in await rows(kind="held")} == {1}


async def all_are_queued(kind: str) -> bool:
    return not await Row.filter(kind=kind).exclude(state="queued").exists()


async def test_a_held_job_does_not_start_shortly_before_its_lease_expires(database: Database) -> None:
    started, finish = asyncio.Event(), asyncio.Event()
    left: list[int] = []

    async def perform(job: LeasedJob) -> None:
        left.append(job.lease_expires - now_ms())
        if job.kind == "long":
            started.set()
            await finish.wait()

    async with running_worker(perform, concurrency=1, lease_seconds=3) as running:
        for _ in range(60):
            await enqueue("short", {})
        await running.settle()
        async with transaction():
            await enqueue("long", {}, priority=1)
            for _ in range(20):
                await enqueue("held", {})
        await started.wait()
        running.worker._held_since += 10  # as while the worker waits for a database that hangs
        assert await Row.filter(kind="held", state="running").exists()
        await asyncio.sleep(2.5)
        finish.set()
        await running.settle()
    assert min(left) > 1000, "leases are renewed every second"
    assert {row.attempts for row in await rows(kind="held")} == {1}


async def test_a_running_job_is_not_returned_as_one_that_was_never_heard_of(
    database: Database, database_url: str
) -> None:
    started, finish, performed = asyncio.Event(), asyncio.Event(), []

    async def perform(job: LeasedJob) -> None:
        performed.append(job.kind)
        started.set()
        await finish.wait()

    await enqueue("long", {})
    async with running_worker(perform, owner="worker"):
        await started.wait()
        async with read_only(database_url):
            await asyncio.sleep(1.2)
        await eventually(takes_writes)
        await enqueue("next", {})
        await eventually(lambda: holds(performed, 2))
        assert performed == ["long", "next"]
        finish.set()
        await eventually(is_done)
    assert performed == ["long", "next"]


async def holds(values: list[str], count: int) -> bool:
    return len(values) >= count


@only_postgres
async def test_after_an_outage_no_worker_takes_a_running_job_from_another(
    database: Database, database_url: str
) -> None:
    started, finish, performed = asyncio.Event(), asyncio.Event(), []

    async def perform(job: LeasedJob) -> None:
        performed.append(job.attempts)
        started.set()
        await finish.wait()

    await enqueue("long", {})
    async with running_worker(perform, lease_seconds=1), running_worker(perform, lease_seconds=1):
        await started.wait()
        async with read_only(database_url):
            await asyncio.sleep(2)  # the lease expires, and cannot be renewed
        await eventually(takes_writes)
        await asyncio.sleep(1.5)
        finish.set()
        await eventually(is_done)
    assert performed == [1]


@only_postgres
async def test_a_worker_goes_on_whatever_is_interrupted(database: Database, database_url: str) -> None:
    performed: list[str] = []

    async def perform(job: LeasedJob) -> None:
        await fetch("SELECT 1")
        performed.append(job.kind)

    worker = Worker(perform, lambda *_: None, WorkerOptions(concurrency=4, lease_seconds=3))
    task = asyncio.create_task(worker.run())
    for number in range(40):
        try:
            await enqueue(f"job-{number}", {})
        except DatabaseUnavailable:
            await enqueue_again(f"job-{number}")
        if number % 4 == 0:
            await end_sessions(database_url)
        await asyncio.sleep(0.01)
    await eventually(run_when_possible, 20)
    task.cancel()
    await asyncio.wait([task])
    assert set(performed) == {f"job-{number}" for number in range(40)}
    assert {(row.state, row.attempts) for row in await rows()} == {("done", 1)}


async def enqueue_again(kind: str) -> None:
    """Enqueue a job whose first insertion may have taken effect."""

    async def stored() -> bool:
        try:
            if not await Row.filter(kind=kind).exists():
                await enqueue(kind, {})
        except DatabaseUnavailable:
            return False
        return True

    await eventually(stored)


async def test_nothing_is_left_of_an_outage(database: Database, database_url: str) -> None:
    async with running_worker(succeed) as running:
        async with read_only(database_url):
            await asyncio.sleep(0.2)
        await eventually(takes_writes)
        await enqueue("a", {})
        await running.settle()
    assert [name for _, name in running.outcomes] == ["ok"]
