"""Searches: a statement a kind, each bounded, among the rows of visible projects.

The first characters of a text are found by a range, for which both databases use an index.
"""

from collections.abc import Sequence
from typing import Any, TypedDict

from bot.rules.permissions import Visibility
from bot.store import visibility
from bot.store.board_queries import visible_ids
from bot.store.database import fetch, fetch_as
from bot.store.deployments import LIVE_DEPLOYMENT_ID
from bot.store.github_views import STATUS_COMMENT
from bot.store.lists import Conditions, containing

MAX_FOUND = 20
"""The most results of a kind."""
MAX_SHA, GREATEST_DIGIT = 64, "f"
GREATEST = "z" * 40
"""Comes after whatever can follow in a version, in every order of texts."""
MAX_READ = 5_000
"""Of how many candidates the newest are chosen, where more versions begin so: the newest ones, and any others."""

# The last part has no range of versions, so that it reads by ids; the one before has no order, so that it ends early.
_VERSIONS = f"""
SELECT 0 AS place, id FROM (
    SELECT c.id FROM candidates c WHERE c.version = {{text}}{{of_projects}} ORDER BY c.id DESC LIMIT {MAX_FOUND}
) itself
UNION ALL SELECT 1, id FROM (
    SELECT c.id FROM candidates c JOIN releases r ON r.id = c.release_id
    WHERE c.version >= {{candidate}} AND c.version <= {{last_candidate}} AND r.version = {{text}}{{of_projects}}
    ORDER BY c.id DESC LIMIT {MAX_FOUND}
) of_release
UNION ALL SELECT 2, id FROM (
    SELECT id FROM (
        SELECT c.id FROM candidates c
        WHERE c.version >= {{text}} AND c.version <= {{last}} AND {{begins}}{{of_projects}} LIMIT {MAX_READ}
    ) begun ORDER BY id DESC LIMIT {MAX_FOUND}
) others
UNION ALL SELECT 2, id FROM (
    SELECT c.id FROM candidates c
    WHERE c.id > (SELECT max(id) FROM candidates) - {MAX_READ} AND {{begins}}{{of_projects}}
    ORDER BY c.id DESC LIMIT {MAX_FOUND}
) newest
"""  # noqa: S608 - constants of ours
_CANDIDATES = f"""
SELECT c.id, c.project_id, p.name AS project, c.version, c."commit", c.status, c.created_at, u.name AS cut_by
FROM candidates c
JOIN projects p ON p.id = c.project_id
JOIN users u ON u.id = c.created_by_id
{{where}} ORDER BY c.id DESC LIMIT {MAX_FOUND}
"""  # noqa: S608 - a constant of ours
_PEOPLE = f"""
SELECT f.name, cp.name AS cut_in, c.version AS cut, c.created_at AS cut_at, dp.name AS deployed_in, d.id AS deployment,
    dc.version AS deployed, e.name AS environment, d.created_at AS deployed_at
FROM (
    SELECT u.name, (SELECT max(n.id) FROM candidates n WHERE n.created_by_id = u.id{{of_candidate}}) AS candidate_id,
        (SELECT max(m.id) FROM deployments m WHERE m.actor_id = u.id AND NOT m.automatic{{of_deployment}}) AS deployment_id
    FROM users u WHERE {{named}}
) f
LEFT JOIN candidates c ON c.id = f.candidate_id
LEFT JOIN projects cp ON cp.id = c.project_id
LEFT JOIN deployments d ON d.id = f.deployment_id
LEFT JOIN candidates dc ON dc.id = d.candidate_id
LEFT JOIN environments e ON e.id = d.environment_id
LEFT JOIN projects dp ON dp.id = e.project_id
WHERE f.candidate_id IS NOT NULL OR f.deployment_id IS NOT NULL
ORDER BY length(f.name), f.name LIMIT {MAX_FOUND}
"""  # noqa: E501, S608 - constants of ours
_PROJECTS = f"""
SELECT p.id, p.name, g.full_name, p.archived FROM projects p LEFT JOIN repositories g ON g.github_id = p.repository_id
{{where}} ORDER BY length(p.name), p.name LIMIT {MAX_FOUND}
"""  # noqa: S608 - a constant of ours
_LIVE = f"""
SELECT e.project_id, e.name AS environment, l.candidate_id, c.version
FROM environments e
JOIN deployments l ON l.id = {LIVE_DEPLOYMENT_ID.format(environment_id="e.id")}
JOIN candidates c ON c.id = l.candidate_id
{{where}} ORDER BY e.project_id, e.position, e.id
"""  # noqa: S608 - a subquery of ours


class CandidateRow(TypedDict):
    """A candidate."""

    id: int
    project_id: int
    project: str
    version: str
    commit: str
    status: str
    created_at: Any
    cut_by: str


