"""The schedule: enqueues jobs periodically."""

import asyncio
import time
from collections.abc import Mapping

import structlog

from bot.queue.jobs import Job, enqueue

log = structlog.get_logger()

TICK = 1.0  # seconds


async def run(every: Mapping[Job, float], first_after: Mapping[Job, float]) -> None:
    """Enqueue each job when the process starts and then periodically, until canceled.

    `every`: the interval of each job in seconds. `first_after`: seconds to wait at the start, for jobs that must not
    run at once. Any number of processes may do this: the jobs' keys keep unfinished ones unique.
    """
    started = time.monotonic()
    due = {job: started + first_after.get(job, 0.0) for job in every}
    while True:
        now = time.monotonic()
        for job in [job for job, at in due.items() if at <= now]:
            try:
                await enqueue(job)
            except Exception as error:  # noqa: BLE001 - the schedule survives any failure
                log.warning("periodic job not enqueued", kind=job.kind, error=str(error))
                continue
            due[job] = now + every[job]
        await asyncio.sleep(TICK)
