"""Candidates of a project, newest first, with their builds; and which were cut between two deployments."""

from collections.abc import Sequence
from typing import Any, TypedDict

from bot.store.database import fetch_as
from bot.store.lists import Conditions
from bot.store.placeholders import placeholder_list
from bot.store.queries import MAX_ID, IdRow

_PAGE = "SELECT id FROM candidates WHERE project_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
_CANDIDATES = """
SELECT c.id, c.version, c."commit", c.branch, c.status, c.reason, c.created_at, u.name AS cut_by,
    r.version AS release_version, r.status AS release_status, r.held, b.github_id AS run_id, b.url AS run_url
FROM candidates c
JOIN releases r ON r.id = c.release_id
JOIN users u ON u.id = c.created_by_id
LEFT JOIN runs b ON b.id = (SELECT max(n.id) FROM runs n WHERE n.candidate_id = c.id)
WHERE c.id IN ({ids}) ORDER BY c.id DESC
"""
_BETWEEN = """SELECT * FROM (
    SELECT {part} AS part, c.id, c.version FROM candidates c WHERE c.project_id = $1
    AND c.id > (SELECT o.candidate_id FROM deployments o WHERE o.id = ${older})
    AND c.id <= (SELECT n.candidate_id FROM deployments n WHERE n.id = ${newer})
    ORDER BY c.id DESC LIMIT {limit}
) p{part}"""
_COMPARISONS = "SELECT base, head, status, ahead_by FROM comparisons {where}"


class CandidateRow(TypedDict):
    """A candidate, its release, and the newest run of its build."""

    id: int
    version: str
    commit: str
    branch: str
    status: str
    reason: str | None
    created_at: Any
    cut_by: str
    release_version: str
    release_status: int
    held: Any
    run_id: int | None
    run_url: str | None


class BetweenRow(TypedDict):
    """A candidate between two deployments; `part` is the position of that pair."""

    part: int
    id: int
    version: str


class ComparisonRow(TypedDict):
    """How `head` stands to `base`."""

    base: str
    head: str
    status: str
    ahead_by: int | None


async def newest(project_id: int, *, before: int | None, limit: int) -> list[CandidateRow]:
    """Read candidates of a project with ids below `before`, newest first: the ids first, on an index."""
    page = await fetch_as(IdRow, _PAGE, project_id, MAX_ID if before is None else before, limit)
    ids = [row["id"] for row in page]
    return await fetch_as(CandidateRow, _CANDIDATES.format(ids=placeholder_list(len(ids))), *ids) if ids else []


async def between(project_id: int, pairs: Sequence[tuple[int, int]], limit: int) -> list[BetweenRow]:
    """Read the candidates cut after that of one deployment, up to that of another, newest first, of each pair."""
    parts, args = [], [project_id]
    for part, pair in enumerate(pairs):
        parts.append(_BETWEEN.format(part=part, older=len(args) + 1, newer=len(args) + 2, limit=int(limit)))
        args += pair
    return await fetch_as(BetweenRow, " UNION ALL ".join(parts), *args) if parts else []


async def comparisons(repository_id: int, pairs: Sequence[tuple[str, str]]) -> list[ComparisonRow]:
    """Read the stored comparisons of some pairs of base and head."""
    if not pairs:
        return []
    where = Conditions()
    where.add("repository_id = {}", repository_id)
    alternatives = " OR ".join("(base = {} AND head = {})" for _ in pairs)
    where.add(f"({alternatives})", *(sha for pair in pairs for sha in pair))
    return await fetch_as(ComparisonRow, _COMPARISONS.format(where=where), *where.args)
