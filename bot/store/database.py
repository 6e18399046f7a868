"""Opening the database, transactions, and plain SQL that is written once for both of them.

SQL here uses `$1, $2, …` and the part of the language that SQLite and PostgreSQL share. Whatever passes by itself (a
lock held too long, a full disk, a server that restarts) is raised as `bot.errors.Unavailable`, by the ORM's calls too.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import Context
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import unquote, urlsplit

from tortoise.backends.base.client import BaseDBAsyncClient, TransactionContext
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.context import TortoiseContext, require_context
from tortoise.exceptions import ConfigurationError, DBConnectionError

from bot.errors import Misconfigured, Unavailable
from bot.store import MODELS
from bot.store.engines import Ownership, acquire

log = logging.getLogger(__name__)

Dialect = Literal["sqlite", "postgres"]

CHANNEL = "longshore_jobs"
NAME = "default"
POSTGRES = ("postgres", "postgresql")
LONG_SQL = 10_000  # characters of a statement that is not kept to be asked again
RECENT, MOST_RECENT = 5.0, 10_000  # seconds, and how much is kept as long as that


class JobNotifier:
    """Wakes whoever waits for jobs: in this process by event, in others by NOTIFY where the database has it."""

    def __init__(self) -> None:
        self.events: set[asyncio.Event] = set()
        self.notifies = False
        self._rung = False
        self._notifying: asyncio.Task[None] | None = None

    def sound(self) -> None:
        """Wake this process only."""
        for event in self.events:
            event.set()

    def ring(self) -> None:
        """Wake this process and the others; many rings in a moment become one notification."""
        self.sound()
        self._rung = True
        if self.notifies and (self._notifying is None or self._notifying.done()):
            # an empty context: the ringing task's own may hold a transaction
            self._notifying = asyncio.get_running_loop().create_task(self._notify(), context=Context())

    async def _notify(self) -> None:
        while self._rung:
            self._rung = False
            with suppress(Unavailable):  # polling finds the job
                await execute(f"NOTIFY {CHANNEL}")
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Stop ringing."""
        self.notifies = False
        if self._notifying is not None:
            self._notifying.cancel()
            await asyncio.wait([self._notifying])


class Recent:
    """What was read a moment ago, for those who only read: in other processes it may have changed since."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Any]] = {}

    def get(self, key: str) -> Any:
        """What was kept less than RECENT seconds ago; None when nothing was."""
        until, value = self._kept.get(key, (0.0, None))
        return value if until > time.monotonic() else None

    def keep(self, key: str, value: Any) -> Any:
        """Keep something; gives it."""
        if len(self._kept) >= MOST_RECENT:
            self._kept.clear()
        self._kept[key] = time.monotonic() + RECENT, value
        return value


class Database:
    """An open database. While it is open, it is the one that every task of this process uses."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.dialect: Dialect = "sqlite" if url.startswith("sqlite") else "postgres"
        self.path: str | None = sqlite_path(url) if self.dialect == "sqlite" else None
        self.bell = JobNotifier()
        self.recent = Recent()
        self.turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.context = OpenContext(self)

    async def open(self) -> None:
        """Connect; Misconfigured when the address is wrong, Unavailable when nothing answers there."""
        settings = configuration(self.url)
        try:
            with settings_explained():
                with self.context:  # only while it begins: afterwards every task finds it by the fallback
                    await self.context.init(config=settings, _enable_global_fallback=True)
                await self.client.create_connection(with_db=True)
            self.bell.notifies = self.dialect == "postgres"
        except BaseException:
            await self.close()
            raise

    @property
    def client(self) -> BaseDBAsyncClient:
        """The engine, as the asking task sees it: the transaction's while one is open."""
        return self.context.connections.get(NAME)

    def forget(self) -> None:
        """Forget what was read a moment ago. Whoever is reading just now keeps it where nobody looks any more."""
        self.recent = Recent()

    async def listen(self) -> None:
        """Hear other processes' notifications until cancelled, reconnecting; returns at once where there are none."""
        if self.dialect != "postgres":
            return
        engine = cast("Any", self.client)
        while True:
            try:
                await engine.listen(CHANNEL, self.bell.sound)
            except Exception as exc:  # noqa: BLE001 - whatever it is, polling finds the jobs meanwhile
                log.warning("not listening for jobs: %s", exc)
            await asyncio.sleep(1)

    async def close(self) -> None:
        """Close every connection."""
        await self.bell.close()
        await self.context.close_connections()


class OpenContext(TortoiseContext):
    """Tortoise's own record of what is open, with our database beside it."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database


@contextmanager
def settings_explained() -> Iterator[None]:
    """Turn tortoise's complaints about the settings into Misconfigured."""
    try:
        yield
    except (ConfigurationError, DBConnectionError) as exc:
        raise Misconfigured(f"The database address is wrong: {exc}") from exc


def sqlite_path(url: str) -> str:
    """The file that `sqlite:///absolute.db`, `sqlite://relative.db` names; Misconfigured when it can be none."""
    parts = urlsplit(url)
    path = unquote(parts.netloc + parts.path)
    if not path or path == ":memory:":
        raise Misconfigured("A sqlite address names a file, as in sqlite:///var/lib/longshore/longshore.db.")
    file = Path(path).absolute()
    if not file.parent.is_dir():
        raise Misconfigured(f"The directory {file.parent} for the database is not there.")
    if file.is_dir():
        raise Misconfigured(f"{file} is a directory: name a file in it for the database.")
    return str(file)


