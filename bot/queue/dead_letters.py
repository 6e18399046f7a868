"""Dead letters: jobs that were given up, kept until an operator retries or discards them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from bot.queue.jobs import now_ms
from bot.store.database import after_commit, current, execute, fetch

SELECT = "SELECT id, kind, key, headers, attempts, error, created_at, finished_at FROM jobs"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that was given up, as lists show it. Times are epoch milliseconds."""

    id: int
    kind: str
    key: str | None
    headers: dict[str, str]
    attempts: int
    error: str
    created_at: int
    finished_at: int


async def dead_letters(limit: int = 100) -> list[DeadLetter]:
    """The jobs that were given up, latest first."""
    rows = await fetch(
        f"{SELECT} WHERE state = 'dead' AND finished_at IS NOT NULL ORDER BY finished_at DESC, id DESC LIMIT $1",
        limit,
    )
    return [_dead_letter(row) for row in rows]


async def dead_letter(job_id: int) -> tuple[DeadLetter, bytes] | None:
    """One dead letter with its payload; None when no dead letter has that id."""
    rows = await fetch(f"{SELECT} WHERE state = 'dead' AND id = $1", job_id)
    payloads = await fetch("SELECT payload FROM jobs WHERE id = $1", job_id)
    return (_dead_letter(rows[0]), payloads[0]["payload"] or b"") if rows else None


async def count_dead_letters() -> int:
    """The number of dead letters."""
    return int((await fetch("SELECT count(*) AS count FROM jobs WHERE state = 'dead'"))[0]["count"])


async def retry(job_id: int) -> bool:
    """Queue a dead letter again, with all its attempts; False when no dead letter has that id."""
    queued = await execute(
        "UPDATE jobs SET state = 'queued', attempts = 0, run_at = $1, finished_at = NULL "
        "WHERE id = $2 AND state = 'dead'",
        *(now_ms(), job_id),
    )
    if queued:
        after_commit(current().notifier.notify)
    return bool(queued)


async def discard(job_id: int) -> bool:
    """Mark a dead letter as done; False when no dead letter has that id. A kept key stays taken, as after success."""
    discarded = await execute(
        "UPDATE jobs SET state = 'done', payload = NULL, finished_at = $1 WHERE id = $2 AND state = 'dead'",
        *(now_ms(), job_id),
    )
    return bool(discarded)


def _dead_letter(row: dict[str, Any]) -> DeadLetter:
    headers = orjson.loads(row["headers"] or "{}")
    return DeadLetter(**{**row, "headers": headers, "error": row["error"] or ""})
