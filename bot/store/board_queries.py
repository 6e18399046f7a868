"""What the board shows, in few statements, none of which takes longer the more releases there are."""

from datetime import datetime
from typing import Any, TypedDict

from bot.rules.permissions import Visibility
from bot.store import visibility
from bot.store.database import fetch_as
from bot.store.deployments import LIVE_DEPLOYMENT_ID
from bot.store.lists import Conditions, containing
from bot.store.queries import IdRow

_NEWEST = "(SELECT max(n.id) FROM candidates n WHERE n.project_id = p.id)"
_NEWEST_LEFT = """(
    SELECT n.id FROM candidates n WHERE n.project_id = p.id AND n.status NOT IN ('failed', 'canceled', 'banned')
    ORDER BY n.id DESC LIMIT 1
)"""
"""The newest candidate that is, or may become, ready."""
_PROJECTS = f"""
SELECT p.id, p.name, g.full_name, c.version, c."commit", c.status, c.reason, c.created_at, u.name AS cut_by
FROM projects p
LEFT JOIN repositories g ON g.github_id = p.repository_id
LEFT JOIN candidates c ON c.id = {_NEWEST}
LEFT JOIN users u ON u.id = c.created_by_id
{{where}} ORDER BY p.name LIMIT {{limit:d}}
"""  # noqa: S608 - a subquery of ours
# `+ 0`: for the greatest id itself, SQLite would go through all deployments of an environment, newest first
_ENVIRONMENTS = f"""
SELECT e.id, e.project_id, e.name, e.tier,
    l.id AS live_id, lc.version AS live_version, lc."commit" AS live_commit, l.deploy_start_at AS live_started_at,
    l.deploy_end_at AS live_since, l.automatic AS live_automatic, lu.name AS live_by,
    m.status AS comparison, m.ahead_by, nc."commit" AS newest_commit, lc.repository_id,
    g.installation_id IS NOT NULL AS is_reached,
    r.id AS running_id, rc.version AS running_version, rc."commit" AS running_commit, r.status AS running_status,
    r.kind AS running_kind, r.created_at AS running_asked_at, r.deploy_start_at AS running_since, ru.name AS running_by,
    w.id AS waiting_id, wc.version AS waiting_version, wc."commit" AS waiting_commit, w.created_at AS waiting_since,
    wu.name AS waiting_by, w.expires_at, w.decision
FROM environments e
JOIN projects p ON p.id = e.project_id
LEFT JOIN candidates nc ON nc.id = {_NEWEST_LEFT}
LEFT JOIN deployments l ON l.id = {LIVE_DEPLOYMENT_ID.format(environment_id="e.id")}
LEFT JOIN candidates lc ON lc.id = l.candidate_id
LEFT JOIN users lu ON lu.id = l.actor_id
LEFT JOIN repositories g ON g.github_id = lc.repository_id
LEFT JOIN comparisons m ON m.repository_id = lc.repository_id AND m.base = lc."commit" AND m.head = nc."commit"
LEFT JOIN deployments r ON r.id = (
    SELECT max(d.id + 0) FROM deployments d WHERE d.environment_id = e.id
        AND d.status IN ('pending', 'in_progress', 'canceling') AND NOT d.waiting
)
LEFT JOIN candidates rc ON rc.id = r.candidate_id
LEFT JOIN users ru ON ru.id = r.actor_id
LEFT JOIN deployments w ON w.environment_id = e.id AND w.waiting
LEFT JOIN candidates wc ON wc.id = w.candidate_id
LEFT JOIN users wu ON wu.id = w.actor_id
{{where}} ORDER BY e.project_id, e.position, e.id
"""  # noqa: S608 - subqueries of ours
_FREEZES = """
SELECT f.id, f.scope, f.project_id, f.environment_id, u.name AS created_by, f.reason, f.since, f.until
FROM freezes f JOIN users u ON u.id = f.created_by_id
WHERE f.ended_at IS NULL AND (f.until IS NULL OR f.until > $1) ORDER BY f.since, f.id
"""
_LOCKS = """
SELECT k.id, k.environment_id, u.name AS owner, k.reason, k.since, k.until
FROM environment_locks k JOIN users u ON u.id = k.owner_id
WHERE k.released_at IS NULL AND (k.until IS NULL OR k.until > $1)
"""
_HELD = "SELECT project_id, version, held FROM releases {where} ORDER BY project_id, id DESC"


