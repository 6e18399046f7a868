"""What the database knows about a deployment's gates, read by few plain statements: a decision reads it twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypedDict

import orjson

from bot.rules.ids import RunId
from bot.store.database import fetch, fetch_as
from bot.store.deployments import LIVE_DEPLOYMENT_ID, NEWEST_SUCCESS
from bot.store.lists import Conditions

# `+ 0`: for the least id itself, SQLite would go through all deployments of an environment, oldest first
STATE = f"""
SELECT e.id AS environment_id, r.held, u.id AS cut_by, u.github_id AS cut_by_github_id,
    lc.version AS live_version, lc."commit" AS live_commit,
    m.status AS comparison, m.author_ids, m.unlinked,
    k.owner_id AS lock_owner, ko.name AS lock_owner_name, k.reason AS lock_reason, k.since AS lock_since,
    k.until AS lock_until,
    (SELECT min(d.id + 0) FROM deployments d WHERE d.environment_id = e.id AND d.status IN ('pending', 'in_progress')
        AND NOT d.waiting AND d.id <> $2) AS busy_with
FROM candidates c
CROSS JOIN environments e
JOIN releases r ON r.id = c.release_id
JOIN users u ON u.id = c.created_by_id
LEFT JOIN deployments l ON l.id = {LIVE_DEPLOYMENT_ID.format(environment_id="e.id AND live.id <> $2")}
LEFT JOIN candidates lc ON lc.id = l.candidate_id
LEFT JOIN comparisons m ON m.repository_id = c.repository_id AND m.base = lc."commit" AND m.head = c."commit"
LEFT JOIN environment_locks k ON k.environment_id = e.id AND k.released_at IS NULL AND (k.until IS NULL OR k.until > $3)
LEFT JOIN users ko ON ko.id = k.owner_id
WHERE c.id = $1 AND e.id IN ({{environments}})
"""  # noqa: S608 - a subquery of ours
FREEZES = """
SELECT f.scope, f.environment_id, u.name AS created_by, f.reason, f.since, f.until
FROM freezes f JOIN users u ON u.id = f.created_by_id
WHERE (f.environment_id IN ({environments}) OR (f.scope = 'project' AND f.project_id = $2) OR f.scope = 'service')
    AND f.ended_at IS NULL AND (f.until IS NULL OR f.until > $1)
ORDER BY f.since, f.id
"""
EARLIER = """
SELECT e.name,
    (SELECT max(d.deploy_end_at) FROM deployments d JOIN candidates c ON c.id = d.candidate_id
        WHERE d.environment_id = e.id AND c."commit" = $2 AND d.status = 'success') AS deployed_at,
    (SELECT max(d.deploy_end_at) FROM deployments d JOIN candidates c ON c.id = d.candidate_id
        WHERE d.environment_id = e.id AND c."commit" = $2 AND d.status IN ('failure', 'error')
        AND COALESCE(d.wait_outcome, 'dispatched') = 'dispatched') AS failed_at,
    (SELECT max(d.created_at) FROM deployments d JOIN candidates c ON c.id = d.from_candidate_id
        WHERE d.environment_id = e.id AND c."commit" = $2 AND d.kind = 'rollback' AND d.status <> 'canceled'
    ) AS rolled_back_at
