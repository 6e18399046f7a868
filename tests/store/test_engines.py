"""The database engines survive cancellation, and their transactions are atomic, exclusive and owned by one task."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tortoise.exceptions import IntegrityError, OperationalError
from tortoise.transactions import in_transaction

from bot.errors import DatabaseUnavailable, Misconfigured, Unavailable
from bot.store.database import (
    Database,
    after_commit,
    dialect,
    exclusive_transaction,
    execute,
    fetch,
    open_database,
    refuse_in_transaction,
    shared_transaction,
    transaction,
)
from bot.store.engines.short_reads import ShortReads
from bot.store.engines.sqlite_statements import reads_only, run_dict
from bot.store.locks import Lock, row_lock
from bot.store.users import User
from tests.conftest import connect, postgres
from tests.outages import end_sessions
from tests.queue.helpers import only_sqlite

NOW = datetime(2026, 1, 2, tzinfo=UTC)


async def add(name: str) -> User:
    return await User.create(name=name, created_at=NOW)


async def names() -> set[str]:
    return {row["name"] for row in await fetch("SELECT name FROM users")}


async def add_in_a_transaction(name: str) -> None:
    async with transaction():
        await add(f"{name}-1")
        await asyncio.sleep(0.0005)
        await add(f"{name}-2")


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


async def test_statements_that_write_and_return_rows_write(database: Database) -> None:
    sql = "INSERT INTO users (name, created_at) VALUES ($1, $2) RETURNING id, name"
    [row] = await fetch(sql, "a", now())
    assert row["name"] == "a"
    [row] = await fetch("UPDATE users SET name = $2 WHERE name = $1 RETURNING name", "a", "b")
    assert row["name"] == "b"
    [row] = await fetch(
        "WITH chosen AS (SELECT id FROM users WHERE name = $1) "
        "UPDATE users SET name = $2 WHERE id IN (SELECT id FROM chosen) RETURNING name",
        *("b", "c"),
    )
    assert row["name"] == "c"
    rows = await fetch("WITH all_users AS (SELECT name FROM users) SELECT name FROM all_users WHERE name = $1", "c")
    assert rows == [{"name": "c"}]


def now() -> Any:
    return "2026-01-02 00:00:00+00:00" if dialect() == "sqlite" else NOW


@pytest.mark.parametrize(
    ("query", "reads"),
    [
        ("SELECT 1", True),
        ("  select 1", True),
        ("(SELECT 1)", True),
        ("WITH a AS (SELECT 1) SELECT * FROM a", True),
        ("WITH a AS (SELECT 1) UPDATE b SET c = 1", False),
        ("with a as (select 1) delete from b", False),
        ("WITH a AS (SELECT 1) INSERT INTO b SELECT * FROM a RETURNING id", False),
        ("INSERT INTO a VALUES (1) RETURNING id", False),
        ("UPDATE a SET b = 1 RETURNING b", False),
        ("PRAGMA journal_mode", False),
        ("-- why\nSELECT 1", False),
    ],
)
def test_only_a_statement_that_certainly_reads_goes_to_the_reader(query: str, reads: bool) -> None:
    assert reads_only(query) is reads


async def test_execute_returns_the_number_of_changed_rows(database: Database) -> None:
    for name in "abc":
        await add(name)
    assert await execute("UPDATE users SET github_id = NULL") == 3
    assert await execute("DELETE FROM users WHERE name = $1 OR name = $2", "a", "b") == 2
    assert await execute("DELETE FROM users WHERE name = $1", "a") == 0


async def test_one_argument_may_be_used_several_times(database: Database) -> None:
    sql = "SELECT CAST($2 AS INT) AS a, CAST($1 AS INT) AS b, CAST($2 AS INT) AS c"
    assert await fetch(sql, 1, 2) == [{"a": 2, "b": 1, "c": 2}]


async def test_a_database_opens_and_closes_many_times_in_one_process(database_url: str) -> None:
    for n in range(15):
        opened = await open_database(database_url)
        await add(f"u{n}")
        await asyncio.gather(*(asyncio.create_task(names()) for _ in range(3)))
        await opened.close()
    opened = await open_database(database_url)
    try:
        assert len(await names()) == 15
    finally:
        await opened.close()


@pytest.mark.parametrize(
    "url",
    [
        *("mysql://localhost/a", "sqlite://", "sqlite://:memory:", "sqlite:///no/such/dir/a.db", ""),
        *(
            "sqlite:///tmp/a.db?mode=ro",
            "sqlite:///tmp/a#b.db",
            "postgres://h:port/d",
            "postgres://h/d?a=b",
        ),
    ],
)
async def test_an_unsupported_address_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured):
        await open_database(url)


async def test_a_server_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await open_database("postgres://nobody@127.0.0.1:1/nothing")


LEAVE_OPEN = """
import asyncio, sys
from bot.store.database import open_database
asyncio.run(open_database(sys.argv[1]))
"""


async def test_a_database_that_is_left_open_does_not_keep_the_process_from_ending(database_url: str) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", LEAVE_OPEN, database_url)
    async with asyncio.timeout(10):
        await process.wait()


READ_THEN_WRITE = """
import asyncio, sys
from bot.store.database import execute, fetch, open_database, transaction
async def main():
    database = await open_database(sys.argv[1])
    for _ in range(150):
        async with transaction():
            [row] = await fetch("SELECT github_id AS n FROM users WHERE name = 'counter'" + sys.argv[2])
            await execute("UPDATE users SET github_id = $1 WHERE name = 'counter'", row["n"] + 1)
    await database.close()
