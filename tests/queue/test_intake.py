"""The intake of webhook deliveries: one is acknowledged if and only if it is stored."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.errors import Unavailable
from bot.queue.intake import MANY, MAX_BATCH_ROWS, RECENT_SECONDS, Intake, WaitingDelivery, insert_returning
from bot.queue.leases import claim
from bot.store.database import Database, execute, fetch
from bot.store.jobs import Job as Row
from bot.store.placeholders import LONGEST_CACHED
from tests.conftest import connect, postgres


async def put(intake: Intake, guid: str, body: bytes = b"{}", priority: int = 0, event: str = "push") -> bool:
    return await intake.put(guid=guid, event=event, content_type="application/json", body=body, priority=priority)


@asynccontextmanager
async def locked(database: Database) -> AsyncIterator[None]:
    """Hold an exclusive lock on the table of jobs from another connection."""
    if postgres():
        connection = await connect(database.url)
        try:
            async with connection.transaction():
                await connection.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
                yield
        finally:
            await connection.close()
        return
    assert database.path is not None
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


async def test_a_delivery_is_stored_unchanged(database: Database) -> None:
    body = bytes(range(256)) * 10
    async with Intake() as intake:
        assert await put(intake, "g1", body, priority=7, event="issue_comment")
    [job] = await claim(1, "me", 1000)
    assert (job.kind, job.key, job.priority, job.lock) == ("webhook", "webhook:g1", 7, None)
    assert job.payload == body
    assert job.headers == {"event": "issue_comment", "content_type": "application/json"}


async def test_a_delivery_of_25_megabytes_is_stored(database: Database) -> None:
    async with Intake() as intake:
        assert await put(intake, "g1", b"x" * (25 * 1024 * 1024))


async def test_a_delivery_sent_twice_is_stored_once(database: Database) -> None:
    async with Intake() as intake:
        assert await put(intake, "g1", b"first")
        assert not await put(intake, "g1", b"second")
        stored = await asyncio.gather(put(intake, "g2"), put(intake, "g2"), put(intake, "g2"))
    assert sorted(stored) == [False, False, True]
    assert await Row.filter(payload=b"first").count() == 1
    assert await Row.all().count() == 2


async def test_a_delivery_sent_again_after_it_is_done_is_a_duplicate(database: Database) -> None:
    async with Intake() as intake:
        assert await put(intake, "g1")
        await execute("UPDATE jobs SET state = 'done', payload = NULL, finished_at = 1")
        assert not await put(intake, "g1")


async def test_a_duplicate_of_a_dead_letter_revives_it(database: Database) -> None:
    async with Intake() as intake:
        assert await put(intake, "g1", b"first")
        await execute("UPDATE jobs SET state = 'dead', attempts = 12, finished_at = 1, error = 'broken'")
        assert await put(intake, "g1", b"second", priority=3)
    [row] = await Row.all()
    assert (row.state, row.attempts, row.payload, row.error, row.priority) == ("queued", 0, b"second", None, 3)


async def test_concurrent_requests_share_a_commit(database: Database) -> None:
    async with Intake() as intake:
        stored = await asyncio.gather(*(put(intake, f"g{n}") for n in range(300)))
    assert all(stored)
    [row] = await fetch("SELECT count(DISTINCT created_at) AS commits, count(*) AS jobs FROM jobs")
    assert row["jobs"] == 300
    assert row["commits"] <= 10


async def test_an_acknowledged_delivery_is_committed(database: Database) -> None:
    async with Intake() as intake:
        for n in range(20):
            assert await put(intake, f"g{n}")
            assert await fetch("SELECT count(*) AS jobs FROM jobs") == [{"jobs": n + 1}]


async def test_an_unavailable_database_is_reported_in_time_and_the_intake_recovers(database: Database) -> None:
    async with Intake(store_timeout=1) as intake:
        async with locked(database):
            started = time.monotonic()
            results = await asyncio.gather(*(put(intake, f"g{n}") for n in range(20)), return_exceptions=True)
            assert time.monotonic() - started < 1.5
            assert all(isinstance(result, Unavailable) for result in results)
        async with asyncio.timeout(10):
            while True:
                try:
                    assert await put(intake, "after")
                    break
                except Unavailable:
                    continue
        for n in range(20):
            await put(intake, f"g{n}")  # redelivered, as an operator would on GitHub
    assert await Row.all().count() == 21


async def test_while_the_database_stays_unavailable_requests_are_refused_within_eight_seconds(
    database: Database,
) -> None:
    async with Intake() as intake, locked(database):
        started = time.monotonic()
        with pytest.raises(Unavailable):
            await put(intake, "g1")
        assert time.monotonic() - started < 8.5


async def test_canceled_requests_do_not_hold_up_the_others(database: Database) -> None:
    async with Intake() as intake:
        for n in range(50):
            tasks = [asyncio.create_task(put(intake, f"g{n}-{k}")) for k in range(6)]
            await asyncio.sleep(0.0002 * (n % 7))
            for task in tasks[:5]:
                task.cancel()
            await asyncio.wait(tasks)
            assert tasks[5].result() is True
        async with asyncio.timeout(2):
            assert await put(intake, "after")


async def test_a_full_buffer_refuses_at_once_and_accepts_again_once_it_is_written(database: Database) -> None:
    async with Intake(store_timeout=2, max_waiting_bytes=1000) as intake:
        async with locked(database):
            waiting = asyncio.create_task(put(intake, "g1", b"x" * 800))
            await asyncio.sleep(0.05)
            started = time.monotonic()
            with pytest.raises(Unavailable):
                await put(intake, "g2", b"x" * 300)
            assert time.monotonic() - started < 0.1
        assert await waiting
        assert await put(intake, "g2", b"x" * 300)


async def test_closing_refuses_waiting_requests(database: Database) -> None:
    async with Intake() as intake:
        waiting = asyncio.create_task(put(intake, "g1"))
        await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await waiting


async def test_many_concurrent_requests_are_load_and_single_ones_are_not(database: Database) -> None:
    async with Intake() as intake:
        await put(intake, "alone")
        assert not intake.under_load()
        await asyncio.gather(*(put(intake, f"guid-{number}") for number in range(20)))
        assert intake.under_load()
        await put(intake, "alone again")
        assert intake.under_load(), "a small commit in between does not end the load"
        await asyncio.sleep(RECENT_SECONDS)
        assert not intake.under_load()


async def test_each_request_is_refused_when_its_own_time_is_over(database: Database) -> None:
    async def refused_after(intake: Intake, delay: float) -> float:
        await asyncio.sleep(delay)
        started = time.monotonic()
        with pytest.raises(Unavailable):
            await put(intake, f"after {delay}")
        return time.monotonic() - started

    async with Intake(store_timeout=0.6) as intake, locked(database):
        times = await asyncio.gather(*(refused_after(intake, delay) for delay in (0, 0.2, 0.4, 1.5)))
    assert all(0.5 < seconds < 1 for seconds in times), times


async def test_a_refused_delivery_is_not_kept_until_the_commit_before_it_ends(database: Database) -> None:
    def kept() -> list[str]:
        gc.collect()
        deliveries = [each for each in gc.get_objects() if isinstance(each, WaitingDelivery)]
        return [each.key for each in deliveries if "late" in each.key]

    async with Intake(store_timeout=0.3) as intake, locked(database):
        first = asyncio.create_task(put(intake, "under way"))
        await asyncio.sleep(0.1)
        waiting = [asyncio.create_task(put(intake, f"late {number}")) for number in range(20)]
        await asyncio.wait([first, *waiting])
        assert kept() == []


async def test_closing_refuses_requests_whose_commit_is_under_way(database: Database) -> None:
    async with locked(database):
        async with Intake() as intake:
            waiting = [asyncio.create_task(put(intake, f"g{number}")) for number in range(3)]
            await asyncio.sleep(0.2)
        async with asyncio.timeout(1):
            results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)


async def test_many_requests_are_committed_in_few_different_numbers(database: Database) -> None:
    async with Intake() as intake:
        for count in (33, 70, 150, 31):
            assert all(await asyncio.gather(*(put(intake, f"{count} {number}") for number in range(count))))
    rows = await fetch("SELECT run_at, count(*) AS jobs FROM jobs GROUP BY run_at")
    assert sum(row["jobs"] for row in rows) == 33 + 70 + 150 + 31
    assert all(row["jobs"] <= MANY or row["jobs"] % MANY == 0 for row in rows)


def test_the_longest_statement_is_cached() -> None:
    assert MAX_BATCH_ROWS % MANY == 0
    assert len(insert_returning(MAX_BATCH_ROWS)) < min(LONGEST_CACHED, 15 * 1024)  # the latter is asyncpg's limit
