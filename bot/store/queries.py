"""Rows of projects, tokens, releases and deployments, read by plain SQL.

Rows of lists are dictionaries that go to JSON without passing through objects. Times in them are text on SQLite.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypedDict

import orjson
from tortoise.fields import DatetimeField
from tortoise.models import Model

from bot.rules.ids import EnvironmentId, InstallationId, RepositoryId
from bot.rules.permissions import Visibility
from bot.store import visibility
from bot.store.candidates import Candidate
from bot.store.database import Record, fetch, fetch_as
from bot.store.lists import Conditions
from bot.store.placeholders import placeholder_list
from bot.store.projects import Environment, Outline, Project, Repository
from bot.store.users import TokenRecord

BY_NAME = "p.name = $1"
BY_PERMALINK = "p.permalink = $1"
BY_RELEASE_ID = "p.id = (SELECT project_id FROM releases WHERE id = $1)"
BY_DEPLOYMENT_ID = (
    "p.id = (SELECT e.project_id FROM deployments d JOIN environments e ON e.id = d.environment_id WHERE d.id = $1)"
)
_PROJECT = "FROM projects p LEFT JOIN repositories g ON g.github_id = p.repository_id WHERE"

_BY_DIGEST = """
SELECT t.id, t.user_id, u.name AS user_name, t.grants, t.project_id, t.expires_at, t.revoked_at, t.last_used_at,
    CASE WHEN t.personal THEN u.github_id END AS github_id, t.by_operator
FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.digest = $1
"""

_DEPLOYMENT = """
SELECT u.name AS actor, d.deploy_start_at, d.deploy_end_at, e.name AS environment_name, d.error_message,
    fc.version AS from_release_candidate_version, fr.version AS from_release_version, d.id,
    c.version AS release_candidate_version, r.version AS release_version, d.status, d.waits_for
FROM deployments d
JOIN environments e ON e.id = d.environment_id
JOIN users u ON u.id = d.actor_id
JOIN candidates c ON c.id = d.candidate_id
JOIN releases r ON r.id = c.release_id
LEFT JOIN candidates fc ON fc.id = d.from_candidate_id
LEFT JOIN releases fr ON fr.id = fc.release_id
"""
_DEPLOYMENTS = f"{_DEPLOYMENT} WHERE d.id IN ({{ids}}) ORDER BY d.id DESC"
_DEPLOYMENT_PAGE = "SELECT id FROM deployments WHERE environment_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3"
_RELEASE_DEPLOYMENTS_PAGE = """
SELECT d.id FROM candidates c JOIN deployments d ON d.candidate_id = c.id
WHERE c.release_id = $1 ORDER BY d.id DESC LIMIT 200
"""

_RELEASES = """
SELECT r.id, r.version, r.status, r.held IS NOT NULL AS held, r."commit", r.created_at, r.updated_at,
    (SELECT c.version FROM candidates c WHERE c.release_id = r.id ORDER BY c.number DESC LIMIT 1) AS newest
