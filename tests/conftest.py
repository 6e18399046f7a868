"""A fresh database for every test: SQLite, or PostgreSQL where LONGSHORE_TEST_DATABASE_URL names one."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog

from bot.store.database import Database, open_database
from bot.store.migrate import migrate
from sandbox import make_repository
from tests.world import Serve, World, a_world

HERE = Path(__file__).parent
LONG = (HERE, HERE / "queue")  # the folders of the tests that take long
SERVER = os.environ.get("LONGSHORE_TEST_DATABASE_URL", "")
MEMORY, ENOUGH = Path("/dev/shm"), 4 * 1024**3  # bytes: what the files of all tests take, several times

if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH:
    os.environ["TMPDIR"] = str(MEMORY)  # thousands of small repositories and databases: a disk takes twice as long
    tempfile.tempdir = None


def postgres() -> bool:
    """Whether the tests run on PostgreSQL."""
    return SERVER.startswith("postgres")


async def connect(url: str) -> Any:
    """A plain connection to PostgreSQL, that knows nothing of ours."""
    return await import_module("asyncpg").connect(url)


async def on_server(statement: str) -> None:
    """Run one statement in the database that LONGSHORE_TEST_DATABASE_URL names."""
    connection = await connect(SERVER)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every process its share of the long tests, first: the suite then ends when the processors are done."""
    long = [item for item in items if item.path.parent in LONG]
    short = [item for item in items if item.path.parent not in LONG]
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    size = -(-len(short) // count)
    items[:] = [
        item for share in range(count) for item in long[share::count] + short[share * size : (share + 1) * size]
    ]


def pytest_collection_finish() -> None:
    """What is there before the first test stays: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Whoever says where logs go says it for one test only."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a migrated, empty database that belongs to this test process alone."""
    if not postgres():
        url = f"sqlite://{tmp_path_factory.mktemp('template')}/migrated.db"
        asyncio.run(migrate(url))
        yield url
        return
    name = f"longshore_test_{os.getpid()}"
    asyncio.run(on_server(f"CREATE DATABASE {name}"))
    asyncio.run(on_server(f"ALTER DATABASE {name} SET synchronous_commit = off"))  # the server outlives its tests
    try:
        url = urlsplit(SERVER)._replace(path=f"/{name}").geturl()
        asyncio.run(migrate(url))
        yield url
    finally:
        asyncio.run(on_server(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def empty(migrated: str) -> Iterator[Callable[[], None]]:
    """Empties every table of PostgreSQL, on a connection and a loop of its own, between the tests."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        connection: Any = None
        if postgres():
            connection, statements = runner.run(_emptying(migrated))

        def now() -> None:
            nonlocal connection
            try:
                runner.run(connection.execute(statements))
            except lost():  # a test has ended every connection
                connection = runner.run(connect(migrated))
                runner.run(connection.execute(statements))

        yield now
        if connection is not None:
            runner.run(connection.close())


def lost() -> tuple[type[Exception], ...]:
    """What is raised by a connection to PostgreSQL that has ended."""
    asyncpg = import_module("asyncpg")
    return OSError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, asyncpg.InterfaceError


async def _emptying(url: str) -> tuple[Any, str]:
    """A connection, and the statements: children before parents, a hundred times as fast as TRUNCATE."""
    connection = await connect(url)
    ours = "relnamespace = 'public'::regnamespace AND relname NOT LIKE 'tortoise%'"
    tables = await connection.fetch(f"SELECT relname FROM pg_class WHERE relkind = 'r' AND {ours} ORDER BY oid DESC")
    counters = await connection.fetch(f"SELECT relname FROM pg_class WHERE relkind = 'S' AND {ours}")
    deleted = [f"DELETE FROM {row['relname']}" for row in tables]
    younger = "UPDATE releases SET product_version_id = NULL"  # the one reference to a table that is younger
    begun = ", ".join(f"setval('{row['relname']}', 1, false)" for row in counters)
    return connection, ";".join([younger, *deleted, f"SELECT {begun}"])


@pytest.fixture
def database_url(migrated: str, empty: Callable[[], None], tmp_path: Path) -> str:
    """The address of a migrated, empty database that this test may open as often as it likes."""
    if postgres():
        empty()
        return migrated
    fresh = tmp_path / "longshore.db"
    shutil.copy(migrated.removeprefix("sqlite://"), fresh)
    return f"sqlite://{fresh}"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated, empty, open database."""
    opened = await open_database(database_url)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small real git repository."""
    path = tmp_path_factory.mktemp("source") / "site"
    asyncio.run(make_repository(path))
    return path


@pytest.fixture
async def world(source: Path, database_url: str, aiohttp_server: Serve) -> AsyncIterator[World]:
    """The real application with a database and a GitHub in a box."""
    async with a_world(source, database_url, aiohttp_server) as furnished:
        yield furnished
