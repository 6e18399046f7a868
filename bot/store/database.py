"""The open database: its transactions, and plain SQL that is written once for SQLite and PostgreSQL.

SQL here uses `$1, $2, …` and the part of the language that both databases share. Transient faults (a lock held too
long, a full disk, a lost session) are raised as `bot.errors.DatabaseUnavailable`, by the ORM's calls too.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar, cast

from cachetools import TTLCache
from tortoise.backends.base.client import BaseDBAsyncClient, TransactionContext
from tortoise.context import TortoiseContext, require_context

from bot.store import locks
from bot.store.configuration import CONNECTION, explain_config_errors, sqlite_path, tortoise_config
from bot.store.engines import Ownership, acquire
from bot.store.locks import Lock
from bot.store.notifications import EVENTS, JOBS, Notifier
from bot.store.placeholders import Dialect, bind, bind_many
from bot.store.registry import initialize
from bot.store.users import TokenRecord

log = logging.getLogger(__name__)

Record = TypeVar("Record")

TOKEN_CACHE_SECONDS = 5.0
TOKEN_CACHE_SIZE = 10_000


def _token_cache() -> TTLCache[str, TokenRecord]:
    return TTLCache(TOKEN_CACHE_SIZE, TOKEN_CACHE_SECONDS)


class Database:
    """An open database: until it is closed, every task of this process uses it.

    `recent_tokens` caches tokens by digest for reading requests; another process may have changed them since.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.dialect = dialect_of(url)
        self.path: str | None = sqlite_path(url) if self.dialect == "sqlite" else None
        self.notifier = Notifier(lambda: execute(f"NOTIFY {JOBS}"))
        self.event_notifier = Notifier(lambda: execute(f"NOTIFY {EVENTS}"))
        self.recent_tokens = _token_cache()
        self.turns: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(self.max_writers))
        self.context = OpenContext(self)

    async def open(self) -> None:
        """Connect; raise Misconfigured for a wrong address, DatabaseUnavailable when the server does not respond."""
        config = tortoise_config(self.url)
        try:
            with explain_config_errors():
                with self.context:  # for initialization only: later, every task gets it by the global fallback
                    await initialize(self.context, config, globally=True)
                await self.client.create_connection(with_db=True)
            self.notifier.notifies = self.event_notifier.notifies = self.dialect == "postgres"
        except BaseException:
            await self.close()
            raise

    @property
    def client(self) -> BaseDBAsyncClient:
        """The engine, or the open transaction of the current task."""
        return self.context.connections.get(CONNECTION)

    @property
    def max_writers(self) -> int:
        """How many transactions of one name may be open in this process: half of the pool; one on SQLite."""
        return max(1, cast("Any", self.client).pool_size // 2) if self.dialect == "postgres" else 1

    def forget_tokens(self) -> None:
        """Drop cached tokens. The cache is replaced, so a read in progress writes its stale token to the old one."""
        self.recent_tokens = _token_cache()

    async def listen(self) -> None:
        """Wake workers on other processes' notifications until canceled, reconnecting; return at once on SQLite."""
        await self._listen(JOBS, self.notifier)

    async def listen_for_events(self) -> None:
        """Wake who waits for new audit entries, in the same way."""
        await self._listen(EVENTS, self.event_notifier)

    async def _listen(self, channel: str, notifier: Notifier) -> None:
        if self.dialect != "postgres":
            return
        engine = cast("Any", self.client)
        while True:
            try:
                await engine.listen(channel, notifier.wake)
            except Exception as exc:  # noqa: BLE001 - polling finds the news meanwhile
                log.warning("not listening on %s: %s", channel, exc)
            await asyncio.sleep(1)

    def give_up_after(self, seconds: float) -> None:
        """Let nothing wait for a hung database longer than that: what still waits then raises DatabaseUnavailable.

        For the end of the process: afterwards PostgreSQL cannot be used, and SQLite hardly waits for its write lock.
        """
        cast("Any", self.client).give_up_after(seconds)

    async def close(self) -> None:
        """Close every connection."""
        await self.notifier.close()
        await self.event_notifier.close()
        await self.context.close_connections()


class OpenContext(TortoiseContext):
    """Tortoise's registry of open connections, with the database that they belong to."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database


def dialect_of(url: str) -> Dialect:
    """Return the dialect of the database at `url`."""
    return "sqlite" if url.startswith("sqlite") else "postgres"


async def open_database(url: str) -> Database:
    """Open the database at `url` for this process.

    `url` is `sqlite:///absolute/path.db`, `sqlite://relative.db` or `postgres://user:password@host:port/name` with the
    words of libpq (docs/postgresql.md). Raises Misconfigured for any other URL and for a server that refuses us,
    DatabaseUnavailable when it does not respond.
    """
    database = Database(url)
    await database.open()
    return database


def current() -> Database:
    """Return the open database; raise RuntimeError when none is open."""
    context = require_context()
    if not isinstance(context, OpenContext):
        raise RuntimeError("No database is open.")
    return context.database


def dialect() -> Dialect:
    """Return the dialect of the open database."""
    return current().dialect


def transaction() -> TransactionContext:
    """Open a transaction (`async with transaction():`); inside another one, a savepoint that commits only with it.

    Only the task that opened it may use it, and it may wait for nothing but the database meanwhile.
    """
    return current().client._in_transaction()


class _Undone(Exception):
    pass


@asynccontextmanager
async def rehearsal() -> AsyncIterator[None]:
    """Open a transaction whose changes are undone at its end: nothing of it is seen, or told to anybody."""
    with suppress(_Undone):
        async with transaction():
            yield
            raise _Undone


@asynccontextmanager
async def exclusive_transaction(name: str) -> AsyncIterator[None]:
    """Open a transaction that excludes all others of the same name, in all processes.

    Within this process they queue before taking a connection, so waiting ones do not exhaust the pool. Raises
    Unavailable when the wait is too long.
    """
    async with _turn(name, locks.of_everything(name), short=False):
        yield


@asynccontextmanager
async def shared_transaction(name: str, taken: Iterable[Lock], *, short: bool = False) -> AsyncIterator[None]:
    """Open a transaction that excludes exclusive ones of that name, and those that take a lock that it takes.

    It waits for a turn as `exclusive_transaction` does. `short`: none of its statements takes more than a fraction of a
    millisecond, so that SQLite runs them on the event loop's thread.
    """
    opening = "; ".join(filter(None, (locks.of_everything(name, shared=True), locks.statements(taken))))
    async with _turn(name, opening, short=short):
        yield


@asynccontextmanager
async def _turn(name: str, opening: str, *, short: bool) -> AsyncIterator[None]:
    refuse_in_transaction("a wait for locks")  # a savepoint would come after locks that the transaction already has
    database = current()
    turns, client = database.turns[name], cast("Any", database.client)
    await acquire(turns)
    try:
        postgres = database.dialect == "postgres"
        async with client._in_transaction(opening) if postgres else client._in_transaction(short=short):
            yield
    finally:
        turns.release()


async def take(more: Iterable[Lock]) -> None:
    """Wait for more locks, inside a transaction; all come after those that it has already."""
    if dialect() == "postgres" and (sql := locks.statements(more)):
        await current().client.execute_script(sql)


def in_transaction() -> bool:
    """Return whether the current task is inside a transaction."""
    ownership = _ownership()
    return ownership is not None and ownership.open


def _ownership() -> Ownership | None:
    return getattr(current().client, "ownership", None)


def refuse_in_transaction(action: str) -> None:
    """Raise RuntimeError inside a transaction: `action` waits for something other than the database."""
    if in_transaction():
        raise RuntimeError(f"A transaction is open during: {action}. Commit first.")


def after_commit(callback: Callable[[], None]) -> None:
    """Call `callback` after the outermost transaction commits, or at once when none is open; a rollback drops it."""
    ownership = _ownership()
    if ownership is None:
        callback()
    else:
        ownership.check()
        ownership.callbacks.append(callback)


async def fetch(sql: str, *args: Any) -> list[dict[str, Any]]:
    """Return the rows of a statement as dictionaries; inside a transaction they include its own changes."""
    database = current()
    return await database.client.execute_query_dict(*bind(database.dialect, sql, args))


async def fetch_as(record: type[Record], sql: str, *args: Any) -> list[Record]:
    """Return the rows of a statement as dictionaries that the type checker knows as `record`, a TypedDict."""
    return cast("list[Record]", await fetch(sql, *args))


async def execute(sql: str, *args: Any) -> int:
    """Run an INSERT, UPDATE or DELETE and return the number of rows changed."""
    database = current()
    return (await database.client.execute_query(*bind(database.dialect, sql, args)))[0]


async def execute_many(sql: str, rows: list[list[Any]]) -> None:
    """Run one INSERT, UPDATE or DELETE once for each list of arguments."""
    database = current()
    sql, rows = bind_many(database.dialect, sql, rows)
    if rows:
        await database.client.execute_many(sql, rows)


async def reserve_ids(table: str, count: int) -> list[int]:
    """Return `count` ids for rows that the current transaction inserts into `table`."""
    if dialect() == "postgres":
        numbers = "SELECT nextval(pg_get_serial_sequence($1, 'id')) AS id FROM generate_series(1, $2)"
        return [row["id"] for row in await fetch(numbers, table, count)]
    rows = await fetch("SELECT seq FROM sqlite_sequence WHERE name = $1", table)
    last = int(rows[0]["seq"]) if rows else 0
    return list(range(last + 1, last + 1 + count))
