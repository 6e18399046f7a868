"""The SQLite engine: one writer, read-only readers, BEGIN IMMEDIATE, and transactions that survive cancellation.

A statement runs as one call on the connection's thread, so a cancelled task never leaves a half-read cursor behind.
Reads that are over in a moment do without that thread: decision 006.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from cachetools import TTLCache
from tortoise.backends.base.client import TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.connection import get_connections
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from bot.errors import Unavailable
from bot.store.engines import Ownership, Savepoint, acquire, uncancelled

T = TypeVar("T")

sqlite3.register_adapter(date, date.isoformat)  # tortoise's own goes through Python for each

PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "busy_timeout": 5000,  # milliseconds; below PATIENCE, so that a waiting request is answered in time
    "journal_size_limit": 64 * 1024 * 1024,
}
PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
}
MOMENT = 0.001  # seconds that a read may hold the event loop
STEPS = 1000  # of SQLite's machine between two looks at the clock: some 20 microseconds
LONG_FOR, MOST_LONG = 1.0, 1024  # seconds that a statement counts as a long one, and how many are known
COUNTS_ALL = re.compile(r"\s*SELECT\s+count\(\*\)(?!.*\bWHERE\b)", re.IGNORECASE | re.DOTALL)
WRITES = re.compile(r"\b(insert|update|delete|replace)\b", re.IGNORECASE)


@lru_cache(maxsize=1024)
def reads_only(query: str) -> bool:
    """Whether a statement may run on the read-only connection; when in doubt it may not."""
    first = query.lstrip("( \t\r\n")[:6].upper()
    return first == "SELECT" or (first.startswith("WITH") and not WRITES.search(query))


@contextmanager
def plainly() -> Iterator[None]:
    """Turn SQLite's errors into tortoise's, and those that pass by themselves into Unavailable."""
    try:
        yield
    except sqlite3.Error as exc:
        if getattr(exc, "sqlite_errorcode", 0) & 0xFF in PASSING:
            raise Unavailable(f"The database cannot take this now ({exc}); try again in a few seconds.") from exc
        if isinstance(exc, sqlite3.IntegrityError):
            raise IntegrityError(exc) from exc
        raise OperationalError(exc) from exc


@lru_cache(maxsize=1024)
def is_one_step(query: str) -> bool:
    """Whether SQLite does it all in one step of its machine, however long that is: it counts a whole table."""
    return COUNTS_ALL.match(query) is not None


class Glance:
    """Reads on the event loop's own thread: handing one to another thread and back takes far longer than most reads do.

    What is not over in a moment is broken off, and for a while its like is not tried again.
    """

    def __init__(self, address: str, moment: float = MOMENT) -> None:
        self._moment, self._until = moment, 0.0
        self._long: TTLCache[str, bool] = TTLCache(MOST_LONG, LONG_FOR)
        self._connection = sqlite3.connect(address, uri=True, timeout=0, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.set_progress_handler(self._is_late, STEPS)

    def _is_late(self) -> bool:
        return time.monotonic() > self._until

    def read(self, how: Callable[..., T], query: str, values: Sequence[Any] | None) -> T | None:
        """What a function gives; nothing where it takes longer or fails: another thread has the time, and the error."""
        if query in self._long or is_one_step(query):
            return None
        self._until = time.monotonic() + self._moment
        try:
            found = how(self._connection, query, values)
            if self._is_late():
                self._long[query] = True
            return found
        except sqlite3.Error as exc:
            if getattr(exc, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
                self._long[query] = True
            return None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


async def on_thread(connection: aiosqlite.Connection, function: Callable[..., T], *args: Any) -> T:
    """Run one function on the connection's own thread, after whatever was given to it before."""
    with plainly():
        return await connection._execute(function, connection._conn, *args)  # type: ignore[no-any-return, no-untyped-call]


def run(connection: sqlite3.Connection, query: str, values: Sequence[Any] | None) -> tuple[int, list[sqlite3.Row]]:
    """Run one statement to its end: how many rows it changed (or gave, if it changes none) and the rows it gave."""
    cursor = connection.execute(query, values or ())
    rows = cursor.fetchall()
    return (cursor.rowcount if cursor.rowcount >= 0 else len(rows)), rows


def run_dict(connection: sqlite3.Connection, query: str, values: Sequence[Any] | None) -> list[dict[str, Any]]:
    """Run one statement to its end: the rows it gave. `dict` of a row looks each of its names up among all of them."""
    cursor = connection.execute(query, values or ())
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def insert(connection: sqlite3.Connection, query: str, values: Sequence[Any]) -> int | None:
    """Run an INSERT and give the number of its row."""
    return connection.execute(query, values).lastrowid


def run_many(connection: sqlite3.Connection, query: str, values: Sequence[Sequence[Any]]) -> None:
    """Run one statement once for each tuple of values."""
    connection.executemany(query, values)


