"""Transactions survive cancellation, and are atomic, exclusive and owned by one task."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from bot.errors import DatabaseUnavailable
from bot.store.database import (
    Database,
    after_commit,
    exclusive_transaction,
    execute,
    fetch,
    refuse_in_transaction,
    shared_transaction,
    transaction,
)
from bot.store.locks import Lock, row_lock
from bot.store.users import User
from tests.outages import end_sessions
from tests.queue.helpers import only_sqlite
from tests.store.helpers import NOW, add, add_in_a_transaction, names, only_postgres


async def add_in_a_nested_transaction(name: str) -> None:
    async with transaction():
        await add(f"{name}-1")
        async with transaction():
            await add(f"{name}-2")


async def add_with_locks(name: str) -> None:
    async with shared_transaction("names", [row_lock("users", len(name))], short=True):
        await add(f"{name}-1")
        async with transaction():
            await add(f"{name}-2")


async def add_in_bulk(name: str) -> None:
    await User.bulk_create([User(name=f"{name}-{n}", created_at=NOW) for n in (1, 2)])


@pytest.mark.parametrize("work", [add_in_a_transaction, add_in_a_nested_transaction, add_with_locks, add_in_bulk])
async def test_six_hundred_cancelled_tasks_leave_the_database_working(database: Database, work: Any) -> None:
    cancelled = 0
    for n in range(600):
        task = asyncio.create_task(work(f"u{n}"))
        for _ in range(n % 23):
            await asyncio.sleep(0)
        if n % 3 == 0:
            await asyncio.sleep(0.0002 * (n % 11))
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            cancelled += 1
        async with asyncio.timeout(2):
            await execute("UPDATE users SET created_at = created_at WHERE name = $1", f"u{n}-1")
    assert cancelled > 100
    async with asyncio.timeout(2):
        await add_in_a_transaction("after")
    kept = await names()
    assert {"after-1", "after-2"} <= kept
    complete = {f"{name[:-1]}{n}" for name in kept for n in (1, 2)}
    assert kept == complete, "a cancelled transaction is committed whole or not at all"


async def test_a_task_cancelled_several_times_is_still_cancelled_cleanly(database: Database) -> None:
    for n in range(200):
        task = asyncio.create_task(add_in_a_transaction(f"u{n}"))
        await asyncio.sleep(0.0001 * (n % 17))
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.wait([task])
    async with asyncio.timeout(2):
        await add_in_a_transaction("after")
    assert {"after-1", "after-2"} <= await names()


async def test_many_tasks_cancelled_at_once_leave_every_connection_usable(database: Database) -> None:
    for _ in range(10):
        tasks = [asyncio.create_task(add_in_a_transaction(f"u{n}")) for n in range(30)]
        await asyncio.sleep(0.003)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await execute("DELETE FROM users")
    async with asyncio.timeout(5):
        await asyncio.gather(*(add_in_a_transaction(f"after{n}") for n in range(30)))
    assert len(await names()) == 60


async def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            await add("a")
            raise ZeroDivisionError
    assert await names() == set()
    async with transaction():
        await add("b")
    assert await names() == {"b"}


async def test_a_nested_transaction_is_rolled_back_alone_and_committed_with_the_outer_one(database: Database) -> None:
    async with transaction():
        await add("outer")
        with pytest.raises(IntegrityError):
            async with transaction():
                await add("inner")
                await add("outer")
        assert await names() == {"outer"}
        async with transaction():
            await add("second")
    assert await names() == {"outer", "second"}
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            async with transaction():
                await add("lost")
            raise ZeroDivisionError
    assert "lost" not in await names()


async def test_callbacks_run_once_after_the_outermost_commit(database: Database) -> None:
    calls: list[str] = []
    after_commit(lambda: calls.append("at once"))
    async with transaction():
        after_commit(lambda: calls.append("outer"))
        async with transaction():
            after_commit(lambda: calls.append("inner"))
        with pytest.raises(ZeroDivisionError):
            async with transaction():
                after_commit(lambda: calls.append("undone"))
                raise ZeroDivisionError
        assert calls == ["at once"]
    assert calls == ["at once", "outer", "inner"]
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            after_commit(lambda: calls.append("never"))
            raise ZeroDivisionError
    assert calls == ["at once", "outer", "inner"]


async def test_a_callback_runs_outside_the_transaction(database: Database) -> None:
    async with transaction():
        after_commit(lambda: refuse_in_transaction("a callback"))


async def test_waiting_for_something_else_inside_a_transaction_is_refused(database: Database) -> None:
    refuse_in_transaction("a call to GitHub")
    async with transaction():
        with pytest.raises(RuntimeError, match="a call to GitHub"):
            refuse_in_transaction("a call to GitHub")
    async with in_transaction():
        with pytest.raises(RuntimeError):
            refuse_in_transaction("a call to GitHub")
    refuse_in_transaction("a call to GitHub")


async def test_a_task_started_inside_a_transaction_may_not_use_it(database: Database) -> None:
    async with transaction():
        child = asyncio.create_task(names())
        with pytest.raises(RuntimeError, match="started inside a transaction"):
            await child
        late = asyncio.create_task(asyncio.sleep(0.05, None))
        orphan = asyncio.create_task(wait_and_read(late))
    with pytest.raises(RuntimeError, match="that has ended"):
        await orphan


async def wait_and_read(first: asyncio.Task[None]) -> set[str]:
    await first
    return await names()


async def test_reads_do_not_wait_for_an_open_transaction_and_see_only_what_is_committed(database: Database) -> None:
    opened, finish = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        async with transaction():
            await add("a")
            opened.set()
            await finish.wait()

    writer = asyncio.create_task(write())
    await opened.wait()
    async with asyncio.timeout(1):
        assert await names() == set()
        assert await User.all().count() == 0
    finish.set()
    await writer
    assert await names() == {"a"}


class Holder:
    """A task that holds a transaction open, once it has begun, until it is told to end."""

    def __init__(self, *locks: Lock, exclusive: bool = False) -> None:
        self.locks, self.exclusive = locks, exclusive
        self.begun, self.end = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(self._hold())

    async def _hold(self) -> None:
        async with exclusive_transaction("a") if self.exclusive else shared_transaction("a", self.locks):
            self.begun.set()
            await self.end.wait()

    async def begins(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await self.begun.wait()
        return self.begun.is_set()

    async def finish(self) -> None:
        self.end.set()
        await self.task


async def begun_holder(lock: Lock) -> Holder:
    """A holder whose transaction has begun, after the pool has learned which of its sessions are lost."""
    for _ in range(20):
        holder = Holder(lock)
        if await holder.begins():
            return holder
        with suppress(DatabaseUnavailable):
            await holder.task
    raise AssertionError("the pool has no session that works")


@only_postgres
async def test_transactions_wait_for_each_other_only_if_their_locks_conflict(database: Database) -> None:
    one, other, shared = row_lock("t", 1), row_lock("t", 2), row_lock("t", 1, shared=True)
    cases: list[tuple[tuple[Lock, ...], tuple[Lock, ...], bool]] = [
        ((one,), (other,), True),
        ((shared,), (shared,), True),
        ((one,), (shared,), False),
        ((shared,), (one, shared), False),
        ((one, other), (other, one), False),
    ]
    for first_locks, second_locks, together in cases:
        first = Holder(*first_locks)
        assert await first.begins()
        second = Holder(*second_locks)
        assert await second.begins() is together
        await first.finish()
        assert await second.begins()
        await second.finish()


async def test_a_transaction_with_locks_is_not_part_of_another(database: Database) -> None:
    for inner in (exclusive_transaction("a"), shared_transaction("a", [row_lock("t", 1)])):
        async with transaction():
            with pytest.raises(RuntimeError, match="A transaction is open"):
                await inner.__aenter__()
    async with asyncio.timeout(2), exclusive_transaction("a"):
        await add("after")


@only_postgres
async def test_an_exclusive_transaction_waits_for_shared_ones_and_they_for_it(database: Database) -> None:
    shared = Holder(row_lock("t", 1))
    assert await shared.begins()
    exclusive = Holder(exclusive=True)
    assert not await exclusive.begins()
    late = Holder(row_lock("t", 2))
    assert not await late.begins(), "those that come later do not overtake it"
    await shared.finish()
    assert await exclusive.begins() and not await late.begins()
    await exclusive.finish()
    assert await late.begins()
    await late.finish()


async def test_waiting_for_a_lock_can_be_canceled_and_leaves_no_lock(database: Database) -> None:
    first, second = Holder(row_lock("t", 1)), Holder(row_lock("t", 1))
    assert await first.begins() and not await second.begins()
    second.task.cancel()
    async with asyncio.timeout(2):
        await asyncio.wait([second.task])
    await first.finish()
    third = Holder(row_lock("t", 1))
    assert await third.begins()
    await third.finish()


async def test_transactions_that_wait_leave_connections_to_others(database: Database) -> None:
    holders = [Holder(row_lock("t", 1)) for _ in range(30)]
    assert await holders[0].begins()
    async with asyncio.timeout(2):
        assert await names() == set()
    for holder in holders:
        holder.end.set()
    await asyncio.gather(*(holder.task for holder in holders))


async def test_a_failed_or_cancelled_exclusive_transaction_does_not_block_others(
    database: Database,
) -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with exclusive_transaction("a"):
            started.set()
            await release.wait()
            await add("first")

    async def fail() -> None:
        async with exclusive_transaction("a"):
            await add("never")
            raise ZeroDivisionError

    holding = asyncio.create_task(hold())
    await started.wait()
    waiting = [asyncio.create_task(fail()) for _ in range(3)]
    await asyncio.sleep(0.05)
    waiting[1].cancel()
    release.set()
    await asyncio.wait([holding, *waiting], timeout=5)
    assert waiting[1].cancelled() and all(isinstance(waiting[n].exception(), ZeroDivisionError) for n in (0, 2))
    async with asyncio.timeout(2), exclusive_transaction("a"):
        await add("last")
    assert await names() == {"first", "last"}


@only_sqlite
async def test_a_script_inside_a_sqlite_transaction_does_not_commit_it(database: Database) -> None:
    client: Any
    with pytest.raises(ZeroDivisionError):
        async with transaction() as client:
            await client.execute_script(
                "CREATE TABLE a (b TEXT);\nINSERT INTO a VALUES (';');\nINSERT INTO a VALUES ('c')"
            )
            assert len(await fetch("SELECT * FROM a")) == 2
            raise ZeroDivisionError
    assert await fetch("SELECT name FROM sqlite_master WHERE name = 'a'") == []


@only_postgres
async def test_a_session_that_ends_anywhere_in_a_transaction_is_unavailable(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with transaction(), transaction():
            await fetch("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(DatabaseUnavailable):
        async with transaction(), transaction():
            await add("nested")
            await end_sessions(database.url)
    with pytest.raises(DatabaseUnavailable):
        async with transaction():
            await add("outer")
            await end_sessions(database.url)
    await asyncio.sleep(0.05)
    await add("after")
    assert await names() == {"after"}


@only_postgres
async def test_a_session_that_ends_in_a_transaction_with_locks_or_before_it_is_unavailable(database: Database) -> None:
    lock = row_lock("t", 1)
    with pytest.raises(DatabaseUnavailable):
        async with shared_transaction("a", [lock]):
            await add("open")
            await end_sessions(database.url)
    first = await begun_holder(lock)
    second = Holder(lock)
    assert not await second.begins()
    await end_sessions(database.url)
    for holder in (first, second):  # the second may get the lock before its own session is ended
        holder.end.set()
    outcomes = await asyncio.gather(first.task, second.task, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable, DatabaseUnavailable]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(2), exclusive_transaction("a"):
        await add("after")
    assert await names() == {"after"}
