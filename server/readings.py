"""Answers of a database that may hang, for those who cannot wait."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from bot.errors import DatabaseUnavailable

PATIENCE = 3.0
"""Seconds after which a database that has not answered counts as unavailable."""

T = TypeVar("T")


class SharedReading(Generic[T]):
    """Asks the database one question at a time: callers who ask meanwhile share the answer to it, even if it hangs.

    What runs is never canceled: that would wait for the database too.
    """

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._task: asyncio.Task[T] | None = None
        self._began_at = 0.0

    async def result(self, patience: float = PATIENCE) -> T:
        """Return what is read; raise DatabaseUnavailable when that has taken longer than `patience` seconds."""
        task = self._task
        if task is None or task.done():
            task = self._task = asyncio.create_task(self._run())
            task.add_done_callback(_retrieve)
            self._began_at = time.monotonic()
        await asyncio.wait([task], timeout=max(0.0, self._began_at + patience - time.monotonic()))
        if not task.done():
            seconds = time.monotonic() - self._began_at
            raise DatabaseUnavailable(f"The database has not answered for {seconds:.0f} seconds.")
        return task.result()

    async def _run(self) -> T:
        return await self._read()


def _retrieve(task: asyncio.Task[T]) -> None:
    """Mark the exception as retrieved: nobody may have waited for it."""
    if not task.cancelled():
        task.exception()
