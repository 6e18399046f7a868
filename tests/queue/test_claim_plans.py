"""A claim on PostgreSQL reads the next jobs from the index, whatever the planner knows about the table."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from bot.queue.jobs import now_ms
from bot.queue.leases import CLAIM_POSTGRES, PLAN_BY_INDEX, claim
from bot.store.database import execute, fetch, transaction
from tests.conftest import postgres
from tests.queue.helpers import LEASE_MS

pytestmark = pytest.mark.skipif(not postgres(), reason="about the planner of PostgreSQL")

INSERT = """
INSERT INTO jobs (kind, keep, priority, payload, headers, state, attempts, run_at, created_at)
SELECT 'a', false, $1 + 5 * (n % $4), '', '{}', $2, 0, CAST($5 AS BIGINT) + n, 0
FROM generate_series(1, CAST($3 AS INT)) AS n
"""
BACKLOG = 20_000


async def insert(count: int, *, priority: int = 0, state: str = "queued", priorities: int = 1, run_at: int = 0) -> None:
    await execute(INSERT, priority, state, count, priorities, run_at)


async def never_analyzed() -> None:
    """Nothing is known about the table."""
    await insert(BACKLOG)


async def analyzed_while_empty() -> None:
    """Statistics of an empty table."""
    await execute("ANALYZE jobs")
    await insert(BACKLOG)


async def analyzed_while_all_was_deleted() -> None:
    """Statistics of a table without rows whose pages are full of deleted ones."""
    await insert(BACKLOG)
    await execute("DELETE FROM jobs")
    await execute("ANALYZE jobs")
    await insert(BACKLOG)


async def analyzed_while_all_was_done() -> None:
    """Statistics say that hardly a row is queued."""
    await insert(BACKLOG, state="done")
    await insert(130, priorities=3)
    await execute("ANALYZE jobs")
    await insert(BACKLOG, priorities=3)


async def analyzed_now() -> None:
    """Statistics are true."""
    await insert(BACKLOG, priorities=3)
    await execute("ANALYZE jobs")


STATES = [
    *(never_analyzed, analyzed_while_empty, analyzed_while_all_was_deleted, analyzed_while_all_was_done),
    analyzed_now,
]


async def plan_of_claim(limit: int) -> dict[str, Any]:
    """Claim jobs; return the part of the plan that selects due ones."""
    values: tuple[object, ...] = (now_ms(), 2 * limit + 8, "me", now_ms() + LEASE_MS, limit, [])
    async with transaction():
        await fetch(PLAN_BY_INDEX)
        [row] = await fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {CLAIM_POSTGRES}", *values)
    [explained] = orjson.loads(row["QUERY PLAN"])
    return next(node for node in nodes(explained["Plan"]) if node["Node Type"] == "LockRows")


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """All nodes of a plan."""
    return [plan, *(node for part in plan.get("Plans", []) for node in nodes(part))]


@pytest.mark.parametrize("limit", [1, 8, 100])
@pytest.mark.parametrize(
    "prepare",
    [never_analyzed, analyzed_while_empty, analyzed_while_all_was_deleted, analyzed_while_all_was_done, analyzed_now],
)
async def test_a_claim_reads_only_the_jobs_that_it_may_take(database: object, prepare: Any, limit: int) -> None:
    await prepare()
    lock_rows = await plan_of_claim(limit)
    [scan] = lock_rows["Plans"]
    assert (scan["Node Type"], scan["Index Name"]) == ("Index Scan", "jobs_due")
    assert scan["Actual Rows"] <= 2 * limit + 8


async def test_urgent_jobs_that_are_not_due_are_passed_over(database: object) -> None:
    await insert(BACKLOG, priority=20, run_at=now_ms() + 3_600_000)
    await insert(20)
    lock_rows = await plan_of_claim(8)
    [scan] = lock_rows["Plans"]
    assert (scan["Index Name"], scan.get("Rows Removed by Filter", 0)) == ("jobs_due", 0)


async def test_jobs_of_all_priorities_are_claimed_in_order(database: object) -> None:
    await insert(12, priorities=4)
    assert [job.priority for job in await claim(12, "me", LEASE_MS)] == sorted([0, 5, 10, 15] * 3, reverse=True)


async def test_the_queue_is_vacuumed_by_the_number_of_changes(database: object) -> None:
    [table] = await fetch("SELECT reloptions FROM pg_class WHERE relname = 'jobs'")
    assert "autovacuum_vacuum_scale_factor=0" in table["reloptions"]
    [toast] = await fetch(
        "SELECT t.reloptions FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.relname = 'jobs'"
    )
    assert "autovacuum_vacuum_scale_factor=0" in toast["reloptions"]
