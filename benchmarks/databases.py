"""Fresh databases: an SQLite file, and one on the server that LONGSHORE_TEST_DATABASE_URL names."""

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
KINDS = ("sqlite", "postgres") if SERVER.startswith("postgres") else ("sqlite",)
LABELS = {"sqlite": "SQLite", "postgres": "PostgreSQL", "": "none"}
MISSING = "PostgreSQL is not measured: LONGSHORE_TEST_DATABASE_URL names no server."

_numbers = count(1)


async def connect(url: str) -> Any:
    """A plain connection to PostgreSQL."""
    return await import_module("asyncpg").connect(url)


@asynccontextmanager
async def fresh(kind: str) -> AsyncIterator[str]:
    """The address of an empty database, which is gone afterwards."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="longshore-bench-") as folder:
            yield f"sqlite://{Path(folder).as_posix()}/bench.db"
        return
    name = f"longshore_bench_{os.getpid()}_{next(_numbers)}"
    await _on_server(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(SERVER)._replace(path=f"/{name}").geturl()
    finally:
        await _on_server(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def filled(kind: str, name: str, fill: Callable[[str], Awaitable[None]], *, keep: bool) -> AsyncIterator[str]:
    """The address of a database that was filled, now or in an earlier run that kept it under the same name.

    With `keep` it stays: in a file below the folder for temporary files, or on the server as `longshore_bench_NAME`.
    """
    if not keep:
        async with fresh(kind) as url:
            await fill(url)
            yield url
    elif kind == "sqlite":
        file = Path(tempfile.gettempdir()) / "longshore-bench" / f"{name}.db"
        file.parent.mkdir(exist_ok=True)
        if not file.exists():
            part = file.with_suffix(f".{os.getpid()}")
            await fill(f"sqlite://{part.as_posix()}")
            part.rename(file)
        yield f"sqlite://{file.as_posix()}"
    else:
        whole, part_of_it = f"longshore_bench_{name}", f"longshore_bench_{name}_{os.getpid()}"
        url = urlsplit(SERVER)._replace(path=f"/{whole}").geturl()
        if not await _on_server(f"SELECT 1 FROM pg_database WHERE datname = '{whole}'"):
            await _on_server(f"CREATE DATABASE {part_of_it}")
            await fill(urlsplit(SERVER)._replace(path=f"/{part_of_it}").geturl())
            await _on_server(f"ALTER DATABASE {part_of_it} RENAME TO {whole}")
        yield url


def sqlite_file(url: str) -> str:
    """The file of an address that `fresh` gave."""
    return url.removeprefix("sqlite://")


async def _on_server(statement: str) -> Any:
    connection = await connect(SERVER)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()
