"""Code that both database engines share. They are thin subclasses of Tortoise's, configured by module name.

docs/decisions/002-own-database-engines.md explains why they exist. In short: a task may be canceled at any await
without leaving a connection inside a transaction, and a transaction belongs to the one task that opened it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tortoise.backends.base.client import NestedTransactionContext, TransactionalDBClient

from bot.errors import DatabaseUnavailable

T = TypeVar("T")

ACQUIRE_TIMEOUT = 8.0
"""Seconds to wait for a connection before the database counts as unavailable."""


async def run_to_completion(work: Awaitable[T]) -> T:
    """Wait until `work` has ended even if the waiting task is canceled; the cancellation is raised afterwards."""
    task = asyncio.ensure_future(work)
    cancellation: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as exc:
            cancellation = exc
    if cancellation is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # marks it as retrieved: the cancellation takes precedence
    raise cancellation


async def acquire(lock: asyncio.Lock | asyncio.Semaphore) -> None:
    """Acquire a lock; raise DatabaseUnavailable when it is not free within ACQUIRE_TIMEOUT."""
    try:
        async with asyncio.timeout(ACQUIRE_TIMEOUT):
            await lock.acquire()
    except TimeoutError:
        raise DatabaseUnavailable("The database is busy with other work; try again in a few seconds.") from None


class Ownership:
    """The task that a transaction belongs to, and the callbacks to run after its commit."""

    def __init__(self) -> None:
        self.task = asyncio.current_task()
        self.open = True
        self.callbacks: list[Callable[[], None]] = []

    def check(self) -> None:
        """Raise RuntimeError unless the current task opened the transaction and it is still open."""
        if not self.open:
            raise RuntimeError("This task was started inside a transaction that has ended: start tasks after it.")
        if asyncio.current_task() is not self.task:
            raise RuntimeError("A task started inside a transaction may not use it: start tasks after the commit.")

    def close(self, *, committed: bool) -> None:
        """Mark the transaction as ended and, after a commit, run the callbacks in the order of registration."""
        self.open = False
        callbacks, self.callbacks = self.callbacks, []
        for callback in callbacks if committed else ():
            callback()


class Savepoint(NestedTransactionContext):
    """A nested transaction: rolled back alone, committed only with the outer one."""

    __slots__ = ("callbacks_before", "ownership")

    def __init__(self, client: TransactionalDBClient, ownership: Ownership) -> None:
        super().__init__(client)
        self.ownership = ownership
        self.callbacks_before = 0

    async def __aenter__(self) -> TransactionalDBClient:
        self.ownership.check()
        self.callbacks_before = len(self.ownership.callbacks)
        return await super().__aenter__()

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        if exc_type is not None:
            del self.ownership.callbacks[self.callbacks_before :]
        await run_to_completion(super().__aexit__(exc_type, exc_val, exc_tb))
