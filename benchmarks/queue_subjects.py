"""The workers that `benchmarks.queue` measures, each in a process of its own.

`python queue_subjects.py SUBJECT URL JOBS PLACES` enqueues trivial jobs, works until all are done, and prints the jobs
per second. `python queue_subjects.py SUBJECT URL` works on jobs that others enqueue, and prints the milliseconds from
the enqueuing of each to its start. `python queue_subjects.py SUBJECT URL JOBS` enqueues jobs one at a time.

Our code and pgqueuer, which has a Python environment of its own, are imported only where they are run.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable
from typing import Any

BATCH = 100  # jobs that pgqueuer claims at once
ENQUEUE_ALL = """
INSERT INTO jobs (kind, keep, priority, payload, headers, state, attempts, run_at, created_at)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1)
SELECT 'trivial', $2, 0, $3, '{}', 'queued', 0, n, n FROM numbers
"""


class Countdown:
    """Counts jobs down, and knows when the last one was done."""

    def __init__(self, jobs: int) -> None:
        self.left, self.done_at, self.done = jobs, 0.0, asyncio.Event()

    def count(self) -> None:
        """Count one job."""
        self.left -= 1
        if not self.left:
            self.done_at = time.perf_counter()
            self.done.set()


async def drain_longshore(url: str, jobs: int, places: int) -> float:
    """Perform jobs of our queue; return the jobs per second."""
    from bot.queue.worker import Worker, WorkerOptions
    from bot.store.database import execute, open_database
    from bot.store.migrate import migrate

    await migrate(url)
    database = await open_database(url)
    await execute(ENQUEUE_ALL, jobs, False, b"{}")
    countdown = Countdown(jobs)

    async def perform(job: object) -> None:
        pass

    worker = Worker(perform, lambda *_: countdown.count(), WorkerOptions(concurrency=places) if places else None)
    started = time.perf_counter()
    task = asyncio.create_task(worker.run())
    await countdown.done.wait()
    worker.stop()
    await task
    await database.close()
    return jobs / (countdown.done_at - started)


async def drain_pgqueuer(url: str, jobs: int) -> float:
    """Perform jobs of pgqueuer's queue in batches; return the jobs per second."""
    import asyncpg  # type: ignore[import-untyped]
    from pgqueuer import PgQueuer  # type: ignore[import-not-found]
    from pgqueuer.db import AsyncpgDriver  # type: ignore[import-not-found]
    from pgqueuer.queries import Queries  # type: ignore[import-not-found]
    from pgqueuer.types import QueueExecutionMode  # type: ignore[import-not-found]

    driver = AsyncpgDriver(await asyncpg.connect(url))
    queries = Queries(driver)
    await queries.install()
    await queries.enqueue(["trivial"] * jobs, [b"{}"] * jobs, [0] * jobs)
    countdown = Countdown(jobs)
    application = PgQueuer(driver)

    @application.entrypoint("trivial")  # type: ignore[untyped-decorator]
    async def trivial(job: Any) -> None:
        countdown.count()

    started = time.perf_counter()
    await application.run(batch_size=BATCH, mode=QueueExecutionMode.drain)
    return jobs / (countdown.done_at - started)


def record_delay(enqueued_at: float) -> None:
    """Print the milliseconds since a time."""
    print((time.time() - enqueued_at) * 1000, flush=True)


async def wait_for_longshore(url: str) -> None:
    """Work on jobs of our queue, which say when they were enqueued."""
    from bot.queue.worker import Worker
    from bot.store.database import open_database
    from bot.store.migrate import migrate

    await migrate(url)
    await open_database(url)

    async def perform(job: Any) -> None:
        record_delay(float(job.payload))

    worker = Worker(perform, lambda *_: None)
    print("ready", flush=True)
    await worker.run()


async def wait_for_pgqueuer(url: str) -> None:
    """Work on jobs of pgqueuer's queue, which say when they were enqueued."""
    import asyncpg
    from pgqueuer import PgQueuer
    from pgqueuer.db import AsyncpgDriver
    from pgqueuer.queries import Queries

    driver = AsyncpgDriver(await asyncpg.connect(url))
    await Queries(driver).install()
    application = PgQueuer(driver)

    @application.entrypoint("trivial")  # type: ignore[untyped-decorator]
    async def trivial(job: Any) -> None:
        record_delay(float(job.payload))

    print("ready", flush=True)
    await application.run(batch_size=BATCH)


async def enqueue_for_longshore(url: str, jobs: int) -> None:
    """Enqueue jobs in our queue, at random moments."""
    from bot.queue.jobs import enqueue
    from bot.store.database import open_database
    from tests.queue.helpers import AnyJob

    database = await open_database(url)
    await at_random(jobs, lambda: enqueue(AnyJob("trivial", {}, raw_payload=str(time.time()).encode())))
    await database.close()


async def enqueue_for_pgqueuer(url: str, jobs: int) -> None:
    """Enqueue jobs in pgqueuer's queue, at random moments."""
    import asyncpg
    from pgqueuer.db import AsyncpgDriver
    from pgqueuer.queries import Queries

    queries = Queries(AsyncpgDriver(await asyncpg.connect(url)))
    await at_random(jobs, lambda: queries.enqueue("trivial", str(time.time()).encode()))


async def at_random(times: int, act: Callable[[], Any]) -> None:
    """Do something that often, with pauses of up to 80 ms."""
    moments = random.Random(1)
    await asyncio.sleep(0.5)
    for _ in range(times):
        await asyncio.sleep(moments.uniform(0, 0.08))
        await act()


async def run(subject: str, url: str, *numbers: int) -> None:
    """Do what the arguments ask for."""
    is_ours = subject == "longshore"
    match numbers:
        case (jobs, places):
            print(await (drain_longshore(url, jobs, places) if is_ours else drain_pgqueuer(url, jobs)))
        case (jobs,):
            await (enqueue_for_longshore(url, jobs) if is_ours else enqueue_for_pgqueuer(url, jobs))
        case _:
            await (wait_for_longshore(url) if is_ours else wait_for_pgqueuer(url))


def main() -> None:
    """Run one subject on uvloop."""
    import uvloop

    subject, url, *numbers = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(subject, url, *map(int, numbers)))


if __name__ == "__main__":
    main()
