"""Jobs in the queue: each is performed once, in order, and with one key only one is unfinished."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.queue import dead_letters
from bot.queue.jobs import LeasedJob, RetryLater, milliseconds, now_ms
from bot.queue.leases import JobOutcome, claim, finish
from bot.queue.outcomes import back_off
from bot.store.database import Database, execute, transaction
from tests.queue.helpers import (
    LEASE_MS,
    claimed_kinds,
    enqueue,
    fail,
    rows,
    running_worker,
    states,
    succeed,
)


async def test_a_job_is_performed_once_with_its_arguments(database: Database) -> None:
    performed: list[Any] = []

    async def perform(job: LeasedJob) -> None:
        performed.append((job.kind, job.key, job.lock, job.priority, orjson.loads(job.payload), job.attempts))

    async with running_worker(perform) as running:
        await enqueue("greet", {"name": "Ann", "n": [1, None]}, key="k", lock="l", priority=3)
        assert await running.settle() == [("greet", "ok")]
    assert performed == [("greet", "k", "l", 3, {"name": "Ann", "n": [1, None]}, 1)]
    [row] = await rows()
    assert (row.state, row.payload, row.lease_owner, row.lease_expires) == ("done", None, None, None)
    assert row.finished_at is not None


async def test_a_job_exists_if_and_only_if_its_transaction_commits(database: Database) -> None:
    async with running_worker(succeed) as running:
        with pytest.raises(ZeroDivisionError):
            async with transaction():
                await enqueue("rolled back", {})
                raise ZeroDivisionError
        async with transaction():
            await enqueue("committed", {})
            await asyncio.sleep(0.02)
            assert running.outcomes == []
        assert await running.settle() == [("committed", "ok")]


async def test_jobs_start_by_priority_then_by_due_time(database: Database) -> None:
    now = datetime.now(UTC)
    await enqueue("old", {}, run_at=now - timedelta(seconds=9))
    await enqueue("new", {}, run_at=now - timedelta(seconds=1))
    await enqueue("oldest", {}, run_at=now - timedelta(seconds=10))
    await enqueue("urgent", {}, priority=5)
    await enqueue("later", {}, run_at=now + timedelta(seconds=60), priority=9)
    assert await claimed_kinds(2) == ["urgent", "oldest"]
    assert await claimed_kinds() == ["old", "new"]


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="zone"):
        await enqueue("a", {}, run_at=datetime(2026, 1, 1))  # noqa: DTZ001


async def test_a_key_is_unique_among_unfinished_jobs(database: Database) -> None:
    await enqueue("first", {"n": 1}, key="k")
    await enqueue("second", {"n": 2}, key="k")
    [job] = await claim(9, "a", LEASE_MS)
    await enqueue("third", {"n": 3}, key="k")
    assert orjson.loads(job.payload) == {"n": 1}
    assert len(await rows()) == 1
    await finish([JobOutcome(job.id, 1, "done")], "a")
    await enqueue("fourth", {"n": 4}, key="k")
    assert [row.state for row in await rows()] == ["done", "queued"]


async def test_a_kept_key_stays_taken_after_the_job_is_done(database: Database) -> None:
    await enqueue("first", {}, key="k", keeps_key=True)
    async with running_worker(succeed) as running:
        await running.settle()
        await enqueue("second", {}, key="k", keeps_key=True)
        assert await running.settle() == [("first", "ok")]
    assert len(await rows()) == 1


async def test_a_duplicate_does_not_abort_the_transaction(database: Database) -> None:
    await enqueue("a", {}, key="k")
    async with transaction():
        await enqueue("a", {}, key="k")
        await enqueue("b", {}, key="other")
    assert len(await rows()) == 2


async def test_a_duplicate_of_a_dead_letter_revives_it(database: Database) -> None:
    async with running_worker(fail, max_attempts=1) as running:
        await enqueue("a", {"n": 1}, key="k")
        await running.settle()
    assert await states() == {"dead": 1}
    await enqueue("a", {"n": 2}, key="k", lock="new", priority=7)
    [job] = await claim(9, "a", LEASE_MS)
    assert (orjson.loads(job.payload), job.attempts, job.lock, job.priority) == ({"n": 2}, 1, "new", 7)
    [row] = await rows()
    assert (row.error, row.finished_at) == (None, None)


async def test_a_failing_job_backs_off_longer_each_time_and_then_is_a_dead_letter(database: Database) -> None:
    delays = []
    async with running_worker(fail, max_attempts=4) as running:
        await enqueue("a", {"n": 1})
        for _ in range(3):
            await running.settle()
            [row] = await rows()
            assert row.state == "queued"
            delays.append(row.run_at - now_ms())
            await execute("UPDATE jobs SET run_at = 0")
        assert await running.settle() == [("a", "failed")] * 3 + [("a", "dead")]
    for delay, longest in zip(delays, (2000, 4000, 8000), strict=True):
        assert longest * 0.4 < delay <= longest
    [letter] = await dead_letters.dead_letters()
    assert (letter.kind, letter.attempts, letter.error) == ("a", 4, "ValueError: broken")
    [row] = await rows()
    assert row.payload == b'{"n":1}'


def test_the_back_off_is_never_longer_than_ten_minutes() -> None:
    assert all(300 <= back_off(attempts) <= 600 for attempts in (10, 12, 50, 5000))
    assert len({back_off(3) for _ in range(20)}) > 10


async def test_a_refusal_is_final_and_its_sentence_is_stored(database: Database) -> None:
    async def perform(job: LeasedJob) -> None:
        raise Refusal("The release is held.")

    async with running_worker(perform) as running:
        await enqueue("a", {})
        assert await running.settle() == [("a", "refused")]
    [row] = await rows()
    assert (row.state, row.error) == ("done", "The release is held.")


async def test_retry_later_postpones_the_job_without_counting_an_attempt(database: Database) -> None:
    at = datetime.now(UTC) + timedelta(minutes=5)

    async def perform(job: LeasedJob) -> None:
        raise RetryLater(at, "rate limit")

    async with running_worker(perform, max_attempts=1) as running:
        await enqueue("a", {})
        assert await running.settle() == [("a", "later")]
        [row] = await rows()
        assert (row.state, row.attempts, row.run_at) == ("queued", 0, milliseconds(at))
        await execute("UPDATE jobs SET run_at = 0")
        assert await running.settle() == [("a", "later")] * 2


async def test_a_job_that_raises_cancelled_error_has_failed(database: Database) -> None:
    async def perform(job: LeasedJob) -> None:
        raise asyncio.CancelledError

    async with running_worker(perform) as running:
        await enqueue("a", {})
        assert await running.settle() == [("a", "failed")]


async def test_an_error_with_any_text_is_stored(database: Database) -> None:
    async def perform(job: LeasedJob) -> None:
        raise ValueError("zero \x00 byte, \ud800 surrogate, \\u0000")

    async with running_worker(perform, max_attempts=1) as running:
        await enqueue("a", {})
        await enqueue("b", {})
        assert sorted(await running.settle()) == [("a", "dead"), ("b", "dead")]


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_converts_to_the_milliseconds_that_it_was_made_from(number: int) -> None:
    assert milliseconds(datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=number)) == number
