"""The sweep reads the waiting deployments that are due from an index, however many others wait or have ended."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.operations.waiting_deployments import DUE
from bot.store.database import dialect, execute, fetch
from tests.world import World

NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000)"
ENVIRONMENTS = f"""
INSERT INTO environments (project_id, name, name_key, tier, inputs, position, deploy_deadline_minutes, promotion_held,
    created_at)
{NUMBERS} SELECT 1, 'e' || n, 'e' || n, 'staging', '{{}}', 0, 60, FALSE, $1 FROM numbers
"""
WAITING = """
INSERT INTO deployments (environment_id, candidate_id, kind, reported, status, actor_id, automatic, waiting,
    evaluate_at, created_at)
SELECT id, 1, 'deploy', FALSE, 'pending', 1, TRUE, TRUE, $1, $1
FROM environments WHERE name LIKE 'e%' AND (id % 100 = 0) = $2
"""
ENDED = """
INSERT INTO deployments (environment_id, candidate_id, kind, reported, status, actor_id, automatic, waiting,
    evaluate_at, created_at)
SELECT id, 1, 'deploy', FALSE, 'success', 1, TRUE, FALSE, $1, $1 FROM environments WHERE name LIKE 'e%'
"""


@pytest.fixture
async def crowded(world: World) -> World:
    """A world with 10,000 waiting deployments, of which one in a hundred is due, and as many that have ended."""
    assert (await world.cut("1.0-rc1")).status == 201
    now = datetime.now(UTC)
    await execute(ENVIRONMENTS, now)
    await execute(WAITING, now - timedelta(hours=1), True)
    await execute(WAITING, now + timedelta(days=1), False)
    await execute(ENDED, now - timedelta(hours=1))
    return world


async def plan(now: datetime) -> str:
    """How the database reads the due deployments."""
    if dialect() == "sqlite":
        return str([row["detail"] for row in await fetch(f"EXPLAIN QUERY PLAN {DUE}", now)])
    [row] = await fetch(f"EXPLAIN (FORMAT JSON) {DUE}", now)
    return str(row["QUERY PLAN"])


async def test_due_deployments_are_read_from_the_index(crowded: World) -> None:
    if dialect() == "postgres":  # as autovacuum does; SQLite needs no statistics
        await execute("ANALYZE deployments")
    now = datetime.now(UTC)
    found: list[dict[str, Any]] = await fetch(DUE, now)
    assert len(found) == 100
    assert "deployments_due" in (explained := await plan(now)), explained
    assert "SCAN deployments" not in explained and "Seq Scan" not in explained, explained