FROM releases r WHERE r.id IN ({ids}) ORDER BY r.id DESC
"""
_RELEASE_PAGE = """
SELECT id FROM releases WHERE project_id = $1 AND release_type = 'ga' AND id < $2 ORDER BY id DESC LIMIT $3
"""

MAX_ID = 2**31 - 1


class IdRow(TypedDict):
    """A row of a statement that finds a page."""

    id: int


class DeploymentRow(TypedDict):
    """A deployment as lists show it."""

    actor: str
    deploy_start_at: datetime | str | None
    deploy_end_at: datetime | str | None
    environment_name: str
    error_message: str | None
    from_release_candidate_version: str | None
    from_release_version: str | None
    id: int
    release_candidate_version: str
    release_version: str
    status: str
    waits_for: list[str] | str | None


class ReleaseRow(TypedDict):
    """A release as lists show it; `newest` is the version of its newest candidate."""

    id: int
    version: str
    status: int
    held: bool
    commit: str | None
    created_at: datetime | str
    updated_at: datetime | str
    newest: str | None


class ReachabilityRow(TypedDict):
    """A repository, and the installation of the App that reaches it as far as we know."""

    github_id: RepositoryId
    installation_id: InstallationId | None


async def find_reachability(repositories: Sequence[int]) -> list[ReachabilityRow]:
    """Find which installations reach those of these repositories that are known: any number of them."""
    where = Conditions()
    where.add_in("github_id", repositories)
    return await fetch_as(ReachabilityRow, f"SELECT github_id, installation_id FROM repositories {where}", *where.args)


async def find_project(condition: str, value: str | int) -> Project | None:
    """Find the project for which one of the conditions BY_… holds, with its repository.

    Nearly every request begins with this. Tortoise would build its statements anew each time, which takes longer than
    the rest of a read request.
    """
    rows = await fetch(f"SELECT {_columns(Project, 'p')}, {_columns(Repository, 'g')} {_PROJECT} {condition}", value)
    if not rows:
        return None
    project: Any = _to_model(Project, "p", rows[0])
    project._repository = None if project.repository_id is None else _to_model(Repository, "g", rows[0])
    return project  # type: ignore[no-any-return]


async def find_outline(condition: str, value: str | int) -> Outline | None:
    """Find the outline of the project for which one of the conditions BY_… holds."""
    columns = f"p.id, p.name, p.repository_id, (g.github_id IS NULL OR {visibility.PUBLIC}) AS is_public"
    rows = await fetch(f"SELECT {columns} {_PROJECT} {condition}", value)
    if not rows:
        return None
    return Outline(rows[0]["id"], rows[0]["name"], rows[0]["repository_id"], bool(rows[0]["is_public"]))


async def get_repository(github_id: RepositoryId) -> Repository:
    """Return a repository, which must exist."""
    rows = await fetch(f"SELECT {_columns(Repository, 'g')} FROM repositories g WHERE g.github_id = $1", github_id)
    return _to_model(Repository, "g", rows[0])  # type: ignore[no-any-return]


async def find_environment(project_id: int, name: str) -> Environment | None:
    """Find a project's environment by its case-sensitive name."""
    sql = f"SELECT {_columns(Environment, 'e')} FROM environments e WHERE e.project_id = $1 AND e.name = $2"
    rows = await fetch(sql, project_id, name)
    return _to_model(Environment, "e", rows[0]) if rows else None


async def find_candidate(project: Project, version: str) -> Candidate | None:
    """Find a candidate of a project by its version, with its repository if that is the project's."""
    sql = f"SELECT {_columns(Candidate, 'c')} FROM candidates c WHERE c.project_id = $1 AND c.version = $2"
    rows = await fetch(sql, project.id, version)
    if not rows:
        return None
    candidate: Any = _to_model(Candidate, "c", rows[0])
    if candidate.repository_id == project.repository_id:
        candidate._repository = project.repository
    return candidate  # type: ignore[no-any-return]


async def find_environment_id(project_id: int, name: str) -> EnvironmentId | None:
    """Find the id of a project's environment by its case-sensitive name."""
    rows = await fetch_as(IdRow, "SELECT id FROM environments WHERE project_id = $1 AND name = $2", project_id, name)
    return EnvironmentId(rows[0]["id"]) if rows else None


async def list_project_names(visible: Visibility, key: str, limit: int) -> tuple[list[str], int]:
    """List the names or permalinks (by `key`) of the first visible projects, in order, and count all of them."""
    args: list[Any] = []
    where = visibility.condition(visible, "id", args)
    columns = f"{key} AS name, count(*) OVER () AS total"
    sql = f"SELECT {columns} FROM projects {'WHERE ' if where else ''}{where} ORDER BY {key} LIMIT {limit:d}"
    rows = await fetch(sql, *args)
    return [row["name"] for row in rows], rows[0]["total"] if rows else 0


async def list_environment_names(project_id: int) -> list[str]:
    """List the names of a project's environments in their order."""
    sql = "SELECT name FROM environments WHERE project_id = $1 ORDER BY position, id"
    return [row["name"] for row in await fetch(sql, project_id)]


