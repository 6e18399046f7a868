"""How the worker yields to webhook intake: by what the event loop has to do, not by a fixed pause."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

MAX_PAUSE = 0.03
"""Seconds that the worker waits at most."""
TICK = 0.002
"""Seconds after which it looks whether the event loop is on time."""
ON_TIME = 3
"""How often in a row it has to be: once may be luck."""
LATE = 0.001
"""Seconds by which a timer fires late when the event loop has too much to do."""


async def give_way(
    should_yield: Callable[[], bool],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Wait while `should_yield` and the event loop is late, for MAX_PAUSE at most; `clock` and `sleep` in seconds."""
    began = before = clock()
    on_time = 0
    while should_yield() and before - began < MAX_PAUSE and on_time < ON_TIME:
        await sleep(TICK)
        after = clock()
        on_time = on_time + 1 if after - before - TICK < LATE else 0
        before = after
