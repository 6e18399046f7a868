"""Outages of the database, made for real: lost sessions, no connections, no writes, a full disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from bot.store.database import current, fetch, transaction
from tests.conftest import execute_on_server, postgres


def name_of(url: str) -> str:
    """The name of the PostgreSQL database at `url`."""
    return urlsplit(url).path.strip("/")


async def end_sessions(url: str) -> None:
    """End every session of a PostgreSQL database, as an administrator or a restart does."""
    await execute_on_server(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(url)}'")


@asynccontextmanager
async def unreachable(url: str) -> AsyncIterator[None]:
    """End every session of a PostgreSQL database, and let it take no others meanwhile."""
    await execute_on_server(f"ALTER DATABASE {name_of(url)} WITH ALLOW_CONNECTIONS false")
    try:
        await end_sessions(url)
        yield
    finally:
        await execute_on_server(f"ALTER DATABASE {name_of(url)} WITH ALLOW_CONNECTIONS true")


@asynccontextmanager
async def read_only(url: str) -> AsyncIterator[None]:
    """Let a database take no writes meanwhile.

    Sessions with PostgreSQL begin anew and stay read-only until they end, as those with a former primary do.
    """
    if not postgres():
        await pragma("query_only = ON")
        try:
            yield
        finally:
            await pragma("query_only = OFF")
        return
    await execute_on_server(f"ALTER DATABASE {name_of(url)} SET default_transaction_read_only = on")
    try:
        await end_sessions(url)
        yield
    finally:
        await execute_on_server(f"ALTER DATABASE {name_of(url)} RESET default_transaction_read_only")


@asynccontextmanager
async def full_disk() -> AsyncIterator[None]:
    """Let the SQLite file grow no more meanwhile."""
    async with transaction():
        [pages] = (await fetch("PRAGMA page_count"))[0].values()
    await pragma(f"max_page_count = {pages}")
    try:
        yield
    finally:
        await pragma("max_page_count = 1000000")


async def pragma(statement: str) -> None:
    """Set a pragma of the SQLite connection that writes."""
    await current().client.execute_script(f"PRAGMA {statement}")


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Wait until a condition holds; fail when it does not within some seconds."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)
