"""The PostgreSQL engine: pooled transactions that survive cancellation, and a listener for notifications.

It imports `asyncpg`, which the extra `postgres` installs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
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
from tortoise.exceptions import TransactionManagementError

from bot.errors import DatabaseUnavailable, Misconfigured, Unavailable
from bot.rules.database_addresses import MAXSIZE, PostgresAddress
from bot.store.engines import ACQUIRE_TIMEOUT, Ownership, Savepoint, run_to_completion
from bot.store.engines.postgres_connections import connect, keeps_sessions
from bot.store.engines.postgres_errors import (
    CLOSING,
    POOLER,
    UNAVAILABLE,
    CannotConnect,
    leads_nowhere,
    translate_errors,
)

log = logging.getLogger(__name__)

STATEMENT_TIMEOUT = 30.0
"""Seconds after which a running statement is given up and the database counts as unavailable."""
CLOSE_TIMEOUT = 3.0
"""Seconds within which the sessions are closed normally, before their connections are cut."""


async def run(connection: Any, query: str, values: Sequence[Any] | None) -> tuple[int, list[Any]]:
    """Run one statement; return the number of rows that it changed or returned, and the rows of a query.

    Tortoise takes the number from the wrong part of the status `INSERT 0 1`.
    """
    if query.lstrip()[:6].upper() not in ("INSERT", "UPDATE", "DELETE"):
        rows = await connection.fetch(query, *(values or ()))
        return len(rows), rows
    status: str = await connection.execute(query, *(values or ()))
    return int(status.rsplit(" ", 1)[1]), []


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that returns to the pool without a reset query, which would cost a round trip.

    Our statements leave no state in the session: locks and settings end with their transaction, and LISTEN has a
    connection of its own. A transaction that is still open is rolled back nevertheless.
    """

    def get_reset_query(self) -> str:
        """Return no statement: there is nothing to reset."""
        return ""


async def acquire_from(pool: Any) -> Any:
    """Acquire a connection of a pool within ACQUIRE_TIMEOUT."""
    try:
        return await pool.acquire(timeout=ACQUIRE_TIMEOUT)
    except TimeoutError:
        log.warning("the database is unavailable: no connection within %s seconds", ACQUIRE_TIMEOUT)
        raise DatabaseUnavailable(UNAVAILABLE) from None


class PooledConnection(PoolConnectionWrapper[Any]):
    """A connection of the pool for one statement, acquired within ACQUIRE_TIMEOUT."""

    async def __aenter__(self) -> Any:
        await self.ensure_connection()
        self.connection = await acquire_from(self.client._pool)
        return self.connection


class Client(AsyncpgDBClient):
    """A pool of connections to one database."""

    _dedicated: Any = None
    _has_given_up = False

    def __init__(
        self, address: PostgresAddress, command_timeout: float | None = STATEMENT_TIMEOUT, **kwargs: Any
    ) -> None:
        super().__init__(database=address.database, **kwargs)
        self.address = address
        self._command_timeout = command_timeout
        self._connecting: set[asyncio.Timeout] = set()

    async def create_connection(self, with_db: bool) -> None:
        """Fill the pool; raise Misconfigured or DatabaseUnavailable, with the cause, when there is no connection."""
        address = self.address
        try:
            self._pool = await asyncpg.create_pool(
                min_size=address.number("minsize", 1),
                max_size=self.pool_size,
                connect=self._connect,
                connection_class=Connection,
                command_timeout=self._command_timeout,
            )
            if self.prepares_statements and not await keeps_sessions(self._pool, self._connect):
                raise Misconfigured(f"PostgreSQL at {address} {POOLER}.")
        except CannotConnect as exc:
            problem = DatabaseUnavailable if exc.waiting_may_help else Misconfigured
            raise problem(f"no connection to PostgreSQL at {exc}.") from exc

    @property
    def pool_size(self) -> int:
        """How many connections the pool may have."""
        return self.address.number("maxsize", MAXSIZE)

    @property
    def prepares_statements(self) -> bool:
        """Whether statements are prepared and kept, which needs sessions of our own."""
        return self.address.number("statement_cache_size", 1) > 0

    async def _connect(self, _dsn: object = None, **settings: Any) -> Any:
        if self._has_given_up:
            raise CannotConnect(CLOSING, waiting_may_help=True)
        try:
            async with asyncio.timeout(None) as limit:
                self._connecting.add(limit)
                return await connect(self.address, **settings)
        except TimeoutError:
            raise CannotConnect(CLOSING, waiting_may_help=True) from None
        finally:
            self._connecting.discard(limit)

    def give_up_after(self, seconds: float) -> None:
        """Cut all connections after that, so that nothing waits for them any longer, and open no others."""
        asyncio.get_running_loop().call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        self._has_given_up = True
        now = asyncio.get_running_loop().time()
        for limit in self._connecting:
            limit.reschedule(now)
        self._terminate()

    def _terminate(self) -> None:
        for sessions in (self._dedicated, self._pool):
            if sessions is not None:
                sessions.terminate()

    async def fetch_dedicated(self, query: str, values: Sequence[Any], timeout_seconds: float) -> list[Any]:
        """Return the rows of a statement on a connection that is reserved for the one caller of this method.

        That saves acquiring one from the pool and releasing it, which costs more than a small statement. Raises
        Unavailable after `timeout_seconds`.
        """
        with translate_errors():
            if self._dedicated is None or self._dedicated.is_closed():
                self._dedicated = await self._connect(command_timeout=timeout_seconds)
            try:
                return list(await self._dedicated.fetch(query, *values))
            except BaseException:
                self._dedicated.terminate()
                raise

    @translate_exceptions
    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, list[Any]]:
        """Return the number of rows changed or returned, and the rows returned."""
        async with self.acquire_connection() as connection:
            return await run(connection, query, values)

    async def close(self) -> None:
        """Close every connection, even when the calling task is canceled."""
        if self._dedicated is not None:
            self._dedicated.terminate()
        if self._pool is not None:
            await run_to_completion(self._close_pool(self._pool))

    async def _close_pool(self, pool: Any) -> None:
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await pool.close()
        except TimeoutError:
            log.warning("the database does not answer: its connections are closed")
            pool.terminate()
        self._pool = None

    def acquire_connection(self) -> ConnectionWrapper[Any] | PoolConnectionWrapper[Any]:
        """Return a context manager that acquires a connection for one statement."""
        return PooledConnection(self, self._pool_init_lock)

    def _in_transaction(self, opening: str = "") -> TransactionContext:
        return Scope(Transaction(self, opening=opening), self._pool_init_lock)

    async def _translate_exceptions(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            with translate_errors():
                return await func(self, *args, **kwargs)
        except Unavailable as exc:
            if leads_nowhere(exc.__cause__):
                await self._expire_connections()
            raise

    async def listen(self, channel: str, on_notification: Callable[[], None]) -> None:
        """Call `on_notification` for every notification, on a dedicated connection, until that ends.

        Return at once when the session is not ours: a notification would reach whoever has it then.
        """
        if not self.prepares_statements:
            return
        with translate_errors():
            connection = await self._connect()
        ended = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _connection: ended.set())
            await connection.add_listener(channel, lambda *_message: on_notification())
            on_notification()  # for notifications sent before LISTEN
            await ended.wait()
        finally:
            connection.terminate()