class PersonRow(TypedDict):
    """A person, with what they cut and deployed last in the visible projects."""

    name: str
    cut_in: str | None
    cut: str | None
    cut_at: Any
    deployed_in: str | None
    deployment: int | None
    deployed: str | None
    environment: str | None
    deployed_at: Any


class ProjectRow(TypedDict):
    """A project."""

    id: int
    name: str
    full_name: str | None
    archived: int | bool


class LiveRow(TypedDict):
    """What is live on an environment."""

    project_id: int
    environment: str
    candidate_id: int
    version: str


async def by_version(visible: Visibility, prefix: str) -> list[CandidateRow]:
    """Find candidates whose versions begin so: the one itself, those of this release, then the newest.

    If very many begin so, the newest of all are looked for among the newest candidates of the service.
    """
    where = Conditions()
    names = {
        "text": where.value(prefix),
        "last": where.value(prefix + GREATEST),
        "candidate": where.value(f"{prefix}-rc"),
        "last_candidate": where.value(f"{prefix}-rc{GREATEST}"),
    }
    if not visible.everything:
        where.add_in("c.project_id", [row["id"] for row in await visible_ids(visible)])
    of_projects = "".join(f" AND {clause}" for clause in where.clauses)
    begins = f"substr(c.version, 1, {len(prefix):d}) = {names['text']}"
    sql = _VERSIONS.format(**names, begins=begins, of_projects=of_projects)
    found = await fetch(sql, *where.args)
    places: dict[int, int] = {}
    for row in sorted(found, key=lambda row: (row["place"], -row["id"])):
        places.setdefault(row["id"], len(places))
    chosen = Conditions()
    chosen.add_in("c.id", list(places)[:MAX_FOUND])
    rows = await fetch_as(CandidateRow, _CANDIDATES.format(where=chosen), *chosen.args)
    return sorted(rows, key=lambda row: places[row["id"]])


async def by_commit(visible: Visibility, prefix: str) -> list[CandidateRow]:
    """Find candidates whose SHAs begin so, the newest first."""
    where = _visible(visible, "c.project_id")
    where.add('c."commit" >= {} AND c."commit" <= {}', prefix, prefix.ljust(MAX_SHA, GREATEST_DIGIT))
    return await fetch_as(CandidateRow, _CANDIDATES.format(where=where), *where.args)


async def by_pull(visible: Visibility, number: str) -> list[CandidateRow]:
    """Find candidates that were cut or deployed on pull requests of a number, the newest first."""
    where = _visible(visible, "c.project_id")
    where.add(
        "c.id IN (SELECT v.candidate_id FROM github_views v "
        "WHERE v.thread_id = {} AND v.thread = 'pull' AND v.kind = {})",
        number,
        STATUS_COMMENT,
    )
    return await fetch_as(CandidateRow, _CANDIDATES.format(where=where), *where.args)


async def people(visible: Visibility, prefix: str) -> list[PersonRow]:
    """Find people whose names begin so, in lower case, and who cut or deployed something in visible projects."""
    where = Conditions()
    of_candidate = visibility.condition(visible, "n.project_id", where.args)
    inner = visibility.condition(visible, "x.project_id", where.args)
    own = f"SELECT x.id FROM environments x WHERE {inner}"  # noqa: S608 - conditions of ours
    of_deployment = f"m.environment_id IN ({own})" if inner else ""
    # the range is what the index is for; what is in it and does not begin so is left out
    where.add(
        f"lower(u.name) >= {{}} AND lower(u.name) <= {{}} AND substr(lower(u.name), 1, {len(prefix):d}) = {{}}",
        *(prefix, prefix + GREATEST, prefix),
    )
    sql = _PEOPLE.format(
        of_candidate=of_candidate and f" AND {of_candidate}",
        of_deployment=of_deployment and f" AND {of_deployment}",
        named=where.clauses[0],
    )
    return await fetch_as(PersonRow, sql, *where.args)


async def projects(visible: Visibility, part: str) -> list[ProjectRow]:
    """Find projects whose names contain a text, in lower case: the shortest names first."""
    where = _visible(visible, "p.id")
    where.add("lower(p.name) LIKE {} ESCAPE '!'", containing(part))
    return await fetch_as(ProjectRow, _PROJECTS.format(where=where), *where.args)


async def live(project_ids: Sequence[int]) -> list[LiveRow]:
    """Read what is live in some projects, in the order of their environments."""
    where = Conditions()
    where.add_in("e.project_id", project_ids)
    return await fetch_as(LiveRow, _LIVE.format(where=where), *where.args)


def _visible(visible: Visibility, column: str) -> Conditions:
    where = Conditions()
    if condition := visibility.condition(visible, column, where.args):
        where.clauses.append(condition)
    return where
