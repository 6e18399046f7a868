"""Histories of deployments, of an environment or of a candidate, newest first, with who asked and the newest run."""

from typing import Any, TypedDict

from bot.store.database import fetch_as
from bot.store.placeholders import placeholder_list
from bot.store.queries import MAX_ID, IdRow

_OF_ENVIRONMENT = "SELECT id FROM deployments WHERE environment_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
_OF_CANDIDATE = "SELECT id FROM deployments WHERE candidate_id = $1 ORDER BY id DESC LIMIT $2"
_DEPLOYMENTS = """
SELECT d.id, d.kind, d.status, d.waiting, d.wait_outcome, d.reported, d.automatic, d.error_message, d.force_reason,
    d.rollback_reason, d.created_at, d.deploy_start_at, d.deploy_end_at, e.name AS environment, u.name AS asked_by,
    c.version, c."commit", fc.version AS from_version, n.github_id AS run_id, n.url AS run_url
FROM deployments d
JOIN environments e ON e.id = d.environment_id
JOIN users u ON u.id = d.actor_id
JOIN candidates c ON c.id = d.candidate_id
LEFT JOIN candidates fc ON fc.id = d.from_candidate_id
LEFT JOIN runs n ON n.id = (SELECT max(m.id) FROM runs m WHERE m.deployment_id = d.id)
WHERE d.id IN ({ids}) ORDER BY d.id DESC
"""


class HistoryRow(TypedDict):
    """A deployment, with its newest run."""

    id: int
    kind: str
    status: str
    waiting: int | bool
    wait_outcome: str | None
    reported: int | bool
    automatic: int | bool
    error_message: str | None
    force_reason: str | None
    rollback_reason: str | None
    created_at: Any
    deploy_start_at: Any
    deploy_end_at: Any
    environment: str
    asked_by: str
    version: str
    commit: str
    from_version: str | None
    run_id: int | None
    run_url: str | None


async def of_environment(environment_id: int, *, before: int | None, limit: int) -> list[HistoryRow]:
    """Read deployments on an environment with ids below `before`, newest first."""
    ids = await fetch_as(IdRow, _OF_ENVIRONMENT, environment_id, MAX_ID if before is None else before, limit)
    return await _rows(ids)


async def of_candidate(candidate_id: int, *, limit: int) -> list[HistoryRow]:
    """Read the newest deployments of a candidate, newest first."""
    return await _rows(await fetch_as(IdRow, _OF_CANDIDATE, candidate_id, limit))


async def _rows(page: list[IdRow]) -> list[HistoryRow]:
    ids = [row["id"] for row in page]
    return await fetch_as(HistoryRow, _DEPLOYMENTS.format(ids=placeholder_list(len(ids))), *ids) if ids else []
