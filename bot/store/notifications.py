"""Wakes whoever waits for news, such as workers for jobs: in this process by event, in other processes by NOTIFY."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context

from bot.errors import Unavailable

JOBS = "longshore_jobs"
"""The PostgreSQL channel of NOTIFY and LISTEN on which enqueued jobs are told."""
EVENTS = "longshore_events"
"""The channel on which new audit entries are told."""
INTERVAL = 0.01
"""Seconds between two notifications of other processes."""
CLOSE_SECONDS = 1.0
"""Seconds that the last notification may take when the process ends."""


class Notifier:
    """Wakes who waits in this process (`events`) and, while `notifies` is set, who waits in other processes.

    `send` sends one notification to the other processes.
    """

    def __init__(self, send: Callable[[], Awaitable[object]]) -> None:
        self.events: set[asyncio.Event] = set()
        self.notifies = False
        self._send = send
        self._pending = False
        self._closing = asyncio.Event()
        self._notifying: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Wake who waits in this process only."""
        for event in self.events:
            event.set()

    def notify(self) -> None:
        """Wake everybody; calls within INTERVAL are sent to other processes as one notification."""
        self.wake()
        self._pending = True
        if self.notifies and (self._notifying is None or self._notifying.done()):
            # in an empty context: the caller's may hold a transaction
            self._notifying = asyncio.get_running_loop().create_task(self._notify(), context=Context())

    async def _notify(self) -> None:
        while self._pending:
            self._pending = False
            with suppress(Unavailable):  # polling finds the news
                await self._send()
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._closing.wait()

    async def close(self) -> None:
        """Send what other processes have not been told yet, and stop notifying them."""
        self.notifies = False
        self._closing.set()
        if self._notifying is not None:
            await asyncio.wait([self._notifying], timeout=CLOSE_SECONDS)
            self._notifying.cancel()
            await asyncio.wait([self._notifying])