class ProjectRow(TypedDict):
    """A project, and its newest candidate."""

    id: int
    name: str
    full_name: str | None
    version: str | None
    commit: str
    status: str
    reason: str | None
    created_at: Any
    cut_by: str


class EnvironmentRow(TypedDict):
    """An environment, with what is live, what runs and what waits there.

    `newest_commit` is that of the newest candidate that is, or may become, ready.
    """

    id: int
    project_id: int
    name: str
    tier: str
    live_id: int | None
    live_version: str
    live_commit: str
    live_started_at: Any
    live_since: Any
    live_automatic: int | bool
    live_by: str
    comparison: str | None
    ahead_by: int | None
    newest_commit: str | None
    repository_id: int | None
    is_reached: int | bool
    running_id: int | None
    running_version: str
    running_commit: str
    running_status: str
    running_kind: str
    running_asked_at: Any
    running_since: Any
    running_by: str
    waiting_id: int | None
    waiting_version: str
    waiting_commit: str
    waiting_since: Any
    waiting_by: str
    expires_at: Any
    decision: Any


class FreezeRow(TypedDict):
    """A freeze in force."""

    id: int
    scope: str
    project_id: int | None
    environment_id: int | None
    created_by: str
    reason: str
    since: Any
    until: Any


class LockRow(TypedDict):
    """A lock in force."""

    id: int
    environment_id: int
    owner: str
    reason: str
    since: Any
    until: Any


class HeldRow(TypedDict):
    """A release that is held."""

    project_id: int
    version: str
    held: Any


async def projects(visible: Visibility, words: str, name: str | None, limit: int) -> list[ProjectRow]:
    """Read the first visible projects by name that are not archived: those whose name or repository has the words.

    `name` is that of the only project to read, archived or not.
    """
    where = Conditions()
    if name is None:
        where.add("NOT p.archived")
    if condition := visibility.condition(visible, "p.id", where.args):
        where.clauses.append(condition)
    if name is not None:
        where.add("p.name = {}", name)
    for word in words.lower().split():
        where.add("(lower(p.name) LIKE {0} ESCAPE '!' OR lower(g.full_name) LIKE {0} ESCAPE '!')", containing(word))
    return await fetch_as(ProjectRow, _PROJECTS.format(where=where, limit=limit), *where.args)


async def visible_ids(visible: Visibility) -> list[IdRow]:
    """Read the ids of the visible projects."""
    where = Conditions()
    if condition := visibility.condition(visible, "p.id", where.args):
        where.clauses.append(condition)
    return await fetch_as(IdRow, f"SELECT p.id FROM projects p {where}", *where.args)  # noqa: S608 - conditions of ours


async def environments(project_ids: list[int]) -> list[EnvironmentRow]:
    """Read the environments of some projects, in their order."""
    where = Conditions()
    where.add_in("e.project_id", project_ids)
    return await fetch_as(EnvironmentRow, _ENVIRONMENTS.format(where=where), *where.args)


async def freezes(now: datetime) -> list[FreezeRow]:
    """Read all freezes in force, the oldest first."""
    return await fetch_as(FreezeRow, _FREEZES, now)


async def locks(now: datetime) -> list[LockRow]:
    """Read all locks in force."""
    return await fetch_as(LockRow, _LOCKS, now)


async def held(project_ids: list[int]) -> list[HeldRow]:
    """Read the releases of some projects that are held, the newest first."""
    where = Conditions()
    where.add("held IS NOT NULL")
    where.add_in("project_id + 0", project_ids)  # else SQLite goes through all releases of each project
    return await fetch_as(HeldRow, _HELD.format(where=where), *where.args)
