"""An empty database for every test: SQLite, or PostgreSQL if LONGSHORE_TEST_DATABASE_URL is set."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
import structlog

from bot.log import configure
from bot.store.database import Database, open_database
from bot.store.migrate import migrate
from sandbox import make_repository
from tests.servers import Serve, serving
from tests.world import PROJECT, World, running_world

Lines = Callable[[], list[dict[str, Any]]]
HERE = Path(__file__).parent
SLOW_DIRECTORIES = (HERE, HERE / "queue")
BROWSER = HERE / "browser"
SERVER = os.environ.get("LONGSHORE_TEST_DATABASE_URL", "")
RAM_DISK = Path("/dev/shm")
RAM_DISK_BYTES = 4 * 1024**3  # several times what the files of all tests take

if "TMPDIR" not in os.environ and os.access(RAM_DISK, os.W_OK) and shutil.disk_usage(RAM_DISK).free > RAM_DISK_BYTES:
    os.environ["TMPDIR"] = str(RAM_DISK)  # thousands of small repositories and databases take twice as long on a disk
    tempfile.tempdir = None


def postgres() -> bool:
    """Whether the tests run on PostgreSQL."""
    return SERVER.startswith("postgres")


async def connect(url: str) -> Any:
    """Open a connection to PostgreSQL that is independent of the code under test."""
    return await import_module("asyncpg").connect(url)


async def execute_on_server(statement: str) -> None:
    """Execute a statement in the database of LONGSHORE_TEST_DATABASE_URL."""
    connection = await connect(SERVER)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each process an equal share of the slow tests, to run first: all processes then end at the same time.

    Those in a browser come first in one process, from which no other takes them: each would start a browser of its own.
    """
    browser = [item for item in items if item.path.parent == BROWSER]
    slow = [item for item in items if item.path.parent in SLOW_DIRECTORIES]
    fast = [item for item in items if item.path.parent not in (*SLOW_DIRECTORIES, BROWSER)]
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    size = -(-len(fast) // count)
    shares = [slow[process::count] + fast[process * size : (process + 1) * size] for process in range(count)]
    items[:] = [*browser, *(item for share in shares for item in share)]


def pytest_collection_finish() -> None:
    """Exempt the objects that exist before the first test from garbage collection: they live to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def default_logging() -> Iterator[None]:
    """Undo a test's configuration of structlog."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def lines() -> Iterator[Lines]:
    """A function that returns the lines that the service has logged so far."""
    root, stream = logging.getLogger(), StringIO()
    handlers, level, root.handlers[:] = list(root.handlers), root.level, []
    configure("info")
    for handler in root.handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(stream)
    yield lambda: [orjson.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def migrated_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a migrated, empty database that only this test process uses."""
    if not postgres():
        url = f"sqlite://{tmp_path_factory.mktemp('template')}/migrated.db"
        asyncio.run(migrate(url))
        yield url
        return
    name = f"longshore_test_{os.getpid()}"
    asyncio.run(execute_on_server(f"CREATE DATABASE {name}"))
    asyncio.run(execute_on_server(f"ALTER DATABASE {name} SET synchronous_commit = off"))  # a crash may lose rows
    try:
        url = urlsplit(SERVER)._replace(path=f"/{name}").geturl()
        asyncio.run(migrate(url))
        yield url
    finally:
        asyncio.run(execute_on_server(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def delete_rows(migrated_url: str) -> Iterator[Callable[[], None]]:
    """A function that empties every PostgreSQL table, on its own connection and event loop."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        connection: Any = None
        if postgres():
            connection, statements = runner.run(_connect_to_delete(migrated_url))

        def delete() -> None:
            nonlocal connection
            try:
                runner.run(connection.execute(statements))
            except disconnection_errors():  # a test has ended every connection
                connection = runner.run(connect(migrated_url))
                runner.run(connection.execute(statements))

        yield delete
        if connection is not None:
            runner.run(connection.close())


def disconnection_errors() -> tuple[type[Exception], ...]:
    """The errors that a closed connection to PostgreSQL raises."""
    asyncpg = import_module("asyncpg")
    return OSError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, asyncpg.InterfaceError


async def _connect_to_delete(url: str) -> tuple[Any, str]:
    """A connection, and statements that empty all tables, children before parents: 100 times as fast as TRUNCATE."""
    connection = await connect(url)
    ours = "relnamespace = 'public'::regnamespace AND relname NOT LIKE 'tortoise%'"
    tables = await connection.fetch(f"SELECT relname FROM pg_class WHERE relkind = 'r' AND {ours} ORDER BY oid DESC")
    sequences = await connection.fetch(f"SELECT relname FROM pg_class WHERE relkind = 'S' AND {ours}")
    deletions = [f"DELETE FROM {row['relname']}" for row in tables]
    detach = "UPDATE releases SET product_version_id = NULL"  # the one reference to a table that was created later
    restarts = ", ".join(f"setval('{row['relname']}', 1, false)" for row in sequences)
    return connection, ";".join([detach, *deletions, f"SELECT {restarts}"])


@pytest.fixture
def database_url(migrated_url: str, delete_rows: Callable[[], None], tmp_path: Path) -> str:
    """The URL of a migrated, empty database."""
    if postgres():
        delete_rows()
        return migrated_url
    copy = tmp_path / "longshore.db"
    shutil.copy(migrated_url.removeprefix("sqlite://"), copy)
    return f"sqlite://{copy}"


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
    """A small git repository, from which sandboxes are cloned."""
    path = tmp_path_factory.mktemp("source") / "site"
    asyncio.run(make_repository(path))
    return path


@pytest.fixture
async def aiohttp_server() -> AsyncIterator[Serve]:
    """A function that serves an application on a port of its own."""
    async with serving() as serve:
        yield serve


@pytest.fixture
async def world(source: Path, database_url: str, aiohttp_server: Serve) -> AsyncIterator[World]:
    """A world with the sample project, of which GitHub shows nothing but replies."""
    async with running_world(source, database_url, aiohttp_server) as world:
        yield world


@pytest.fixture
async def shown(world: World) -> World:
    """A world with the sample project, of which GitHub shows everything."""
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"show": {}})
    await world.settle()
    world.github.forget_calls()
    return world
