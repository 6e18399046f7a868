"""The PostgreSQL engine: pooled transactions that survive cancellation, and a listener for wake-ups.

Importing this module needs `asyncpg`, which the extra `postgres` installs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast

import asyncpg  # type: ignore[import-untyped]
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    ConnectionWrapper,
    PoolConnectionWrapper,
    TransactionalDBClient,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.backends.base_postgres.client import translate_exceptions
from tortoise.connection import get_connections
from tortoise.exceptions import DBConnectionError

from bot.errors import Unavailable
from bot.store.engines import PATIENCE, Ownership, Savepoint, uncancelled

log = logging.getLogger(__name__)

AWAY = "The database does not answer now; try again in a few seconds."
PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,  # a full disk, too many connections
    asyncpg.OperatorInterventionError,  # shutting down, starting up
    asyncpg.TransactionRollbackError,  # deadlock, serialisation
    asyncpg.LockNotAvailableError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # the database takes no connections
    asyncpg.InvalidCatalogNameError,  # it is not there, or not yet again
    OSError,
    TimeoutError,
)
STATEMENT = 30.0
"""Seconds after which a statement without an answer counts as unavailable."""
CONNECTING = ("host", "port", "user", "database", "timeout", "ssl", "server_settings", "statement_cache_size")
"""What of the pool's settings belongs to one connection."""


@contextmanager
def plainly() -> Iterator[None]:
    """Turn errors that pass by themselves into Unavailable."""
    try:
        yield
    except PASSING as exc:
        log.warning("the database does not answer: %s: %s", type(exc).__name__, exc)
        raise Unavailable(AWAY) from exc
    except asyncpg.InterfaceError as exc:
        if "clos" not in str(exc):  # asyncpg says this both of a lost connection and of wrong use
            raise
        log.warning("the database is away: %s", exc)
        raise Unavailable(AWAY) from exc


async def run(connection: Any, query: str, values: Sequence[Any] | None) -> tuple[int, list[Any]]:
    """Run one statement: how many rows it changed, or gave, and the rows that a question gave.

    tortoise takes the wrong word of `INSERT 0 1` for the number.
    """
    if query.lstrip()[:6].upper() not in ("INSERT", "UPDATE", "DELETE"):
        rows = await connection.fetch(query, *(values or ()))
        return len(rows), rows
    status: str = await connection.execute(query, *(values or ()))
    return int(status.rsplit(" ", 1)[1]), []


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that goes back to the pool as it is, without another question to the server.

    Nothing that we ask leaves anything in its session: locks and settings end with their transaction, and whoever
    listens has a connection of their own. A transaction that is open all the same is still undone.
    """

    def get_reset_query(self) -> str:
        """Nothing to be asked."""
        return ""


class PooledConnection(PoolConnectionWrapper[Any]):
    """A connection from the pool for one statement, waited for no longer than PATIENCE."""

    async def __aenter__(self) -> Any:
        await self.ensure_connection()
        self.connection = await self.client._pool.acquire(timeout=PATIENCE)
        return self.connection


class Client(AsyncpgDBClient):
    """A pool of connections to one database."""

    connection_class = Connection
    _apart: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"maxsize": 10, "timeout": PATIENCE, "command_timeout": STATEMENT, **kwargs})

    async def create_connection(self, with_db: bool) -> None:
        """Fill the pool; DBConnectionError when the server answers that we may not."""
        try:
            with plainly():
                await super().create_connection(with_db)
        except asyncpg.InvalidAuthorizationSpecificationError as exc:
            raise DBConnectionError(str(exc)) from exc

    async def fetch_apart(self, query: str, values: Sequence[Any], patience: float) -> list[Any]:
        """The rows of a statement, on a connection that is kept for one user of this alone.

        Nothing is acquired and released around it, which costs more than a small statement. Unavailable after
        `patience` seconds.
        """
        with plainly():
            if self._apart is None or self._apart.is_closed():
                self._apart = await self._connect(command_timeout=patience)
            try:
                return list(await self._apart.fetch(query, *values))
            except BaseException:
                self._apart.terminate()
                raise

    async def _connect(self, **settings: Any) -> Any:
        template = {name: self._template[name] for name in CONNECTING if name in self._template}
        return await asyncpg.connect(password=self.password, **{**template, **settings})

    @translate_exceptions
    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, list[Any]]:
        """The number of rows changed or given, and the rows given."""
        async with self.acquire_connection() as connection:
            return await run(connection, query, values)

    async def close(self) -> None:
        """Close every connection, even when the task that asks is cancelled."""
        if self._apart is not None:
            self._apart.terminate()
        await uncancelled(super().close())

    def acquire_connection(self) -> ConnectionWrapper[Any] | PoolConnectionWrapper[Any]:
        """A connection for one statement."""
        return PooledConnection(self, self._pool_init_lock)

    def _in_transaction(self) -> TransactionContext:
        return Scope(Transaction(self), self._pool_init_lock)

    async def _translate_exceptions(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        with plainly():
            return await super()._translate_exceptions(func, *args, **kwargs)

    async def listen(self, channel: str, heard: Callable[[], None]) -> None:
        """Call `heard` for every notification until the connection ends; it is a connection of its own."""
        with plainly():
            connection = await self._connect()
        ended = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _connection: ended.set())
            await connection.add_listener(channel, lambda *_message: heard())
            heard()  # for what was said while nobody listened
            await ended.wait()
        finally:
            connection.terminate()


class Transaction(TransactionWrapper, Client):
    """One pooled connection, inside a transaction."""

    def __init__(self, connection: AsyncpgDBClient, ownership: Ownership | None = None) -> None:
        TransactionWrapper.__init__(self, connection)
        self.ownership = ownership or Ownership()

    def acquire_connection(self) -> ConnectionWrapper[Any]:
        """The transaction's connection, for its owner."""
        self.ownership.check()
        return TransactionWrapper.acquire_connection(self)

    def _in_transaction(self) -> TransactionContext:
        return Savepoint(Transaction(self, self.ownership), self.ownership)


class Scope(TransactionContextPooled):
    """`async with` around one outermost transaction."""

    client: Transaction

    async def __aenter__(self) -> TransactionalDBClient:
        with plainly():
            await self.ensure_connection()
            pool: Any = self.client._parent._pool
            connection = self.client._connection = await pool.acquire(timeout=PATIENCE)
        try:
            await uncancelled(self.client.begin())
        except BaseException:
            await uncancelled(self._abandon(connection))
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client

    async def _abandon(self, connection: Any) -> None:
        try:
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError):  # it may not have begun
                await self.client.rollback()
        finally:
            await cast("Any", self.client._parent._pool).release(connection)

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        committed = False
        pool: Any = self.client._parent._pool
        connection = self.client._connection

        async def end() -> None:
            nonlocal committed
            try:
                if exc_type is None:
                    await self.client.commit()
                    committed = True
                elif not connection.is_closed():
                    await self.client.rollback()
            finally:
                await pool.release(connection)

        try:
            with plainly():
                await uncancelled(end())
        finally:
            get_connections().reset(self.token)
            self.client.ownership.close(committed=committed)


client_class = Client
