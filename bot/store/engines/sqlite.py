"""The SQLite engine: one writer, read-only readers, BEGIN IMMEDIATE, and transactions that survive cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from stat import S_IMODE
from typing import Any, TypeVar

import aiosqlite
from tortoise.backends.base.client import TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.connection import get_connections

from bot.store.engines import Ownership, Savepoint, acquire, run_to_completion
from bot.store.engines.short_reads import ShortReads
from bot.store.engines.sqlite_statements import (
    commit,
    connect,
    insert,
    on_loop,
    on_thread,
    reads_only,
    roll_back,
    run,
    run_dict,
    run_many,
    run_script,
    translate_errors,
)

T = TypeVar("T")

PRIVATE = 0o600  # a file's mode: only its owner may read and write it
PRAGMAS = {
    "page_size": 8192,  # bytes, of a new database: most rows with a payload are longer than SQLite's default of 4096
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "busy_timeout": 5000,  # milliseconds; less than ACQUIRE_TIMEOUT, so that a waiting request gets a response in time
    "journal_size_limit": 64 * 1024 * 1024,
}
HURRIED_WAIT = 200
"""The busy timeout, in milliseconds, of a process that is about to end."""


def make_private(path: Path) -> None:
    """Create a database file that is missing, and close it to everyone but its owner.

    SQLite gives the files that it creates beside it the same mode. A file of another owner is left as it is.
    """
    with suppress(OSError):  # SQLite's own error says what is wrong
        path.touch(PRIVATE)
        for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            if file.exists() and S_IMODE(file.stat().st_mode) != PRIVATE:
                file.chmod(PRIVATE)


class Statements(SqliteClient):
    """Runs statements: reads on the event loop's thread or on the reader, writes on the writer."""

    _reader: aiosqlite.Connection | None = None
    _short_reads: ShortReads | None = None

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[aiosqlite.Connection]:
        """Lock the writing connection for one statement."""
        await acquire(self._lock)
        try:
            if self._connection is None:
                await self.create_connection(with_db=True)
            assert self._connection is not None  # noqa: S101
            yield self._connection
        finally:
            self._lock.release()

    async def _run(self, function: Callable[..., T], query: str, values: Sequence[Any] | None) -> T:
        if self._short_reads is not None and self._reader is not None and reads_only(query):
            if (result := self._short_reads.read(function, query, values)) is not None:
                return result
            return await on_thread(self._reader, function, query, values)
        async with self.writer() as connection:
            return await self._call(connection, function, query, values)

    async def _call(self, connection: aiosqlite.Connection, function: Callable[..., T], *args: Any) -> T:
        return await on_thread(connection, function, *args)

    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, Sequence[Any]]:
        """Return the number of rows changed or returned, and the rows."""
        return await self._run(run, query, values)

    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        return await self._run(run_dict, query, values)

    async def execute_insert(self, query: str, values: list[Any]) -> Any:
        """Return the id of the inserted row."""
        async with self.writer() as connection:
            return await self._call(connection, insert, query, values)

    async def execute_script(self, query: str) -> None:
        """Run several statements without an implicit commit."""
        async with self.writer() as connection:
            await on_thread(connection, run_script, query)


