"""The queue keeps its promises: once written never lost, with a lock never twice at once, with a key never twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.queue import dead_letters, retention
from bot.queue.jobs import LeasedJob, LeaseLost, RetryLater, milliseconds, now_ms
from bot.queue.leases import JobOutcome, claim, ensure_lease, finish, release_expired
from bot.queue.worker import back_off
from bot.store.database import Database, execute, transaction
from bot.store.jobs import Job as Row
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


async def test_a_job_is_performed_once_with_what_it_was_given(database: Database) -> None:
    seen: list[Any] = []

    async def perform(job: LeasedJob) -> None:
        seen.append((job.kind, job.key, job.lock, job.priority, orjson.loads(job.payload), job.attempts))

    async with running_worker(perform) as running:
        await enqueue("greet", {"name": "Ann", "n": [1, None]}, key="k", lock="l", priority=3)
        assert await running.settle() == [("greet", "ok")]
    assert seen == [("greet", "k", "l", 3, {"name": "Ann", "n": [1, None]}, 1)]
    [row] = await rows()
    assert (row.state, row.payload, row.lease_owner, row.lease_expires) == ("done", None, None, None)
    assert row.finished_at is not None


async def test_a_job_is_there_if_and_only_if_its_transaction_is_committed(database: Database) -> None:
    async with running_worker(succeed) as running:
        with pytest.raises(ZeroDivisionError):
            async with transaction():
                await enqueue("undone", {})
                raise ZeroDivisionError
        async with transaction():
            await enqueue("kept", {})
            await asyncio.sleep(0.02)
            assert running.outcomes == []
        assert await running.settle() == [("kept", "ok")]


async def test_jobs_begin_by_priority_then_by_when_they_became_due(database: Database) -> None:
    now = datetime.now(UTC)
    await enqueue("old", {}, run_at=now - timedelta(seconds=9))
    await enqueue("new", {}, run_at=now - timedelta(seconds=1))
    await enqueue("oldest", {}, run_at=now - timedelta(seconds=10))
    await enqueue("urgent", {}, priority=5)
    await enqueue("later", {}, run_at=now + timedelta(seconds=60), priority=9)
    assert await claimed_kinds(2) == ["urgent", "oldest"]
    assert await claimed_kinds() == ["old", "new"]


async def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
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


async def test_a_kept_key_stays_unique_after_the_job_is_done(database: Database) -> None:
    await enqueue("first", {}, key="k", keeps_key=True)
    async with running_worker(succeed) as running:
        await running.settle()
        await enqueue("second", {}, key="k", keeps_key=True)
        assert await running.settle() == [("first", "ok")]
    assert len(await rows()) == 1


async def test_a_duplicate_inside_a_transaction_does_not_spoil_it(database: Database) -> None:
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


async def test_one_claim_gives_each_lock_once_and_a_running_lock_to_nobody(database: Database) -> None:
    for n in range(4):
        await enqueue(f"locked{n}", {}, lock="a")
        await enqueue(f"free{n}", {})
    first = await claim(20, "x", LEASE_MS)
    assert [job.kind for job in first] == ["locked0", "free0", "free1", "free2", "free3"]
    assert await claimed_kinds() == []
    await finish([JobOutcome(first[0].id, 1, "done")], "x")
    assert await claimed_kinds() == ["locked1"]


async def test_a_lock_may_be_named_like_another_jobs_number(database: Database) -> None:
    await enqueue("a", {})
    await enqueue("b", {}, lock="1")
    assert await claimed_kinds() == ["a", "b"]


async def test_many_jobs_with_one_lock_do_not_keep_others_waiting(database: Database) -> None:
    for _ in range(100):
        await enqueue("locked", {}, lock="a")
    await enqueue("other", {}, lock="b")
    assert await claimed_kinds(2) == ["locked"]
    assert await claimed_kinds(2) == ["other"]


async def test_the_table_itself_refuses_two_running_jobs_with_one_lock(database: Database) -> None:
    await enqueue("a", {}, lock="l")
    await enqueue("b", {}, lock="l")
    with pytest.raises(Exception, match=r"(?i)unique"):
        await execute("UPDATE jobs SET state = 'running'")


async def test_jobs_with_one_lock_never_overlap(database: Database) -> None:
    inside = 0

    async def perform(job: LeasedJob) -> None:
        nonlocal inside
        inside += 1
        assert inside == 1
        await asyncio.sleep(0.003)
        inside -= 1

    async with running_worker(perform) as running:
        async with transaction():
            for _ in range(25):
                await enqueue("a", {}, lock="only one")
        assert await running.settle() == [("a", "ok")] * 25


async def test_a_job_in_back_off_gives_up_its_place(database: Database) -> None:
    async def perform(job: LeasedJob) -> None:
        if job.kind == "bad":
            raise ValueError

    async with running_worker(perform) as running:
        await enqueue("bad", {}, lock="l", priority=1)
        await enqueue("good", {}, lock="l")
        assert await running.settle() == [("bad", "failed"), ("good", "ok")]


async def test_a_failure_waits_longer_each_time_and_then_is_a_dead_letter(database: Database) -> None:
    waits = []
    async with running_worker(fail, max_attempts=4) as running:
        await enqueue("a", {"n": 1})
        for _ in range(3):
            await running.settle()
            [row] = await rows()
            assert row.state == "queued"
            waits.append(row.run_at - now_ms())
            await execute("UPDATE jobs SET run_at = 0")
        assert await running.settle() == [("a", "failed")] * 3 + [("a", "dead")]
    for wait, longest in zip(waits, (2000, 4000, 8000), strict=True):
        assert longest * 0.4 < wait <= longest
    [letter] = await dead_letters.dead_letters()
    assert (letter.kind, letter.attempts, letter.error) == ("a", 4, "ValueError: broken")
    [row] = await rows()
    assert row.payload == b'{"n":1}'


def test_the_back_off_is_never_longer_than_ten_minutes() -> None:
    assert all(300 <= back_off(attempts) <= 600 for attempts in (10, 12, 50, 5000))
    assert len({back_off(3) for _ in range(20)}) > 10


async def test_a_refusal_is_final_and_its_sentence_is_kept(database: Database) -> None:
    async def perform(job: LeasedJob) -> None:
        raise Refusal("The release is held.")

    async with running_worker(perform) as running:
        await enqueue("a", {})
        assert await running.settle() == [("a", "refused")]
    [row] = await rows()
    assert (row.state, row.error) == ("done", "The release is held.")


async def test_later_waits_until_the_moment_and_counts_no_failure(database: Database) -> None:
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


async def test_a_job_that_cancels_itself_has_failed(database: Database) -> None:
    async def perform(job: LeasedJob) -> None:
        raise asyncio.CancelledError

    async with running_worker(perform) as running:
        await enqueue("a", {})
        assert await running.settle() == [("a", "failed")]


async def test_an_error_with_any_text_is_kept(database: Database) -> None:
    async def perform(job: LeasedJob) -> None:
        raise ValueError("zero \x00 byte, \ud800 surrogate, \\u0000")

    async with running_worker(perform, max_attempts=1) as running:
        await enqueue("a", {})
        await enqueue("b", {})
        assert sorted(await running.settle()) == [("a", "dead"), ("b", "dead")]


async def test_an_unexpired_lease_is_respected_and_an_expired_one_taken_over(database: Database) -> None:
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


async def test_the_same_owners_earlier_attempt_is_refused_too(database: Database) -> None:
    await enqueue("a", {})
    [first] = await claim(1, "me", -1)
    await release_expired(12, now_ms(), now_ms())
    [second] = await claim(1, "me", LEASE_MS)
    assert await finish([JobOutcome(first.id, first.attempts, "dead", "late")], "me") == [False]
    assert await states() == {"running": 1}
    verdicts = [JobOutcome(job.id, job.attempts, "done") for job in (first, second)]
    assert await finish(verdicts, "me") == [False, True]


async def test_a_worker_that_lost_a_job_is_told_so_and_the_job_runs_again(database: Database) -> None:
    begun: list[int] = []

    async def perform(job: LeasedJob) -> None:
        begun.append(job.attempts)
        if job.attempts == 1:
            await execute("UPDATE jobs SET lease_expires = 0")
            await asyncio.sleep(60)

    async with running_worker(perform) as running:
        await enqueue("a", {})
        assert sorted(await running.settle()) == [("a", "lost"), ("a", "ok")]
    assert begun == [1, 2]


async def test_a_job_that_kills_its_process_every_time_becomes_a_dead_letter(database: Database) -> None:
    await enqueue("a", {})
    for _ in range(3):
        await claim(1, "killed", -1)
        given_up = await release_expired(3, now_ms(), now_ms())
    assert [job.kind for job in given_up] == ["a"]
    [letter] = await dead_letters.dead_letters()
    assert "ended" in letter.error


async def test_a_margin_is_there_when_asked_for(database: Database) -> None:
    await enqueue("a", {})
    [job] = await claim(1, "me", 1000)
    await ensure_lease(job, 0.5)
    [row] = await rows()
    assert row.lease_expires == job.lease_expires
    await ensure_lease(job, 300)
    [row] = await rows()
    assert row.lease_expires is not None
    assert row.lease_expires >= now_ms() + 299_000


async def test_unfinished_counts_what_runs_and_what_is_due(database: Database) -> None:
    now = datetime.now(UTC)
    await enqueue("running", {})
    await claim(1, "me", LEASE_MS)
    await enqueue("due", {})
    await enqueue("later", {}, run_at=now + timedelta(hours=1))
    assert await retention.unfinished(datetime.now(UTC)) == 2
    assert await retention.unfinished(now + timedelta(hours=2)) == 3


async def test_depth_tells_how_many_wait_and_how_long(database: Database) -> None:
    now = datetime.now(UTC)
    await enqueue("a", {}, run_at=now - timedelta(seconds=30))
    await enqueue("a", {})
    await enqueue("b", {}, run_at=now + timedelta(seconds=30))
    found = await retention.depth()
    assert set(found) == {"a"}
    count, age = found["a"]
    assert count == 2
    assert 29 < age < 32


async def test_a_dead_letter_can_be_queued_again_or_discarded(database: Database) -> None:
    async with running_worker(fail, max_attempts=1) as running:
        for kind in ("again", "never"):
            await enqueue(kind, {}, key=kind)
            await running.settle()
    letters = {letter.kind: letter.id for letter in await dead_letters.dead_letters()}
    assert list(letters) == ["never", "again"], "the latest first"
    assert await dead_letters.discard(letters["never"])
    assert not await dead_letters.discard(letters["never"])
    assert not await dead_letters.retry(letters["never"])
    async with running_worker(succeed) as running:
        assert await dead_letters.retry(letters["again"])
        assert await running.settle() == [("again", "ok")]
    assert await dead_letters.dead_letters() == []
    assert await states() == {"done": 2}


async def finished(state: str, days: float, *, keep: bool = False) -> None:
    at = milliseconds(datetime.now(UTC) - timedelta(days=days))
    await Row.create(kind=f"{state} {days} {keep}", state=state, keep=keep, run_at=at, created_at=at, finished_at=at)


async def test_finished_jobs_go_after_a_day_kept_keys_after_eight_and_dead_letters_after_thirty(
    database: Database,
) -> None:
    for days in (0.9, 1.1, 7.9, 8.1, 29, 31):
        await finished("done", days)
        await finished("done", days, keep=True)
        await finished("dead", days)
    await enqueue("waits", {}, run_at=datetime.now(UTC) - timedelta(days=99))
    assert await retention.prune(datetime.now(UTC)) == 5 + 3 + 1
    assert {row.kind for row in await rows()} == {
        *("waits", "done 0.9 False"),
        *("done 0.9 True", "done 1.1 True", "done 7.9 True"),
        *("dead 0.9 False", "dead 1.1 False", "dead 7.9 False", "dead 8.1 False", "dead 29 False"),
    }


async def test_pruning_deletes_everything_that_is_old_in_batches(database: Database) -> None:
    at = milliseconds(datetime.now(UTC) - timedelta(days=2))
    old = [Row(kind="a", state="done", run_at=at, created_at=at, finished_at=at) for _ in range(1203)]
    await Row.bulk_create(old)
    assert await retention.prune(datetime.now(UTC)) == 1203


@given(st.integers(0, 4_000_000_000_000))
def test_a_moment_is_as_many_milliseconds_as_it_was_made_of(number: int) -> None:
    assert milliseconds(datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=number)) == number
