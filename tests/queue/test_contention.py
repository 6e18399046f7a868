"""Locks under load: many connections in several processes claim jobs, and no lock is ever held twice.

The processes record held locks as files that only one of them can create, independently of the database.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bot.queue.jobs import now_ms
from bot.store.database import Database, dialect, fetch

JOBS = 20_000
LOCKS = 151

CLAIMER = """
import asyncio, os, random, sys
from bot.queue.leases import JobOutcome, claim, finish
from bot.store.database import open_database
url, held, loops = sys.argv[1], sys.argv[2], int(sys.argv[3])
claimed = violations = 0

async def hold(job):
    global violations
    path = os.path.join(held, job.lock)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        violations += 1
        return
    await asyncio.sleep(random.random() * 0.002)
    os.unlink(path)

async def work(name):
    global claimed
    idle = 0
    while idle < 20:
        jobs = await claim(8, name, 60_000)
        idle = 0 if jobs else idle + 1
        claimed += len(jobs)
        await asyncio.gather(*(hold(job) for job in jobs))
        if not jobs:
            await asyncio.sleep(0.005)
        elif not all(await finish([JobOutcome(job.id, job.attempts, "done") for job in jobs], name)):
            violations += 1

async def main():
    database = await open_database(url)
    await asyncio.gather(*(work(f"{os.getpid()}-{n}") for n in range(loops)))
    await database.close()
    print(claimed, violations)

asyncio.run(main())
"""

FILL = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < CAST($1 AS INT))
INSERT INTO jobs (kind, keep, lock, priority, state, attempts, run_at, created_at)
SELECT 'a', 1 = 0, 'lock' || CAST((n * 7919) % CAST($2 AS INT) AS TEXT), 0, 'queued', 0,
    CAST($3 AS BIGINT), CAST($3 AS BIGINT)
FROM numbers
"""


async def test_no_lock_is_held_twice_by_many_connections_of_several_processes(
    database: Database, tmp_path: Path
) -> None:
    await fetch(FILL, JOBS, LOCKS, now_ms())
    held = tmp_path / "held"
    held.mkdir()
    loops = "4" if dialect() == "postgres" else "1"  # connections per process; SQLite has one writer
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", CLAIMER, database.url, str(held), loops), stdout=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    counts = [tuple(map(int, (await process.communicate())[0].split())) for process in processes]
    claimed, violations = (sum(column) for column in zip(*counts, strict=True))
    assert (claimed, violations) == (JOBS, 0)
    assert all(share > 0 for share, _ in counts), "every process claimed some jobs"
    assert await fetch("SELECT state, count(*) AS jobs FROM jobs GROUP BY state") == [{"state": "done", "jobs": JOBS}]