class Client(Statements):
    """Connections to one database file."""

    _shortening: asyncio.Future[None] | None = None

    def __init__(self, file_path: str, **kwargs: Any) -> None:
        super().__init__(file_path, **kwargs)
        options = {name: value for name, value in kwargs.items() if name not in ("connection_name", "fetch_inserted")}
        self.pragmas = {**PRAGMAS, **options}
        self._path = Path(file_path).absolute()
        self._address = self._path.as_uri()

    async def create_connection(self, with_db: bool) -> None:
        """Open the writer, which creates the file, then the readers."""
        if self._connection is not None:
            return
        make_private(self._path)
        writer, read_only = await connect(self._address, self.pragmas), f"{self._address}?mode=ro"
        try:
            self._reader = await connect(read_only, {"busy_timeout": self.pragmas["busy_timeout"]})
            with translate_errors():
                self._short_reads = ShortReads(read_only)
        except BaseException:
            self._connection = writer
            await self.close()
            raise
        self._connection = writer
        await self._post_connect()

    def give_up_after(self, seconds: float) -> None:
        """Shorten waits for the write lock, so early that a longer one, which nothing can end, is over by then."""
        longest = self.pragmas["busy_timeout"] / 1000
        asyncio.get_running_loop().call_later(seconds - longest, self._shorten_waits)

    def _shorten_waits(self) -> None:
        if self._connection is not None:  # it takes effect after the statement that runs now
            pragma = f"PRAGMA busy_timeout={HURRIED_WAIT}"
            self._shortening = asyncio.ensure_future(on_thread(self._connection, run_script, pragma))

    async def close(self) -> None:
        """Close every connection, the writer last: only it can remove the write-ahead log."""
        if self._short_reads is not None:
            self._short_reads.close()
        connections = [self._reader, self._connection]
        self._short_reads = self._reader = self._connection = None

        async def close_all() -> None:
            for connection in connections:
                if connection is not None:
                    await connection.close()

        await run_to_completion(close_all())

    def _in_transaction(self, *, short: bool = False) -> TransactionContext:
        return Scope(Transaction(self, short=short), self._lock)

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        """Run a statement once for each list of values, all or none of them."""
        async with Scope(Transaction(self), self._lock) as transaction:
            await transaction.execute_many(query, values)


class Transaction(Statements, SqliteTransactionWrapper):
    """The writing connection, inside a transaction.

    The statements of a `short` one run on the event loop's thread: they take less time than handing them to another.
    It begins and ends on the connection's thread, as it may wait for other processes and for the disk then.
    """

    def __init__(self, connection: SqliteClient, ownership: Ownership | None = None, *, short: bool = False) -> None:
        SqliteTransactionWrapper.__init__(self, connection)
        self.ownership, self.short = ownership or Ownership(), short

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[aiosqlite.Connection]:
        """Lock the writing connection for one statement of the task that owns the transaction."""
        self.ownership.check()
        async with self._lock:
            yield self._connection

    def _in_transaction(self) -> TransactionContext:
        return Savepoint(Transaction(self, self.ownership, short=self.short), self.ownership)

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        """Run a statement once for each list of values."""
        async with self.writer() as connection:
            await self._call(connection, run_many, query, values)

    async def _call(self, connection: aiosqlite.Connection, function: Callable[..., T], *args: Any) -> T:
        return on_loop(connection, function, *args) if self.short else await on_thread(connection, function, *args)

    async def begin(self) -> None:
        """Take the write lock at once, so that concurrent processes wait here instead of failing half-way."""
        await on_thread(self._connection, run, "BEGIN IMMEDIATE", None)

    async def commit(self) -> None:
        """Commit; roll back and raise when that fails."""
        self._finalized = True
        await on_thread(self._connection, commit)

    async def rollback(self) -> None:
        """Roll back."""
        self._finalized = True
        await on_thread(self._connection, roll_back)


class Scope(SqliteTransactionContext):
    """The context manager of an outermost transaction."""

    connection: Transaction

    async def __aenter__(self) -> Transaction:
        await acquire(self._trxlock)
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            try:
                if self.connection._connection is not None:
                    await run_to_completion(on_thread(self.connection._connection, roll_back))
            finally:  # the line above raises a second cancellation
                self._trxlock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        return self.connection

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        committed = False

        async def end() -> None:
            nonlocal committed
            if exc_type is not None:
                await self.connection.rollback()
            else:
                await self.connection.commit()
                committed = True

        try:
            await run_to_completion(end())
        finally:
            get_connections().reset(self.token)
            self._trxlock.release()
            self.connection.ownership.close(committed=committed)


client_class = Client