def run_script(connection: sqlite3.Connection, script: str) -> None:
    """Run statements one by one: sqlite3's own `executescript` would first commit the open transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    if statement.strip():
        connection.execute(statement)


def roll_back(connection: sqlite3.Connection) -> None:
    """Leave the transaction, if there is one."""
    connection.rollback()


def commit(connection: sqlite3.Connection) -> None:
    """Commit; TransactionManagementError when SQLite has rolled back by itself (a full disk does that)."""
    if not connection.in_transaction:
        raise TransactionManagementError("The database has undone this transaction.")
    try:
        connection.commit()
    except sqlite3.Error:
        connection.rollback()
        raise


def prepare(connection: sqlite3.Connection, pragmas: dict[str, Any]) -> None:
    """Make a fresh connection ours."""
    connection.row_factory = sqlite3.Row
    for name, value in pragmas.items():
        connection.execute(f"PRAGMA {name}={value}").fetchall()


async def connect(target: str, pragmas: dict[str, Any]) -> aiosqlite.Connection:
    """Open one connection in autocommit mode; it is closed again when anything goes wrong on the way."""
    connection = aiosqlite.connect(target, uri=True, isolation_level=None)
    connection._thread.daemon = True  # one that is left open must not keep the process from ending
    with plainly():
        await connection
    try:
        await on_thread(connection, prepare, pragmas)
    except BaseException:
        await uncancelled(connection.close())
        raise
    return connection


class Statements(SqliteClient):
    """How statements run, inside and outside a transaction."""

    _reader: aiosqlite.Connection | None = None
    _glance: Glance | None = None

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[aiosqlite.Connection]:
        """The writing connection, for one statement."""
        await acquire(self._lock)
        try:
            if self._connection is None:
                await self.create_connection(with_db=True)
            assert self._connection is not None  # noqa: S101
            yield self._connection
        finally:
            self._lock.release()

    async def _run(self, how: Callable[..., T], query: str, values: Sequence[Any] | None) -> T:
        if self._glance is not None and self._reader is not None and reads_only(query):
            if (found := self._glance.read(how, query, values)) is not None:
                return found
            return await on_thread(self._reader, how, query, values)
        async with self.writer() as connection:
            return await on_thread(connection, how, query, values)

    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, Sequence[Any]]:
        """The number of rows changed or given, and the rows."""
        return await self._run(run, query, values)

    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        return await self._run(run_dict, query, values)

    async def execute_insert(self, query: str, values: list[Any]) -> Any:
        """The number of the inserted row."""
        async with self.writer() as connection:
            return await on_thread(connection, insert, query, values)

    async def execute_script(self, query: str) -> None:
        """Several statements, without an implicit commit."""
        async with self.writer() as connection:
            await on_thread(connection, run_script, query)


class Client(Statements):
    """One database file."""

    def __init__(self, file_path: str, **kwargs: Any) -> None:
        super().__init__(file_path, **kwargs)
        own = {name: value for name, value in kwargs.items() if name not in ("connection_name", "fetch_inserted")}
        self.pragmas = {**PRAGMAS, **own}
        self._address = Path(file_path).absolute().as_uri()

    async def create_connection(self, with_db: bool) -> None:
        """Open the writer, then the readers."""
        if self._connection is not None:
            return
        writer, to_read = await connect(self._address, self.pragmas), f"{self._address}?mode=ro"
        try:
            self._reader = await connect(to_read, {"busy_timeout": self.pragmas["busy_timeout"]})
            with plainly():
                self._glance = Glance(to_read)
        except BaseException:
            self._connection = writer
            await self.close()
            raise
        self._connection = writer
        await self._post_connect()

    async def close(self) -> None:
        """Close all; the writer last, since only it can tidy the write-ahead log away."""
        if self._glance is not None:
            self._glance.close()
        connections = [self._reader, self._connection]
        self._glance = self._reader = self._connection = None

        async def close_each() -> None:
            for connection in connections:
                if connection is not None:
                    await connection.close()

        await uncancelled(close_each())

    def _in_transaction(self) -> TransactionContext:
        return Scope(Transaction(self), self._lock)

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        """One statement for each list of values, all or none."""
        async with Scope(Transaction(self), self._lock) as transaction:
            await transaction.execute_many(query, values)


class Transaction(Statements, SqliteTransactionWrapper):
    """The writer, inside a transaction."""

    def __init__(self, connection: SqliteClient, ownership: Ownership | None = None) -> None:
        SqliteTransactionWrapper.__init__(self, connection)
        self.ownership = ownership or Ownership()

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[aiosqlite.Connection]:
        """The writing connection, for its owner."""
        self.ownership.check()
        async with self._lock:
            yield self._connection

    def _in_transaction(self) -> TransactionContext:
        return Savepoint(Transaction(self, self.ownership), self.ownership)

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        """One statement for each list of values."""
        async with self.writer() as connection:
            await on_thread(connection, run_many, query, values)

    async def begin(self) -> None:
        """Begin as a writer, so that two processes wait for each other instead of failing half-way."""
        await on_thread(self._connection, run, "BEGIN IMMEDIATE", None)

    async def commit(self) -> None:
        """Commit, or undo and raise."""
        self._finalized = True
        await on_thread(self._connection, commit)

    async def rollback(self) -> None:
        """Undo everything."""
        self._finalized = True
        await on_thread(self._connection, roll_back)


class Scope(SqliteTransactionContext):
    """`async with` around one outermost transaction."""

    connection: Transaction

    async def __aenter__(self) -> Transaction:
        await acquire(self._trxlock)
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            try:
                if self.connection._connection is not None:
                    await uncancelled(on_thread(self.connection._connection, roll_back))
            finally:  # a second cancellation comes out of the line above
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
            await uncancelled(end())
        finally:
            get_connections().reset(self.token)
            self._trxlock.release()
            self.connection.ownership.close(committed=committed)


client_class = Client
