"""Leases and locks: who may run a job, and for how long."""

from __future__ import annotations

import asyncio
from contextvars import Context

import pytest

from bot.queue import dead_letters
from bot.queue.jobs import LeasedJob, LeaseLost, now_ms
from bot.queue.leases import MAX_BYTES, MAX_SINGLY, JobOutcome, claim, ensure_lease, finish, release_expired
from bot.store.database import Database, execute, transaction
from tests.conftest import postgres
from tests.queue.helpers import (
    LEASE_MS,
    claimed_kinds,
    enqueue,
    rows,
    running_worker,
    states,
)


async def test_a_claim_takes_one_job_per_lock_and_none_whose_lock_is_held(database: Database) -> None:
    for n in range(4):
        await enqueue(f"locked{n}", {}, lock="a")
        await enqueue(f"free{n}", {})
    first = await claim(20, "x", LEASE_MS)
    assert [job.kind for job in first] == ["locked0", "free0", "free1", "free2", "free3"]
    assert await claimed_kinds() == []
    await finish([JobOutcome(first[0].id, 1, "done")], "x")
    assert await claimed_kinds() == ["locked1"]


async def test_a_lock_may_equal_the_id_of_another_job(database: Database) -> None:
    await enqueue("a", {})
    await enqueue("b", {}, lock="1")
    assert await claimed_kinds() == ["a", "b"]


async def test_many_jobs_with_one_lock_do_not_hold_up_others(database: Database) -> None:
    for _ in range(100):
        await enqueue("locked", {}, lock="a")
    await enqueue("other", {}, lock="b")
    assert await claimed_kinds(2) == ["locked"]
    assert await claimed_kinds(2) == ["other"]


async def test_the_table_refuses_two_running_jobs_with_one_lock(database: Database) -> None:
    await enqueue("a", {}, lock="l")
    await enqueue("b", {}, lock="l")
    with pytest.raises(Exception, match=r"(?i)unique"):
        await execute("UPDATE jobs SET state = 'running'")


@pytest.mark.skipif(not postgres(), reason="SQLite has one writer at a time")
async def test_a_claim_whose_lock_is_taken_at_the_same_moment_takes_a_few_other_jobs(database: Database) -> None:
    await enqueue("taken", {}, lock="l", priority=1)
    await enqueue("next", {}, lock="l", priority=1)
    for _ in range(50):
        await enqueue("free", {})
    async with transaction():
        await execute("UPDATE jobs SET state = 'running' WHERE kind = 'taken'")
        claiming = asyncio.get_running_loop().create_task(claim(40, "x", LEASE_MS), context=Context())
        await asyncio.sleep(0.2)  # it waits for the end of this transaction
    assert [job.kind for job in await claiming] == ["free"] * MAX_SINGLY


async def test_jobs_with_one_lock_never_overlap(database: Database) -> None:
    running_jobs = 0

    async def perform(job: LeasedJob) -> None:
        nonlocal running_jobs
        running_jobs += 1
        assert running_jobs == 1
        await asyncio.sleep(0.003)
        running_jobs -= 1

    async with running_worker(perform) as running:
        async with transaction():
            for _ in range(25):
                await enqueue("a", {}, lock="shared")
        assert await running.settle() == [("a", "ok")] * 25


async def test_a_job_in_back_off_releases_its_lock(database: Database) -> None:
    async def perform(job: LeasedJob) -> None:
        if job.kind == "bad":
            raise ValueError

    async with running_worker(perform) as running:
        await enqueue("bad", {}, lock="l", priority=1)
        await enqueue("good", {}, lock="l")
        assert await running.settle() == [("bad", "failed"), ("good", "ok")]


async def test_only_an_expired_lease_is_taken_over(database: Database) -> None:
    await enqueue("a", {})
    [mine] = await claim(1, "slow", LEASE_MS)
    await release_expired(12, now_ms(), now_ms())
    assert await claim(1, "quick", LEASE_MS) == []
    await execute("UPDATE jobs SET lease_expires = $1", now_ms() - 1)
    await release_expired(12, now_ms(), now_ms())
    [theirs] = await claim(1, "quick", LEASE_MS)
    assert theirs.attempts == 2
    assert await finish([JobOutcome(mine.id, mine.attempts, "dead", "late")], "slow") == [False]
    with pytest.raises(LeaseLost):
        await ensure_lease(mine, 120)
    assert await finish([JobOutcome(theirs.id, theirs.attempts, "done")], "quick") == [True]
    [row] = await rows()
    assert (row.state, row.error) == ("done", None)


async def test_an_owners_earlier_attempt_cannot_finish_the_job(database: Database) -> None:
    await enqueue("a", {})
    [first] = await claim(1, "me", -1)
    await release_expired(12, now_ms(), now_ms())
    [second] = await claim(1, "me", LEASE_MS)
    assert await finish([JobOutcome(first.id, first.attempts, "dead", "late")], "me") == [False]
    assert await states() == {"running": 1}
    job_outcomes = [JobOutcome(job.id, job.attempts, "done") for job in (first, second)]
    assert await finish(job_outcomes, "me") == [False, True]


async def test_a_job_whose_lease_was_lost_is_stopped_and_runs_again(database: Database) -> None:
    attempts: list[int] = []

    async def perform(job: LeasedJob) -> None:
        attempts.append(job.attempts)
        if job.attempts == 1:
            await execute("UPDATE jobs SET lease_expires = 0")
            await asyncio.sleep(60)

    async with running_worker(perform) as running:
        await enqueue("a", {})
        assert sorted(await running.settle()) == [("a", "lost"), ("a", "ok")]
    assert attempts == [1, 2]


async def test_a_job_that_always_kills_its_process_becomes_a_dead_letter(database: Database) -> None:
    await enqueue("a", {})
    for _ in range(3):
        await claim(1, "killed", -1)
        dead = await release_expired(3, now_ms(), now_ms())
    assert [job.kind for job in dead] == ["a"]
    [letter] = await dead_letters.dead_letters()
    assert "ended" in letter.error


async def test_a_lease_is_extended_only_if_it_ends_too_soon(database: Database) -> None:
    await enqueue("a", {})
    [job] = await claim(1, "me", 1000)
    await ensure_lease(job, 0.5)
    [row] = await rows()
    assert row.lease_expires == job.lease_expires
    await ensure_lease(job, 300)
    [row] = await rows()
    assert row.lease_expires is not None
    assert row.lease_expires >= now_ms() + 299_000


async def test_a_claim_takes_no_more_payloads_than_fit_into_memory(database: Database) -> None:
    for _ in range(5):
        await enqueue("large", {}, raw_payload=b"x" * (MAX_BYTES // 2))
    assert len(await claim(100, "me", LEASE_MS)) == 2
    await enqueue("huge", {}, raw_payload=b"x" * (MAX_BYTES + 1), priority=1)
    assert [job.kind for job in await claim(100, "me", LEASE_MS)] == ["huge"]
    assert len(await claim(100, "me", LEASE_MS)) == 2
