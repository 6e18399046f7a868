"""Statements of the SQLite engine: functions that run on the thread of a connection, and the call that submits them.

Each runs as one call on that thread, so a canceled task never leaves a half-read cursor behind.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar

import aiosqlite
from tortoise.exceptions import IntegrityError, OperationalError

from bot.errors import DatabaseUnavailable
from bot.store.engines import run_to_completion

T = TypeVar("T")

sqlite3.register_adapter(date, date.isoformat)  # Tortoise's own adapter costs a Python frame for each date

TRANSIENT_ERRORS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,  # another process holds a lock of the write-ahead log for too long
    sqlite3.SQLITE_NOMEM,
}
NOT_ALLOWED = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
WRITES = re.compile(r"\b(insert|update|delete|replace)\b", re.IGNORECASE)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise transient errors of SQLite as DatabaseUnavailable and all others as Tortoise's."""
    try:
        yield
    except sqlite3.Error as exc:
        if getattr(exc, "sqlite_errorcode", 0) & 0xFF in TRANSIENT_ERRORS:
            raise DatabaseUnavailable(_unavailable(exc)) from exc
        if isinstance(exc, sqlite3.IntegrityError):
            raise IntegrityError(exc) from exc
        raise OperationalError(exc) from exc


def _unavailable(error: sqlite3.Error) -> str:
    """What to do about a transient error: waiting does not help against all of them."""
    code = error.sqlite_errorcode & 0xFF
    if code in NOT_ALLOWED:
        return f"The database file or its directory cannot be written ({error}): check their permissions and mount."
    if code == sqlite3.SQLITE_FULL:
        return "The disk of the database is full; try again later."
    return f"The database cannot take this now ({error}); try again in a few seconds."


@lru_cache(maxsize=1024)
def reads_only(query: str) -> bool:
    """Return whether a statement may run on the read-only connection; False when in doubt."""
    first = query.lstrip("( \t\r\n")[:6].upper()
    return first == "SELECT" or (first.startswith("WITH") and not WRITES.search(query))


async def connect(target: str, pragmas: dict[str, Any]) -> aiosqlite.Connection:
    """Open a connection in autocommit mode, and prepare it."""
    connection = aiosqlite.connect(target, uri=True, isolation_level=None, check_same_thread=False)
    connection._thread.daemon = True  # a connection left open must not keep the process from exiting
    with translate_errors():
        await connection
    try:
        await on_thread(connection, prepare, pragmas)
    except BaseException:
        await run_to_completion(connection.close())
        raise
    return connection


async def on_thread(connection: aiosqlite.Connection, function: Callable[..., T], *args: Any) -> T:
    """Call a function on the connection's own thread, after the calls that are already queued there."""
    with translate_errors():
        return await connection._execute(function, connection._conn, *args)  # type: ignore[no-any-return, no-untyped-call]


def on_loop(connection: aiosqlite.Connection, function: Callable[..., T], *args: Any) -> T:
    """Call a function on the event loop's thread, while the connection's own is idle."""
    with translate_errors():
        return function(connection._conn, *args)


def prepare(connection: sqlite3.Connection, pragmas: dict[str, Any]) -> None:
    """Set the row factory and the pragmas of a new connection."""
    connection.row_factory = sqlite3.Row
    for name, value in pragmas.items():
        connection.execute(f"PRAGMA {name}={value}").fetchall()


def run(connection: sqlite3.Connection, query: str, values: Sequence[Any] | None) -> tuple[int, list[sqlite3.Row]]:
    """Run one statement; return the number of rows that it changed (or returned, if it changes none) and the rows."""
    cursor = connection.execute(query, values or ())
    rows = cursor.fetchall()
    return (cursor.rowcount if cursor.rowcount >= 0 else len(rows)), rows


def run_dict(connection: sqlite3.Connection, query: str, values: Sequence[Any] | None) -> list[dict[str, Any]]:
    """Run one statement and return its rows as dictionaries; `dict(row)` would be slower: it looks up each name."""
    cursor = connection.execute(query, values or ())
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def insert(connection: sqlite3.Connection, query: str, values: Sequence[Any]) -> int | None:
    """Run an INSERT and return the id of its row."""
    return connection.execute(query, values).lastrowid


def run_many(connection: sqlite3.Connection, query: str, values: Sequence[Sequence[Any]]) -> None:
    """Run one statement once for each sequence of values."""
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
    """Roll back the open transaction, if any."""
    connection.rollback()


def commit(connection: sqlite3.Connection) -> None:
    """Commit; raise DatabaseUnavailable when SQLite has rolled back by itself, as on a full disk."""
    if not connection.in_transaction:
        raise DatabaseUnavailable("The database has rolled this change back; try again in a few seconds.")
    try:
        connection.commit()
    except sqlite3.Error:
        connection.rollback()
        raise
