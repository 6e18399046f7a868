"""How long finished jobs and dead letters are kept, and what operators see of the queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.queue import dead_letters, retention
from bot.queue.jobs import milliseconds
from bot.queue.leases import claim
from bot.store.database import Database
from bot.store.jobs import Job as Row
from tests.queue.helpers import (
    LEASE_MS,
    enqueue,
    fail,
    rows,
    running_worker,
    states,
    succeed,
)


async def test_unfinished_counts_running_and_due_jobs(database: Database) -> None:
    now = datetime.now(UTC)
    await enqueue("running", {})
    await claim(1, "me", LEASE_MS)
    await enqueue("due", {})
    await enqueue("later", {}, run_at=now + timedelta(hours=1))
    assert await retention.unfinished(datetime.now(UTC)) == 2
    assert await retention.unfinished(now + timedelta(hours=2)) == 3


async def test_depth_is_the_number_of_due_jobs_and_the_age_of_the_oldest(database: Database) -> None:
    now = datetime.now(UTC)
    await enqueue("a", {}, run_at=now - timedelta(seconds=30))
    await enqueue("a", {})
    await enqueue("b", {}, run_at=now + timedelta(seconds=30))
    depth = await retention.depth()
    assert set(depth) == {"a"}
    count, age = depth["a"]
    assert count == 2
    assert 29 < age < 32


async def test_a_dead_letter_can_be_retried_or_discarded(database: Database) -> None:
    async with running_worker(fail, max_attempts=1) as running:
        for kind in ("retried", "discarded"):
            await enqueue(kind, {}, key=kind)
            await running.settle()
    letters = {letter.kind: letter.id for letter in await dead_letters.dead_letters()}
    assert list(letters) == ["discarded", "retried"], "latest first"
    assert await dead_letters.discard(letters["discarded"])
    assert not await dead_letters.discard(letters["discarded"])
    assert not await dead_letters.retry(letters["discarded"])
    async with running_worker(succeed) as running:
        assert await dead_letters.retry(letters["retried"])
        assert await running.settle() == [("retried", "ok")]
    assert await dead_letters.dead_letters() == []
    assert await states() == {"done": 2}


async def add_finished(state: str, days: float, *, keep: bool = False) -> None:
    at = milliseconds(datetime.now(UTC) - timedelta(days=days))
    await Row.create(kind=f"{state} {days} {keep}", state=state, keep=keep, run_at=at, created_at=at, finished_at=at)


async def test_finished_jobs_are_pruned_after_1_day_kept_keys_after_8_dead_letters_after_30(
    database: Database,
) -> None:
    for days in (0.9, 1.1, 7.9, 8.1, 29, 31):
        await add_finished("done", days)
        await add_finished("done", days, keep=True)
        await add_finished("dead", days)
    await enqueue("queued", {}, run_at=datetime.now(UTC) - timedelta(days=99))
    assert await retention.prune(datetime.now(UTC)) == 5 + 3 + 1
    assert {row.kind for row in await rows()} == {
        *("queued", "done 0.9 False"),
        *("done 0.9 True", "done 1.1 True", "done 7.9 True"),
        *("dead 0.9 False", "dead 1.1 False", "dead 7.9 False", "dead 8.1 False", "dead 29 False"),
    }


async def test_pruning_deletes_all_old_jobs_in_batches(database: Database) -> None:
    at = milliseconds(datetime.now(UTC) - timedelta(days=2))
    old = [Row(kind="a", state="done", run_at=at, created_at=at, finished_at=at) for _ in range(1203)]
    await Row.bulk_create(old)
    assert await retention.prune(datetime.now(UTC)) == 1203
