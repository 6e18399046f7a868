"""Databases for benchmarks: SQLite files, and PostgreSQL on the server named by LONGSHORE_TEST_DATABASE_URL."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SERVER = os.environ.get("LONGSHORE_TEST_DATABASE_URL", "")
ENGINES = ("sqlite", "postgres") if SERVER.startswith("postgres") else ("sqlite",)
ENGINE_LABELS = {"sqlite": "SQLite", "postgres": "PostgreSQL", "": "none"}
ENGINES_NOTE = (
    "" if "postgres" in ENGINES else "PostgreSQL is not measured: LONGSHORE_TEST_DATABASE_URL does not name a server."
)
"""A note for the results when PostgreSQL is not measured."""

_numbers = count(1)


async def connect(url: str) -> Any:
    """Open an asyncpg connection."""
    return await import_module("asyncpg").connect(url)


@asynccontextmanager
async def temporary_database(engine: str) -> AsyncIterator[str]:
    """Yield the URL of an empty database, which is deleted afterwards."""
    if engine == "sqlite":
        with tempfile.TemporaryDirectory(prefix="longshore-bench-") as folder:
            yield f"sqlite://{Path(folder).as_posix()}/bench.db"
        return
    name = f"longshore_bench_{os.getpid()}_{next(_numbers)}"
    await _run_on_server(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(SERVER)._replace(path=f"/{name}").geturl()
    finally:
        await _run_on_server(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def prepared_database(
    engine: str, name: str, fill: Callable[[str], Awaitable[None]], *, keep: bool
) -> AsyncIterator[str]:
    """Yield the URL of a database that `fill` has filled, now or in an earlier run with `keep` and the same name.

    With `keep`, the database is not deleted: it is a file in the temporary folder, or `longshore_bench_NAME` on the
    PostgreSQL server.
    """
    if not keep:
        async with temporary_database(engine) as url:
            await fill(url)
            yield url
    elif engine == "sqlite":
        file = Path(tempfile.gettempdir()) / "longshore-bench" / f"{name}.db"
        file.parent.mkdir(exist_ok=True)
        if not file.exists():
            partial_file = file.with_suffix(f".{os.getpid()}")
            await fill(f"sqlite://{partial_file.as_posix()}")
            partial_file.rename(file)
        yield f"sqlite://{file.as_posix()}"
    else:
        whole_name, partial_name = f"longshore_bench_{name}", f"longshore_bench_{name}_{os.getpid()}"
        url = urlsplit(SERVER)._replace(path=f"/{whole_name}").geturl()
        if not await _run_on_server(f"SELECT 1 FROM pg_database WHERE datname = '{whole_name}'"):
            await _run_on_server(f"CREATE DATABASE {partial_name}")
            await fill(urlsplit(SERVER)._replace(path=f"/{partial_name}").geturl())
            await _run_on_server(f"ALTER DATABASE {partial_name} RENAME TO {whole_name}")
        yield url


def sqlite_path(url: str) -> str:
    """Return the file of an SQLite URL."""
    return url.removeprefix("sqlite://")


async def _run_on_server(statement: str) -> Any:
    connection = await connect(SERVER)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()
