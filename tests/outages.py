"""Outages of the database, made for real: lost sessions, no connections, no writes, a full disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
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


class Proxy:
    """Passes bytes on to a database, until it is frozen: then sockets stay open, and no byte passes."""

    def __init__(self) -> None:
        self._flows = asyncio.Event()
        self._flows.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def freeze(self) -> None:
        """Pass nothing more, on no connection."""
        self._flows.clear()

    async def close(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def connect_to(self, host: str, port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        """The callback of a server: pass a connection on to this address."""

        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            back, forth = await asyncio.open_connection(host, port)
            try:
                await asyncio.wait(
                    [self._start(self._pump(reader, forth)), self._start(self._pump(back, writer))],
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                forth.close()
                writer.close()

        def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._start(pass_on(reader, writer))

        return on_connection

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def behind_proxy(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy in front of a PostgreSQL database, and the URL of the database through it."""
    parts = urlsplit(url)
    proxy = Proxy()
    server = await asyncio.start_server(proxy.connect_to(parts.hostname or "", parts.port or 5432), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}"
    try:
        yield proxy, parts._replace(netloc=netloc).geturl()
    finally:
        server.close()
        await proxy.close()


@asynccontextmanager
async def locked(path: str) -> AsyncIterator[None]:
    """Hold the write lock of a SQLite file meanwhile, as another process may."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        yield


@asynccontextmanager
async def hanging(url: str) -> AsyncIterator[tuple[str, Callable[[], Awaitable[None]]]]:
    """A URL of the database, and a function from whose call on that database hangs."""
    async with AsyncExitStack() as stack:
        if not postgres():
            yield url, lambda: stack.enter_async_context(locked(url.removeprefix("sqlite://")))
            return
        proxy, address = await stack.enter_async_context(behind_proxy(url))

        async def freeze() -> None:
            proxy.freeze()

        yield address, freeze
