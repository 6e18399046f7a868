"""A trial write, by which a process finds out whether the database takes writes at the moment."""

from __future__ import annotations

import os

from bot.queue.jobs import now_ms
from bot.store.database import execute, fetch, transaction

TRIAL_BYTES = 8 * 1024
"""Bytes of the row: more than a page of either database, so that a full disk has no room for it."""

INSERT = """
INSERT INTO jobs (kind, keep, priority, payload, headers, state, attempts, run_at, created_at)
VALUES ('trial', $1, 0, $2, '{}', 'done', 0, $3, $3) RETURNING id
"""


async def try_write() -> None:
    """Insert a row and delete it again, in one transaction that is committed like any other: nobody sees the row.

    Raises what every writer gets: Unavailable while the database is read-only, full or unreachable.
    """
    async with transaction():
        (row,) = await fetch(INSERT, False, os.urandom(TRIAL_BYTES), now_ms())
        await execute("DELETE FROM jobs WHERE id = $1", row["id"])
