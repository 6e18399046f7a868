"""A start that waits for the database says so, and one that hangs in it can be stopped."""

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, Cli, process_environment
from tests.cli.test_processes import migrating_elsewhere, read_until
from tests.conftest import postgres
from tests.outages import behind_proxy

WAITING = "waiting for another process that is migrating the database"
only_sqlite = pytest.mark.skipif(postgres(), reason="about SQLite's lock")
only_postgres = pytest.mark.skipif(not postgres(), reason="about PostgreSQL: set LONGSHORE_TEST_DATABASE_URL")


@contextmanager
def being_written(file: Path) -> Iterator[sqlite3.Connection]:
    """A database without our tables, which another process writes to."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE elsewhere (id INTEGER)")
        yield other


@only_sqlite
def test_a_migration_that_waits_for_sqlite_says_so(cli: Cli, tmp_path: Path) -> None:
    with being_written(tmp_path / "new.db") as other:
        process = cli.start("migrate", LONGSHORE_DATABASE_URL=f"sqlite://{tmp_path}/new.db")
        assert WAITING in read_until(process, "waiting")
        other.execute("COMMIT")
        out, err = process.popen.communicate(timeout=20)
    assert (process.popen.returncode, err) == (0, "") and "applied 0001_initial" in out


@only_sqlite
def test_a_migration_that_need_not_wait_says_nothing(cli: Cli, tmp_path: Path) -> None:
    cli.run("migrate", LONGSHORE_DATABASE_URL=f"sqlite://{tmp_path}/new.db").assert_succeeded()


@only_sqlite
@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_start_that_waits_for_sqlite_says_so_and_is_stopped_by_one_signal(
    cli: Cli, tmp_path: Path, command: str
) -> None:
    settings = {"LONGSHORE_DATABASE_URL": f"sqlite://{tmp_path}/new.db", "LONGSHORE_LOG_LEVEL": "info"}
    with being_written(tmp_path / "new.db"):
        process = cli.start(command, port=0, **settings)
        assert WAITING in read_until(process, "waiting")
        began = time.monotonic()
        assert process.stop().code in (0, -signal.SIGTERM)
        assert time.monotonic() - began < 10


@asynccontextmanager
async def started(command: str, url: str, cli: Cli) -> AsyncIterator[asyncio.subprocess.Process]:
    settings = {**cli.settings, "LONGSHORE_DATABASE_URL": url, "LONGSHORE_LOG_LEVEL": "info", "LONGSHORE_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        *COMMAND, command, env=process_environment(**settings), stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@only_postgres
@pytest.mark.parametrize("command", ["serve", "work"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_start_that_hangs_in_postgresql_is_stopped_by_one_signal(cli: Cli, command: str, number: int) -> None:
    async def hang_and_stop(url: str) -> tuple[int, float]:
        async with behind_proxy(url) as (proxy, address), started(command, address, cli) as process:
            assert process.stderr is not None
            while WAITING.encode() not in await process.stderr.readline():
                pass
            proxy.freeze()
            os.kill(process.pid, number)
            began = time.monotonic()
            await asyncio.wait_for(process.wait(), 20)
            return process.returncode or 0, time.monotonic() - began

    with migrating_elsewhere() as url:
        code, seconds = asyncio.run(hang_and_stop(url))
    assert code in (0, -signal.SIGTERM) and seconds < 10


def without_room_for_shared_memory(file: Path) -> None:
    file.with_name(f"{file.name}-shm").mkdir()


def of_a_newer_format(file: Path) -> None:
    """Make a database that SQLite only reads: its format may be written by newer versions only."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE elsewhere (id INTEGER)")
    content = bytearray(file.read_bytes())
    content[18] = 7
    file.write_bytes(content)


@only_sqlite
@pytest.mark.parametrize("make_unwritable", [without_room_for_shared_memory, of_a_newer_format])
@pytest.mark.parametrize("command", ["serve", "work", "migrate"])
def test_a_database_that_cannot_be_written_does_not_ask_for_patience(
    cli: Cli, tmp_path: Path, command: str, make_unwritable: Callable[[Path], None]
) -> None:
    make_unwritable(tmp_path / "unwritable.db")
    message = cli.run(command, LONGSHORE_DATABASE_URL=f"sqlite://{tmp_path}/unwritable.db").assert_failed()
    assert "cannot be written" in message and "permissions" in message and "again" not in message
