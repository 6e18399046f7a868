"""Servers to compare the webhook route with: `python -m benchmarks.baselines NAME PORT URL`.

`bare` reads the body and responds 202. `storing` checks the signature and commits the raw body, many requests in one
transaction, and does nothing else. They are optimized as far as we know how, and do not use `bot/`.
"""

from __future__ import annotations

import asyncio
import hmac
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import orjson
from aiohttp import web

from benchmarks.databases import connect, sqlite_path
from benchmarks.load import PATH, SECRET

MAX_BODY_BYTES = 25 * 1024 * 1024

Row = tuple[str, str, bytes]
Write = Callable[[list[Row]], Awaitable[object]]


class GroupCommitter:
    """Commits rows in groups: rows that arrive during a transaction go into the next one."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._pending: list[tuple[Row, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    def put(self, row: Row) -> asyncio.Future[None]:
        """Queue a row; the future is done once the row is committed."""
        done = asyncio.get_running_loop().create_future()
        self._pending.append((row, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return done

    async def _write_all(self) -> None:
        while self._pending:
            batch, self._pending = self._pending, []
            try:
                await self._write([row for row, _ in batch])
            except Exception as error:  # noqa: BLE001 - the error is passed on to the requests
                for _, done in batch:
                    done.set_exception(error)
            else:
                for _, done in batch:
                    if not done.done():
                        done.set_result(None)
        self._writing = None


@asynccontextmanager
async def sqlite_writer(url: str) -> AsyncIterator[Write]:
    """Write with sqlite3 on one thread; commits are flushed to disk."""
    thread = ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()

    def open_database() -> sqlite3.Connection:
        connection = sqlite3.connect(sqlite_path(url), isolation_level=None)
        connection.execute("PRAGMA page_size=8192")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(
            "CREATE TABLE deliveries (id INTEGER PRIMARY KEY, guid TEXT NOT NULL UNIQUE, headers TEXT, body BLOB)"
        )
        return connection

    connection = await loop.run_in_executor(thread, open_database)

    def insert(rows: list[Row]) -> None:
        # a single statement, since the thread has to wait for the GIL after each statement
        placeholders = ", ".join(["(?, ?, ?)"] * len(rows))
        values = [value for row in rows for value in row]
        connection.execute(f"INSERT OR IGNORE INTO deliveries (guid, headers, body) VALUES {placeholders}", values)

    try:
        yield lambda rows: loop.run_in_executor(thread, insert, rows)
    finally:
        await loop.run_in_executor(thread, connection.close)


@asynccontextmanager
async def postgres_writer(url: str) -> AsyncIterator[Write]:
    """Write with asyncpg, with one statement for all rows, which it prepares once for each number of rows."""
    connection = await connect(url)
    await connection.execute(
        "CREATE TABLE deliveries (id BIGSERIAL PRIMARY KEY, guid TEXT NOT NULL UNIQUE, headers TEXT, body BYTEA)"
    )
    await connection.execute(
        "ALTER TABLE deliveries ALTER body SET STORAGE EXTERNAL"
    )  # compression would halve the rate

    async def write(rows: list[Row]) -> None:
        # each value by itself: asyncpg needs twice the time for an array of bodies
        places = ", ".join(f"(${n}, ${n + 1}, ${n + 2})" for n in range(1, 3 * len(rows), 3))
        values = [value for row in rows for value in row]
        await connection.execute(
            f"INSERT INTO deliveries (guid, headers, body) VALUES {places} ON CONFLICT DO NOTHING", *values
        )

    try:
        yield write
    finally:
        await connection.close()


def bare_app() -> web.Application:
    """Return an application that reads the body and responds 202."""

    async def receive(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=202)

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.router.add_post(PATH, receive)
    return app


def storing_app(writer: AbstractAsyncContextManager[Write]) -> web.Application:
    """Return an application that checks the signature, commits the raw body and responds 202."""
    secret = SECRET.encode()
    committers: list[GroupCommitter] = []

    async def receive(request: web.Request) -> web.Response:
        body, headers = await request.read(), request.headers
        signature = "sha256=" + hmac.digest(secret, body, "sha256").hex()
        if not hmac.compare_digest(signature, headers.get("X-Hub-Signature-256", "")):
            return web.Response(status=401)
        stored_headers = orjson.dumps(
            {"event": headers["X-GitHub-Event"], "content_type": request.content_type}
        ).decode()
        await committers[0].put((headers["X-GitHub-Delivery"], stored_headers, body))
        return web.Response(status=202)

    async def open_committer(_: web.Application) -> AsyncIterator[None]:
        async with writer as write:
            committers.append(GroupCommitter(write))
            yield

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.cleanup_ctx.append(open_committer)
    app.router.add_post(PATH, receive)
    return app


def main(name: str, port: int, url: str) -> None:
    """Serve until stopped, on the event loop that Longshore uses."""
    loop = asyncio.new_event_loop()
    with suppress(ImportError):
        import uvloop

        loop = uvloop.new_event_loop()
    writer = sqlite_writer if url.startswith("sqlite") else postgres_writer
    app = bare_app() if name == "bare" else storing_app(writer(url))
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, loop=loop)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
