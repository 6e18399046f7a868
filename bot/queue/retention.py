"""The size of the queue, and the deletion of finished jobs."""

from __future__ import annotations

from datetime import datetime

from bot.queue.jobs import milliseconds, now_ms
from bot.store.database import execute, fetch

DAY = 86_400_000  # milliseconds
RETENTION = (("done", False, DAY), ("done", True, 8 * DAY), ("dead", False, 30 * DAY), ("dead", True, 30 * DAY))
"""State, whether the key is kept, and the milliseconds for which finished rows of that sort are kept."""
BATCH = 500
_NEWEST = """
SELECT finished_at FROM jobs WHERE state = 'done' AND keep = $1 AND finished_at IS NOT NULL
ORDER BY finished_at DESC LIMIT 1
"""


async def unfinished(now: datetime) -> int:
    """Count the jobs that are running or due."""
    rows = await fetch(
        "SELECT count(*) AS jobs FROM jobs WHERE state = 'running' OR (state = 'queued' AND run_at <= $1)",
        milliseconds(now),
    )
    return int(rows[0]["jobs"])


async def oldest_due() -> float:
    """The seconds that the oldest due job has been due; 0 without one."""
    now = now_ms()
    [row] = await fetch("SELECT min(run_at) AS oldest FROM jobs WHERE state = 'queued' AND run_at <= $1", now)
    return 0.0 if row["oldest"] is None else (now - int(row["oldest"])) / 1000


async def last_finished() -> float | None:
    """The seconds since a worker finished a job; None if there is no trace of one."""
    found = [await fetch(_NEWEST, keep) for keep in (False, True)]
    times = [int(row["finished_at"]) for rows in found for row in rows]
    return (now_ms() - max(times)) / 1000 if times else None


async def depth() -> dict[str, tuple[int, float]]:
    """For each kind with due jobs: how many are waiting, and for how many seconds the oldest has been due."""
    now = now_ms()
    rows = await fetch(
        "SELECT kind, count(*) AS jobs, min(run_at) AS oldest FROM jobs "
        "WHERE state = 'queued' AND run_at <= $1 GROUP BY kind",
        now,
    )
    return {row["kind"]: (row["jobs"], (now - row["oldest"]) / 1000) for row in rows}


async def prune(now: datetime) -> int:
    """Delete finished jobs whose retention has passed, in short transactions; returns the number of rows deleted."""
    deleted = 0
    for state, keep, age in RETENTION:
        batch = BATCH
        while batch == BATCH:
            batch = await execute(
                "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state = $1 AND keep = $2 AND finished_at < $3 "
                "AND finished_at IS NOT NULL LIMIT $4)",
                *(state, keep, milliseconds(now) - age, BATCH),
            )
            deleted += batch
    return deleted
