"""What our webhook route is measured against, each a server of its own: `python -m benchmarks.rivals KIND PORT URL`.

`bare` reads the body and answers 202. `plain` checks the signature and commits the raw body, many requests in one
transaction, and does nothing else. They are written as well as we can, and use nothing of `bot/`.
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

from benchmarks.databases import connect, sqlite_file
from benchmarks.load import PATH, SECRET

LARGEST = 25 * 1024 * 1024

Row = tuple[str, str, bytes]
Write = Callable[[list[Row]], Awaitable[object]]


class Committer:
    """Group commit: what arrives while one transaction is written goes into the next."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: list[tuple[Row, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    def put(self, row: Row) -> asyncio.Future[None]:
        """A future that is done once the row is committed."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((row, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return done

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await self._write([row for row, _ in batch])
            except Exception as error:  # noqa: BLE001 - it is the requests' error
                for _, done in batch:
                    done.set_exception(error)
            else:
                for _, done in batch:
                    if not done.done():
                        done.set_result(None)
        self._writing = None


@asynccontextmanager
async def sqlite_writer(url: str) -> AsyncIterator[Write]:
    """Write with sqlite3 on one thread, on disk before it counts."""
    thread = ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()

    def opened() -> sqlite3.Connection:
        connection = sqlite3.connect(sqlite_file(url), isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(
            "CREATE TABLE deliveries (id INTEGER PRIMARY KEY, guid TEXT NOT NULL UNIQUE, headers TEXT, body BLOB)"
        )
        return connection

    connection = await loop.run_in_executor(thread, opened)

    def insert(rows: list[Row]) -> None:
        # one statement, not one a row: after each, the thread waits until it gets the interpreter's lock back
        places = ", ".join(["(?, ?, ?)"] * len(rows))
        values = [value for row in rows for value in row]
        connection.execute(f"INSERT OR IGNORE INTO deliveries (guid, headers, body) VALUES {places}", values)

    try:
        yield lambda rows: loop.run_in_executor(thread, insert, rows)
    finally:
        await loop.run_in_executor(thread, connection.close)


@asynccontextmanager
async def postgres_writer(url: str) -> AsyncIterator[Write]:
    """Write with asyncpg, one statement for all rows."""
    connection = await connect(url)
    await connection.execute(
        "CREATE TABLE deliveries (id BIGSERIAL PRIMARY KEY, guid TEXT NOT NULL UNIQUE, headers TEXT, body BYTEA)"
    )
    await connection.execute(
        "ALTER TABLE deliveries ALTER body SET STORAGE EXTERNAL"
    )  # compressing costs half the rate
    insert = await connection.prepare(
        "INSERT INTO deliveries (guid, headers, body) "
        "SELECT * FROM unnest($1::TEXT[], $2::TEXT[], $3::BYTEA[]) ON CONFLICT DO NOTHING"
    )

    async def write(rows: list[Row]) -> None:
        await insert.fetch(*map(list, zip(*rows, strict=True)))

    try:
        yield write
    finally:
        await connection.close()


def bare() -> web.Application:
    """Read the body and answer."""

    async def receive(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=202)

    app = web.Application(client_max_size=LARGEST)
    app.router.add_post(PATH, receive)
    return app


def plain(writing: AbstractAsyncContextManager[Write]) -> web.Application:
    """Check the signature, commit the raw body, answer."""
    secret = SECRET.encode()
    committers: list[Committer] = []

    async def receive(request: web.Request) -> web.Response:
        body, headers = await request.read(), request.headers
        signature = "sha256=" + hmac.digest(secret, body, "sha256").hex()
        if not hmac.compare_digest(signature, headers.get("X-Hub-Signature-256", "")):
            return web.Response(status=401)
        kept = orjson.dumps({"event": headers["X-GitHub-Event"], "content_type": request.content_type}).decode()
        await committers[0].put((headers["X-GitHub-Delivery"], kept, body))
        return web.Response(status=202)

    async def opened(_: web.Application) -> AsyncIterator[None]:
        async with writing as write:
            committers.append(Committer(write))
            yield

    app = web.Application(client_max_size=LARGEST)
    app.cleanup_ctx.append(opened)
    app.router.add_post(PATH, receive)
    return app


def main(kind: str, port: int, url: str) -> None:
    """Serve until told to stop, on the event loop that ours uses."""
    loop = asyncio.new_event_loop()
    with suppress(ImportError):
        import uvloop

        loop = uvloop.new_event_loop()
    writer = sqlite_writer if url.startswith("sqlite") else postgres_writer
    app = bare() if kind == "bare" else plain(writer(url))
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, loop=loop)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
