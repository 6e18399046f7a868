"""The database engines: which connection runs a statement, and what becomes of one that is lost or locked."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from bot.errors import DatabaseUnavailable, Misconfigured, Unavailable
from bot.store.database import Database, dialect, execute, fetch, open_database, transaction
from bot.store.engines.short_reads import ShortReads
from bot.store.engines.sqlite_statements import reads_only, run_dict
from bot.store.users import User
from tests.conftest import connect
from tests.outages import end_sessions
from tests.queue.helpers import only_sqlite
from tests.store.helpers import NOW, add, add_in_a_transaction, names, only_postgres


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


@only_postgres
async def test_a_lost_connection_is_unavailable_once_and_then_replaced(database: Database) -> None:
    await add("a")
    with pytest.raises(Unavailable):
        async with transaction():
            await fetch("SELECT pg_terminate_backend(pg_backend_pid())")
    await add("b")
    assert await names() == {"a", "b"}


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