FROM environments e WHERE e.project_id = $1
"""
APPROVALS = """
SELECT a.id, a.environment_id, a.user_id, u.name AS login, u.github_id, a.approved_at, a.by_operator
FROM approvals a JOIN users u ON u.id = a.user_id
WHERE a.candidate_id = $1 AND a.environment_id IN ({environments}) AND a.withdrawn_at IS NULL ORDER BY a.id
"""
_NEWEST_SUCCESS = NEWEST_SUCCESS.format(project_id="$1", but=" AND live.id <> $2")
AUTHORS = "SELECT author_ids, unlinked FROM comparisons WHERE repository_id = $1 AND base = $2 AND head = $3"


class StateRow(TypedDict):
    """The release and the author of a candidate, and what is live, locked and under way on an environment."""

    environment_id: int
    held: Any
    cut_by: int
    cut_by_github_id: int | None
    live_version: str | None
    live_commit: str | None
    comparison: str | None
    author_ids: Any
    unlinked: Any
    lock_owner: int | None
    lock_owner_name: str | None
    lock_reason: str | None
    lock_since: Any
    lock_until: Any
    busy_with: int | None


class FreezeRow(TypedDict):
    """A freeze in force; `environment_id` is None unless it is one of an environment."""

    scope: str
    environment_id: int | None
    created_by: str
    reason: str
    since: Any
    until: Any


class EarlierRow(TypedDict):
    """How a commit fared on an environment."""

    name: str
    deployed_at: Any
    failed_at: Any
    rolled_back_at: Any


class ApprovalRow(TypedDict):
    """An approval that was not withdrawn."""

    id: int
    environment_id: int
    user_id: int
    login: str
    github_id: int | None
    approved_at: Any
    by_operator: int | bool


@lru_cache(maxsize=128)
def _about(statement: str, environments: int, first: int) -> str:
    """A statement about so many environments, at least one; their ids are its values from the number `first` on."""
    numbers = range(first, first + environments)
    return statement.format(environments=", ".join(f"${number}" for number in numbers))


async def states(environments: Sequence[int], candidate: int, deployment: int, now: datetime) -> dict[int, StateRow]:
    """Read the state of a candidate and of environments of its project, by their ids, without the deployment (0: none).

    It does not make an environment busy, nor is it live there: one that was reported may have succeeded already.
    """
    sql = _about(STATE, len(environments), 4)
    rows = await fetch_as(StateRow, sql, candidate, deployment, now, *environments)
    return {row["environment_id"]: row for row in rows}


async def freezes(environments: Sequence[int], project: int, now: datetime) -> list[FreezeRow]:
    """Read the freezes in force on some environments of a project, on it and on all projects, the oldest first."""
    return await fetch_as(FreezeRow, _about(FREEZES, len(environments), 3), now, project, *environments)


async def earlier(project: int, commit: str) -> dict[str, EarlierRow]:
    """Read how a commit fared on each environment of a project, by its name."""
    return {row["name"]: row for row in await fetch_as(EarlierRow, EARLIER, project, commit)}


async def approvals(candidate: int, environments: Sequence[int]) -> list[ApprovalRow]:
    """Read the approvals of a candidate for some environments."""
    return await fetch_as(ApprovalRow, _about(APPROVALS, len(environments), 2), candidate, *environments)


async def deploying_runs(repository: int, runs: Sequence[RunId]) -> set[RunId]:
    """Find those of some workflow runs that were dispatched to deploy."""
    where = Conditions()
    where.add("repository_id = {}", repository)
    where.add_in("github_id", runs)
    where.add("deployment_id IS NOT NULL")
    rows = await fetch(f"SELECT github_id FROM runs {where}", *where.args)  # noqa: S608 - conditions of ours
    return {RunId(row["github_id"]) for row in rows}


async def newest_success(project: int, deployment: int) -> str | None:
    """Read the commit that was deployed successfully last on any environment of a project, but by the deployment."""
    [row] = await fetch(f"SELECT {_NEWEST_SUCCESS} AS found", project, deployment)
    return None if row["found"] is None else str(row["found"])


async def authors(repository: int, base: str, head: str) -> tuple[list[int], list[str]] | None:
    """Read who wrote the commits from base to head, and the names of those without an account; None if unknown."""
    rows = await fetch(AUTHORS, repository, base, head)
    return authors_of(rows[0]["author_ids"], rows[0]["unlinked"]) if rows else None


def authors_of(author_ids: Any, unlinked: Any) -> tuple[list[int], list[str]] | None:
    """The authors of a stored comparison; None if they were not asked for."""
    ids = from_json(author_ids)
    return None if ids is None else (ids, from_json(unlinked) or [])


def from_json(value: Any) -> Any:
    """A value of a JSON column, which is text on SQLite."""
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def to_time(value: Any) -> datetime | None:
    """A time of a plain statement, which is text on SQLite."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def known_time(value: Any) -> datetime:
    """A time of a row that always has one."""
    time = to_time(value)
    if time is None:
        raise ValueError("the row has no such time")
    return time
