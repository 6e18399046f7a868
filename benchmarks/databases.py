"""Fresh, empty databases: an SQLite file, and one on the server that LONGSHORE_TEST_DATABASE_URL names."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
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


def sqlite_file(url: str) -> str:
    """The file of an address that `fresh` gave."""
    return url.removeprefix("sqlite://")


async def _on_server(statement: str) -> None:
    connection = await connect(SERVER)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