async def list_newest_candidates(project_id: int, *, limit: int) -> list[str]:
    """List the versions of a project's newest candidates, newest first."""
    sql = f"SELECT version FROM candidates WHERE project_id = $1 ORDER BY id DESC LIMIT {limit:d}"
    return [row["version"] for row in await fetch(sql, project_id)]


async def find_token(digest: str) -> TokenRecord | None:
    """Find a token and its user by the SHA-256 of its secret, whether or not it is valid."""
    rows = await fetch(_BY_DIGEST, digest)
    if not rows:
        return None
    row = rows[0]
    grants = row["grants"]
    return TokenRecord(
        id=row["id"],
        user_id=row["user_id"],
        user_name=row["user_name"],
        grants=frozenset(orjson.loads(grants) if isinstance(grants, str) else grants),
        project_id=row["project_id"],
        expires_at=_to_datetime(row["expires_at"]),
        revoked_at=_to_datetime(row["revoked_at"]),
        last_used_at=_to_datetime(row["last_used_at"]),
        github_id=row["github_id"],
        by_operator=bool(row["by_operator"]),
    )


async def list_deployments(environment_id: int, *, limit: int, offset: int) -> list[DeploymentRow]:
    """Return one page of an environment's deployments, newest first."""
    page = await fetch_as(IdRow, _DEPLOYMENT_PAGE, environment_id, limit, offset)
    return await _fetch_page(DeploymentRow, _DEPLOYMENTS, page)


async def get_deployment(deployment_id: int) -> DeploymentRow:
    """Return one deployment, which must exist, as lists show it."""
    return (await fetch_as(DeploymentRow, f"{_DEPLOYMENT} WHERE d.id = $1", deployment_id))[0]


async def count_deployments(environment_id: int) -> int:
    """Count the deployments of an environment."""
    rows = await fetch("SELECT count(*) AS count FROM deployments WHERE environment_id = $1", environment_id)
    return int(rows[0]["count"])


async def list_releases(project_id: int, *, before: int | None, limit: int) -> list[ReleaseRow]:
    """Return releases of a project with ids below `before`, newest first."""
    page = await fetch_as(IdRow, _RELEASE_PAGE, project_id, MAX_ID if before is None else before, limit)
    return await _fetch_page(ReleaseRow, _RELEASES, page)


async def list_release_deployments(release_id: int) -> list[DeploymentRow]:
    """Return the deployments of a release's candidates, newest first, at most 200."""
    return await _fetch_page(DeploymentRow, _DEPLOYMENTS, await fetch_as(IdRow, _RELEASE_DEPLOYMENTS_PAGE, release_id))


async def _fetch_page(record: type[Record], sql: str, page: Iterable[IdRow]) -> list[Record]:
    """Fetch the rows of a page by their ids, for which `{ids}` stands.

    The page is found by a separate statement, on an index that covers it. In a single statement PostgreSQL could not
    know how few rows there are: it would plan anew each time, or scan the newest rows of every project.
    """
    ids = [row["id"] for row in page]
    return await fetch_as(record, sql.format(ids=placeholder_list(len(ids))), *ids) if ids else []


@cache
def _columns(model: type[Model], alias: str) -> str:
    return ", ".join(
        f'{alias}."{column}" AS "{alias}.{column}"' for column in model._meta.fields_db_projection.values()
    )


def _to_model(model: type[Model], alias: str, row: dict[str, Any]) -> Any:
    values = {column: row[f"{alias}.{column}"] for column in model._meta.fields_db_projection.values()}
    for column in _datetime_columns(model):
        values[column] = _to_datetime(values[column])
    return model._init_from_db(**values)


@cache
def _datetime_columns(model: type[Model]) -> list[str]:
    fields = model._meta.fields_map
    return [
        column for name, column in model._meta.fields_db_projection.items() if isinstance(fields[name], DatetimeField)
    ]


def _to_datetime(value: Any) -> Any:
    """Parse a time that SQLite returned as text: Tortoise would take twenty times as long."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value