class OpenedTransaction:
    """A transaction of the driver whose BEGIN is sent together with other statements, which saves a round trip."""

    _isolation = None  # of the server's choice; read by the driver when it makes a savepoint

    def __init__(self, connection: Any, opening: str) -> None:
        self._connection, self._opening = connection, opening

    async def start(self) -> None:
        """Begin, and run the opening."""
        self._connection._top_xact = self  # the driver makes a savepoint only within a transaction it knows
        await self._connection.execute(f"BEGIN; {self._opening}")

    async def commit(self) -> None:
        """Commit."""
        await self._end("COMMIT")

    async def rollback(self) -> None:
        """Roll back."""
        await self._end("ROLLBACK")

    async def _end(self, statement: str) -> None:
        try:
            await self._connection.execute(statement)
        finally:
            self._connection._top_xact = None  # the pool's handle would be empty once the session is lost


class Transaction(TransactionWrapper, Client):
    """One pooled connection, inside a transaction. `opening` are statements that are sent together with its BEGIN."""

    def __init__(self, connection: AsyncpgDBClient, ownership: Ownership | None = None, opening: str = "") -> None:
        TransactionWrapper.__init__(self, connection)
        self.ownership = ownership or Ownership()
        self.opening = opening

    def acquire_connection(self) -> ConnectionWrapper[Any]:
        """Return the connection of the transaction to the task that owns it."""
        self.ownership.check()
        return TransactionWrapper.acquire_connection(self)

    async def begin(self) -> None:
        """Begin, together with the opening if there is one."""
        if self.opening:
            self.transaction = cast("Any", OpenedTransaction(self._connection._con, self.opening))
            with translate_errors():
                await self.transaction.start()
        else:
            await super().begin()

    async def commit(self) -> None:
        """Commit, or release the savepoint."""
        with translate_errors():
            await super().commit()

    async def rollback(self) -> None:
        """Roll back, to the savepoint if this is one."""
        with translate_errors():
            await super().rollback()

    async def _expire_connections(self) -> None:
        await self._parent._expire_connections()

    def _in_transaction(self, opening: str = "") -> TransactionContext:
        return Savepoint(Transaction(self, self.ownership), self.ownership)


class Scope(TransactionContextPooled):
    """The context manager of an outermost transaction."""

    client: Transaction

    async def __aenter__(self) -> TransactionalDBClient:
        with translate_errors():
            await self.ensure_connection()
            pool: Any = self.client._parent._pool
            connection = self.client._connection = await acquire_from(pool)
            try:
                if self.client.opening:  # may wait for locks, which ends with a cancellation
                    await self.client.begin()
                else:
                    await run_to_completion(self.client.begin())
            except BaseException:
                await run_to_completion(self._abandon(connection))
                raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client

    async def _abandon(self, connection: Any) -> None:
        try:
            with suppress(asyncpg.InterfaceError, TransactionManagementError, DatabaseUnavailable):  # it has not begun
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
            with translate_errors():
                await run_to_completion(end())
        finally:
            get_connections().reset(self.token)
            self.client.ownership.close(committed=committed)


client_class = Client
