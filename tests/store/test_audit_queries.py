"""How the audit log is read: all that is meant, in parts, and by indexes."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from bot.rules.audit import AuditFilter, AuditPage
from bot.rules.permissions import Visibility
from bot.store import audit_queries
from bot.store.audit_queries import EXAMINED
from bot.store.database import dialect, execute, fetch
from tests.api.graphql.graphs import recorded_statements
from tests.world import World

EVERYTHING, SITE = Visibility(everything=True), Visibility(project_id=1)
ENTRIES = 3 * EXAMINED
RARE = 7_001
"""Every so many entries there is one of the sample project; the others are of none."""
FILL = f"""
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {ENTRIES})
INSERT INTO audit_entries (at, actor, channel, act, alarm, project_id, subject)
SELECT $1, CASE WHEN n % 2 = 0 THEN 'ann' ELSE 'bob' END, CASE WHEN n % 2 = 0 THEN 'page' ELSE 'rest' END,
    CASE WHEN n % {RARE} = 0 THEN 'rare' ELSE 'often' END, n % {RARE} = 1, CASE WHEN n % {RARE} = 0 THEN 1 END, 'entry'
FROM numbers
"""
AUDIT = "audit_entries"


@pytest.fixture
async def filled(world: World) -> World:
    """A world whose audit log holds only these entries, about as old as each other."""
    await execute("DELETE FROM audit_entries")
    await execute(FILL, datetime(2026, 11, 30, tzinfo=UTC) if dialect() == "postgres" else "2026-11-30 00:00:00+00:00")
    await execute("ANALYZE audit_entries")
    return world


async def expected(condition: str) -> list[int]:
    """The ids of all entries that meet a condition, newest first."""
    sql = f"SELECT id FROM audit_entries WHERE {condition} ORDER BY id DESC"
    return [row["id"] for row in await fetch(sql)]


async def found(wanted: AuditFilter, visible: Visibility, page: AuditPage) -> list[int]:
    """The ids of the entries on a page."""
    return [row["id"] for row in await audit_queries.find(wanted, visible, None, page)]


CHOICES: tuple[tuple[AuditFilter, Visibility, str], ...] = (
    (AuditFilter(), SITE, "project_id = 1"),
    (AuditFilter(channel="page"), SITE, "project_id = 1 AND channel = 'page'"),
    (AuditFilter(actor="ann", act="rare"), EVERYTHING, "actor = 'ann' AND act = 'rare'"),
    (AuditFilter(project="site", channel="rest"), EVERYTHING, "project_id = 1 AND channel = 'rest'"),
    (AuditFilter(act="rare"), EVERYTHING, "act = 'rare'"),
    (AuditFilter(alarm=True, actor="bob"), EVERYTHING, "alarm AND actor = 'bob'"),
    (AuditFilter(actor="ann", channel="rest"), EVERYTHING, "1 = 0"),
    (AuditFilter(), Visibility(), "1 = 0"),
)


async def test_pages_hold_all_entries_that_are_meant_from_either_end(filled: World) -> None:
    for wanted, visible, condition in CHOICES:
        ids = await expected(condition)
        assert await found(wanted, visible, AuditPage(50)) == ids, condition
        assert await found(wanted, visible, AuditPage(50, from_end=True)) == ids, condition
        assert await audit_queries.count(wanted, visible, None, 1000) == len(ids), condition
        assert await audit_queries.count(wanted, visible, None, 1) == min(1, len(ids)), condition
        assert await found(wanted, visible, AuditPage(2)) == ids[:2], condition
        assert await found(wanted, visible, AuditPage(2, from_end=True)) == ids[-2:], condition
        for newer, older in pairwise(ids):
            assert await found(wanted, visible, AuditPage(1, before=newer)) == [older], condition
            assert await found(wanted, visible, AuditPage(1, after=older, from_end=True)) == [newer], condition
            assert await found(wanted, visible, AuditPage(5, before=newer, after=older)) == [], condition


async def test_each_statement_reads_a_part_of_the_log_or_an_index(filled: World) -> None:
    for wanted, visible, most in (
        (AuditFilter(channel="check button"), EVERYTHING, 2),
        (AuditFilter(channel="check button", actor="ann"), EVERYTHING, 3),
        (AuditFilter(channel="check button"), SITE, 3),
        (AuditFilter(actor="nobody"), SITE, 3),
        (AuditFilter(actor="ann", channel="rest"), EVERYTHING, 6),
    ):
        statements: list[str] = []
        async with recorded_statements(filled, statements):
            assert await found(wanted, visible, AuditPage(51)) == []
        reads = list(dict.fromkeys(each for each in statements if AUDIT in each))
        assert len(reads) <= most, reads
        for each in reads:
            await check(each)


async def check(sql: str) -> None:
    """Check on SQLite, which tells the values by itself, that a statement goes through no table or index as a whole."""
    if dialect() == "sqlite":
        plan: list[Any] = [row["detail"] for row in await fetch(f"EXPLAIN QUERY PLAN {sql}")]
        assert not [step for step in plan if step.startswith((f"SCAN {AUDIT}", "SCAN n"))], (sql, plan)