def connection_settings(url: str) -> dict[str, Any]:
    """Tortoise's description of the connection that an address names; Misconfigured when it names none of ours."""
    scheme = url.partition("://")[0]
    if scheme == "sqlite":
        return {"engine": "bot.store.engines.sqlite", "credentials": {"file_path": sqlite_path(url)}}
    if scheme not in POSTGRES:
        raise Misconfigured(f"{scheme!r} is not a database that Longshore knows: sqlite or postgres.")
    try:
        import_module("asyncpg")
    except ModuleNotFoundError:
        raise Misconfigured("PostgreSQL needs asyncpg: pip install 'longshore[postgres]'.") from None
    credentials = expand_db_url(url.replace(scheme, "asyncpg", 1))["credentials"]
    return {"engine": "bot.store.engines.postgres", "credentials": credentials}


def configuration(url: str) -> dict[str, Any]:
    """Tortoise's whole configuration for an address."""
    app = {"models": MODELS, "default_connection": NAME, "migrations": "bot.store.migrations"}
    return {"connections": {NAME: connection_settings(url)}, "apps": {"models": app}, "use_tz": True, "timezone": "UTC"}


async def open_database(url: str) -> Database:
    """Open the database at an address for this process.

    `sqlite:///absolute/path.db`, `sqlite://relative.db` or `postgres://user:password@host:port/name`, to which
    `?maxsize=20` adds the size of the pool. Raises Misconfigured for another address, Unavailable when nothing answers.
    """
    database = Database(url)
    await database.open()
    return database


def current() -> Database:
    """The open database; RuntimeError when none is open."""
    context = require_context()
    if not isinstance(context, OpenContext):
        raise RuntimeError("No database is open.")
    return context.database


def dialect() -> Dialect:
    """Which database is open."""
    return current().dialect


def transaction() -> TransactionContext:
    """`async with transaction():` all or nothing. Inside another one it is a savepoint of it, committed only with it.

    Only the task that opened it may use it, and it may wait for nothing but the database meanwhile.
    """
    return current().client._in_transaction()


@asynccontextmanager
async def exclusive_transaction(name: str) -> AsyncIterator[None]:
    """A transaction while which there is no other of its name, in this process or another one.

    Those of this process wait before they take a connection, of which others have need. Unavailable when it takes long.
    """
    lock = current().turns[name]
    await acquire(lock)
    try:
        async with transaction():
            if dialect() == "postgres":
                await fetch("SELECT pg_advisory_xact_lock(hashtext($1))", name)
            yield
    finally:
        lock.release()


def in_transaction() -> bool:
    """Whether this task is inside a transaction."""
    ownership = _ownership()
    return ownership is not None and ownership.open


def _ownership() -> Ownership | None:
    return getattr(current().client, "ownership", None)


def refuse_in_transaction(what: str) -> None:
    """Raise RuntimeError when a transaction is open here: `what` waits for something other than the database."""
    if in_transaction():
        raise RuntimeError(f"A transaction is open during: {what}. Commit first.")


def after_commit(callback: Callable[[], None]) -> None:
    """Call back once the outermost transaction is committed, and never if it is undone; at once when none is open."""
    ownership = _ownership()
    if ownership is None:
        callback()
    else:
        ownership.check()
        ownership.callbacks.append(callback)


@lru_cache(maxsize=1024)
def in_order(sql: str) -> tuple[str, tuple[int, ...]]:
    """A statement with `?` for each `$n`, and which argument each of them takes.

    SQLite knows `?1` too, but Python binds a sequence to nameless places only.
    """
    return re.sub(r"\$\d+", "?", sql), tuple(int(number) - 1 for number in re.findall(r"\$(\d+)", sql))


def for_engine(database: Database, sql: str, args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """A statement and its arguments as the open database takes them."""
    if database.dialect == "postgres":
        return sql, list(args)
    sql, places = in_order(sql) if len(sql) < LONG_SQL else in_order.__wrapped__(sql)
    return sql, [args[place] for place in places]


async def fetch(sql: str, *args: Any) -> list[dict[str, Any]]:
    """The rows that a statement gives, as dictionaries; inside a transaction it sees that transaction's changes."""
    database = current()
    return await database.client.execute_query_dict(*for_engine(database, sql, args))


async def execute(sql: str, *args: Any) -> int:
    """Run an INSERT, UPDATE or DELETE; the number of rows that it changed."""
    database = current()
    return (await database.client.execute_query(*for_engine(database, sql, args)))[0]


async def execute_many(sql: str, rows: list[list[Any]]) -> None:
    """Run one INSERT, UPDATE or DELETE for each list of arguments."""
    database = current()
    if database.dialect == "sqlite":
        sql, places = in_order(sql)
        if places != tuple(range(len(places))):
            rows = [[row[place] for place in places] for row in rows]
    if rows:
        await database.client.execute_many(sql, rows)


async def next_numbers(table: str, count: int) -> list[int]:
    """The numbers of rows to be added to a table, inside the transaction that adds them."""
    if dialect() == "postgres":
        numbers = "SELECT nextval(pg_get_serial_sequence($1, 'id')) AS id FROM generate_series(1, $2)"
        return [row["id"] for row in await fetch(numbers, table, count)]
    rows = await fetch("SELECT seq FROM sqlite_sequence WHERE name = $1", table)
    last = int(rows[0]["seq"]) if rows else 0
    return list(range(last + 1, last + 1 + count))
