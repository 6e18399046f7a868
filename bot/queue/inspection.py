"""The table of jobs as operators look at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from bot.queue.jobs import now_ms
from bot.store.database import fetch, fetch_as

_COLUMNS = "SELECT id, kind, key, headers, state, attempts, error, created_at, finished_at FROM jobs"
_DEAD = f"{_COLUMNS} WHERE state = 'dead' AND finished_at IS NOT NULL ORDER BY finished_at DESC, id DESC LIMIT $1"
_NEWEST = f"{_COLUMNS} WHERE kind = $1 AND id > $2 ORDER BY id DESC LIMIT $3"
_KINDS = """
SELECT kind, count(*) AS jobs, sum(CASE WHEN state = 'running' THEN 1 ELSE 0 END) AS running,
    min(CASE WHEN state = 'queued' THEN run_at END) AS oldest
FROM jobs WHERE state IN ('queued', 'running') GROUP BY kind ORDER BY kind
"""
RECENT = 20_000
"""How many of the newest jobs are looked through for those of one kind."""


class StoredJob(TypedDict):
    """A job without its payload. Times are epoch milliseconds."""

    id: int
    kind: str
    key: str | None
    headers: str | None
    state: str
    attempts: int
    error: str | None
    created_at: int
    finished_at: int | None


@dataclass(frozen=True, slots=True)
class KindOfJobs:
    """The unfinished jobs of a kind: how many, how many of them run, and for how many seconds the oldest is due.

    `due` is negative if all of them are due later, and None if all of them run.
    """

    kind: str
    jobs: int
    running: int
    due: float | None


async def kinds() -> list[KindOfJobs]:
    """The unfinished jobs by their kind."""
    now = now_ms()
    return [
        KindOfJobs(
            row["kind"],
            int(row["jobs"]),
            int(row["running"]),
            None if row["oldest"] is None else (now - int(row["oldest"])) / 1000,
        )
        for row in await fetch(_KINDS)
    ]


async def dead(limit: int) -> list[StoredJob]:
    """The jobs that were given up, latest first."""
    return await fetch_as(StoredJob, _DEAD, limit)


async def newest(kind: str, limit: int) -> list[StoredJob]:
    """The newest jobs of a kind, as far as they are among the newest ones of all."""
    [row] = await fetch("SELECT COALESCE(max(id), 0) AS id FROM jobs")
    return await fetch_as(StoredJob, _NEWEST, kind, int(row["id"]) - RECENT, limit)


async def get(job_id: int) -> StoredJob | None:
    """One job; None if there is none with that id."""
    rows = await fetch_as(StoredJob, f"{_COLUMNS} WHERE id = $1", job_id)
    return rows[0] if rows else None


async def payload_size(job_id: int) -> int:
    """The bytes of a job's payload; 0 if it is not kept any more."""
    rows = await fetch("SELECT COALESCE(length(payload), 0) AS size FROM jobs WHERE id = $1", job_id)
    return int(rows[0]["size"]) if rows else 0


async def payload(job_id: int) -> bytes:
    """A job's payload; empty if it is not kept any more."""
    rows = await fetch("SELECT payload FROM jobs WHERE id = $1", job_id)
    return bytes(rows[0]["payload"] or b"") if rows else b""