asyncio.run(main())
"""


async def test_two_processes_that_read_then_write_wait_for_each_other(database: Database) -> None:
    await User.create(name="counter", github_id=0, created_at=NOW)
    locking = "" if dialect() == "sqlite" else " FOR UPDATE"
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", READ_THEN_WRITE, database.url, locking)
        for _ in range(2)
    ]
    assert [await process.wait() for process in processes] == [0, 0]
    assert await fetch("SELECT github_id FROM users") == [{"github_id": 300}]


@only_sqlite
async def test_sqlite_commits_reach_the_disk_and_references_hold(database: Database) -> None:
    async with transaction():  # reads the pragmas of the writer
        settings = {
            name: (await fetch(f"PRAGMA {name}"))[0][name] for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


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


@pytest.mark.skipif("not postgres()")
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


@pytest.mark.skipif("not postgres()")
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
async def test_a_short_read_does_not_yield_to_other_tasks_and_a_long_one_does(database: Database) -> None:
    iterations = 0

    async def others() -> None:
        nonlocal iterations
        while True:
            iterations += 1
            await asyncio.sleep(0)

    await add("a")
    task = asyncio.create_task(others())
    await asyncio.sleep(0)
    iterations = 0
    assert await names() == {"a"}
    assert iterations == 0
    longest = 0.0
    for _ in range(2):  # the second time it is known to be slow
        reading = asyncio.create_task(fetch(f"WITH RECURSIVE n (i) AS ({COUNTING}) SELECT max(i) AS i FROM n"))
        while not reading.done():
            start = time.thread_time()  # of this thread: a busy machine does not add to it
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - start)
        assert (await reading)[0]["i"] == 1_000_000
    assert iterations > 10
    assert longest < 0.1, "a slow read kept the event loop from running"
    task.cancel()


COUNTING = "SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000"


@only_sqlite
async def test_a_read_that_is_too_slow_or_fails_on_the_loop_is_repeated_on_the_reader(database: Database) -> None:
    short_reads = ShortReads(f"{Path(database.path or '').as_uri()}?mode=ro", time_limit=-1.0)
    assert short_reads.read(run_dict, "SELECT 1 AS one", ()) == [{"one": 1}]  # done before the time is checked
    long = f"WITH RECURSIVE n (i) AS ({COUNTING}) SELECT max(i) FROM n"
    for query in (long, "SELECT nonsense", "SELECT count(*) AS n FROM users t  "):  # a count cannot be interrupted
        assert short_reads.read(run_dict, query, ()) is None
    short_reads.close()
    with pytest.raises(OperationalError, match="nonsense"):
        await fetch("SELECT nonsense")


@only_sqlite
async def test_a_sqlite_file_locked_by_another_process_is_unavailable_and_recovers(
    database: Database, tmp_path: Path
) -> None:
    assert database.path is not None
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        start = time.monotonic()
        with pytest.raises(Unavailable):
            await add("a")
        assert time.monotonic() - start < 9
        with pytest.raises(Unavailable):
            async with transaction():
                raise AssertionError("the transaction must not begin")
    finally:
        other.rollback()
        other.close()
    await add("a")
    assert await names() == {"a"}


@only_sqlite
async def test_a_full_disk_rolls_the_transaction_back_and_the_next_one_works(database: Database) -> None:
    async with transaction():
        [pages] = (await fetch("PRAGMA page_count"))[0].values()
        await fetch(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Unavailable):
        async with transaction():
            await User.bulk_create([User(name=f"{n}" * 100, created_at=NOW) for n in range(10, 99)])
    async with transaction():
        await fetch("PRAGMA max_page_count = 1000000")
    await add("a")
    assert await names() == {"a"}


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


only_postgres = pytest.mark.skipif(not postgres(), reason="about connections to a server, which SQLite does not have")


@only_postgres
async def test_a_lost_connection_is_unavailable_once_and_then_replaced(database: Database) -> None:
    await add("a")
    with pytest.raises(Unavailable):
        async with transaction():
            await fetch("SELECT pg_terminate_backend(pg_backend_pid())")
    await add("b")
    assert await names() == {"a", "b"}


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


@only_postgres
async def test_sessions_that_end_while_nobody_uses_them_are_replaced(database: Database) -> None:
    for number in range(30):
        await asyncio.gather(*(names() for _ in range(4)))
        await end_sessions(database.url)
        for _ in range(number % 5):
            await asyncio.sleep(0)
        results = await asyncio.gather(*(add_in_a_transaction(f"u{number}") for _ in range(2)), return_exceptions=True)
        assert all(isinstance(result, DatabaseUnavailable | IntegrityError | None) for result in results), results
        await asyncio.sleep(0.03)
    await add_in_a_transaction("after")


@only_postgres
async def test_statements_that_a_pooler_has_lost_are_prepared_again_in_other_sessions(database: Database) -> None:
    await asyncio.gather(*(names() for _ in range(10)))
    engine: Any = database.client
    for _ in range(10):
        await engine.execute_script("DEALLOCATE ALL")
    failed = 0
    for _ in range(10):
        try:
            await names()
        except DatabaseUnavailable:
            failed += 1
    assert failed <= 1


@only_postgres
async def test_a_schema_that_another_process_changes_is_unavailable_at_most_once(database: Database) -> None:
    async with transaction():
        assert await fetch("SELECT * FROM users") == []
    await execute_on("ALTER TABLE users ADD COLUMN extra TEXT", database)
    try:
        async with transaction():
            with suppress(DatabaseUnavailable):
                await fetch("SELECT * FROM users")
        async with transaction():
            assert await fetch("SELECT * FROM users") == []
    finally:
        await execute_on("ALTER TABLE users DROP COLUMN extra", database)


async def execute_on(statement: str, database: Database) -> None:
    connection = await connect(database.url)
    await connection.execute(statement)
    await connection.close()
