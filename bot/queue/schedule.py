"""What is due when."""

import asyncio
import time

import structlog

from bot.queue.jobs import enqueue

log = structlog.get_logger()

EVERY = {  # job kind: seconds between two of it
    "reconcile": 60,
    "sweep_deliveries": 30 * 60,
    "check_repositories": 60 * 60,
    "prune": 60 * 60,
}
FIRST = {"sweep_deliveries": 3.0}  # seconds after the start, when deliveries can be taken again; others at once
TICK = 1.0


async def run() -> None:
    """Enqueue each kind when the process starts and whenever its time has come, until cancelled.

    Many processes may do this: one unfinished job of a kind is all there is.
    """
    begun = time.monotonic()
    due = {kind: begun + FIRST.get(kind, 0.0) for kind in EVERY}
    while True:
        now = time.monotonic()
        for kind in [kind for kind, at in due.items() if at <= now]:
            try:
                await enqueue(kind, {}, key=kind)
            except Exception as error:  # noqa: BLE001 - whatever it is, the schedule outlives it
                log.warning("schedule waits", kind=kind, error=str(error))
                continue
            due[kind] = now + EVERY[kind]
        await asyncio.sleep(TICK)
