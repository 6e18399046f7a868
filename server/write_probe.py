"""Whether the database takes writes, for `/readyz`: also asked by processes that would otherwise not write."""

import asyncio
import time

from tortoise.exceptions import OperationalError

from bot.errors import Unavailable
from bot.queue.trial_writes import try_write
from server.readings import PATIENCE

INTERVAL = 0.25
"""Seconds for which a result holds: anybody may ask for `/readyz`, as often as they like."""
WAIT = 1.0
"""Seconds to wait for a result; while a slower write runs, the previous result counts."""


class WriteProbe:
    """Tries to write when it is asked, at most once per INTERVAL."""

    def __init__(self) -> None:
        self._problem: str | None = None
        self._began_at, self._ended_at = 0.0, -INTERVAL
        self._running: asyncio.Task[None] | None = None

    async def problem(self) -> str | None:
        """Return why the database refuses writes, or None."""
        if self._running is None and time.monotonic() - self._ended_at >= INTERVAL:
            self._began_at = time.monotonic()
            self._running = asyncio.create_task(self._try())
        if self._running is not None:
            await asyncio.wait([self._running], timeout=WAIT)
        if self._running is not None and (seconds := time.monotonic() - self._began_at) > PATIENCE:
            return f"The database has not taken a write for {seconds:.0f} seconds."
        return self._problem

    async def _try(self) -> None:
        try:
            await try_write()
            self._problem = None
        except (Unavailable, OperationalError) as error:
            self._problem = str(error)
        finally:
            self._ended_at = time.monotonic()
            self._running = None
