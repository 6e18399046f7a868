"""The workers that `benchmarks.queue` measures, each in a process of its own.

`python queue_subjects.py SUBJECT URL JOBS [PLACES]` enqueues trivial jobs, works until all are done, and prints the
seconds that took. This file imports our code or pgqueuer only when it runs that one: pgqueuer has its own environment.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

BATCH = 100  # jobs that pgqueuer claims at once


async def work_with_longshore(url: str, jobs: int, places: int) -> float:
    """Enqueue jobs in our queue, perform them, and return the seconds."""
    from bot.queue.worker import Worker, WorkerOptions
    from bot.store.database import execute, open_database
    from bot.store.migrate import migrate

    await migrate(url)
    database = await open_database(url)
    await execute(
        "INSERT INTO jobs (kind, keep, priority, payload, headers, state, attempts, run_at, created_at) "
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1) "
        "SELECT 'trivial', $2, 0, $3, '{}', 'queued', 0, n, n FROM numbers",
        *(jobs, False, b"{}"),
    )
    left, all_done = jobs, asyncio.Event()

    async def perform(job: object) -> None:
        pass

    def on_finished(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            all_done.set()

    worker = Worker(perform, on_finished, WorkerOptions(concurrency=places) if places else None)
    started = time.perf_counter()
    task = asyncio.create_task(worker.run())
    await all_done.wait()
    seconds = time.perf_counter() - started
    worker.stop()
    await task
    await database.close()
    return seconds


async def work_with_pgqueuer(url: str, jobs: int) -> float:
    """Enqueue jobs in pgqueuer, perform them in batches, and return the seconds."""
    import asyncpg  # type: ignore[import-untyped]
    from pgqueuer import PgQueuer  # type: ignore[import-not-found]
    from pgqueuer.db import AsyncpgDriver  # type: ignore[import-not-found]
    from pgqueuer.queries import Queries  # type: ignore[import-not-found]
    from pgqueuer.types import QueueExecutionMode  # type: ignore[import-not-found]

    connection = await asyncpg.connect(url)
    driver = AsyncpgDriver(connection)
    queries = Queries(driver)
    await queries.install()
    await queries.enqueue(["trivial"] * jobs, [b"{}"] * jobs, [0] * jobs)
    application = PgQueuer(driver)
    left, done_at = jobs, 0.0

    @application.entrypoint("trivial")  # type: ignore[untyped-decorator]
    async def trivial(job: Any) -> None:
        nonlocal left, done_at
        left -= 1
        if not left:
            done_at = time.perf_counter()

    started = time.perf_counter()
    await application.run(batch_size=BATCH, mode=QueueExecutionMode.drain)
    if left:
        raise RuntimeError(f"{left} jobs are left")
    return done_at - started


def main() -> None:
    """Run one subject and print the seconds."""
    subject, url, jobs, *places = sys.argv[1:]
    if subject == "pgqueuer":
        work = work_with_pgqueuer(url, int(jobs))
    else:
        work = work_with_longshore(url, int(jobs), int(places[0]))
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(runner.run(work))


if __name__ == "__main__":
    main()
