"""Lists, read by plain SQL: rows come as dictionaries that go to JSON without passing through objects."""

from datetime import datetime
from functools import cache
from typing import Any

from tortoise.fields import DatetimeField
from tortoise.models import Model

from bot.store.database import fetch
from bot.store.projects import Outline, Project, Repository
from bot.store.users import ApiToken, User

NAMED = "p.name = $1"
PERMALINK = "p.permalink = $1"
OF_RELEASE = "p.id = (SELECT project_id FROM releases WHERE id = $1)"
_PROJECT = "FROM projects p LEFT JOIN repositories g ON g.github_id = p.repository_id WHERE"

_DEPLOYMENT = """
SELECT u.name AS actor, d.deploy_start_at, d.deploy_end_at, e.name AS environment_name, d.error_message,
    fc.version AS from_release_candidate_version, fr.version AS from_release_version, d.id,
    c.version AS release_candidate_version, r.version AS release_version, d.status
FROM deployments d
JOIN environments e ON e.id = d.environment_id
JOIN users u ON u.id = d.actor_id
JOIN candidates c ON c.id = d.candidate_id
JOIN releases r ON r.id = c.release_id
LEFT JOIN candidates fc ON fc.id = d.from_candidate_id
LEFT JOIN releases fr ON fr.id = fc.release_id
"""
_DEPLOYMENTS = f"{_DEPLOYMENT} WHERE d.id IN ({{places}}) ORDER BY d.id DESC"


async def project(which: str, value: Any) -> Project | None:
    """The project for which a condition holds, with its repository: nearly every call begins with one.

    Tortoise makes its statements anew each time, which takes longer than all else in a call that reads.
    """
    rows = await fetch(f"SELECT {_columns(Project, 'p')}, {_columns(Repository, 'g')} {_PROJECT} {which}", value)
    if not rows:
        return None
    found: Any = _made(Project, "p", rows[0])
    found._repository = None if found.repository_id is None else _made(Repository, "g", rows[0])
    return found  # type: ignore[no-any-return]


async def token(digest: str) -> ApiToken | None:
    """The token of a digest, with its user: every call that writes begins with it."""
    columns = f"{_columns(ApiToken, 't')}, {_columns(User, 'u')}"
    rows = await fetch(
        f"SELECT {columns} FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.digest = $1", digest
    )
    if not rows:
        return None
    found: Any = _made(ApiToken, "t", rows[0])
    found._user = _made(User, "u", rows[0])
    return found  # type: ignore[no-any-return]


async def outline(which: str, value: Any) -> Outline | None:
    """The outline of the project for which a condition holds."""
    columns = "p.id, p.name, p.repository_id, COALESCE(g.private, FALSE) AS private"
    rows = await fetch(f"SELECT {columns} {_PROJECT} {which}", value)
    return Outline(rows[0]["id"], rows[0]["name"], rows[0]["repository_id"], not rows[0]["private"]) if rows else None


async def environment(project: int, name: str) -> int | None:
    """The number of the environment of a project and a name, cases told apart."""
    rows = await fetch("SELECT id FROM environments WHERE project_id = $1 AND name = $2", project, name)
    return rows[0]["id"] if rows else None


@cache
def _columns(model: type[Model], alias: str) -> str:
    return ", ".join(
        f'{alias}."{column}" AS "{alias}.{column}"' for column in model._meta.fields_db_projection.values()
    )


def _made(model: type[Model], alias: str, row: dict[str, Any]) -> Any:
    values = {column: row[f"{alias}.{column}"] for column in model._meta.fields_db_projection.values()}
    for column in _times(model):
        if isinstance(values[column], str):  # SQLite; tortoise would take twenty times as long
            values[column] = datetime.fromisoformat(values[column])
    return model._init_from_db(**values)


@cache
def _times(model: type[Model]) -> list[str]:
    fields = model._meta.fields_map
    return [
        column for name, column in model._meta.fields_db_projection.items() if isinstance(fields[name], DatetimeField)
    ]


async def deployments(environment: int, *, limit: int, offset: int) -> list[dict[str, Any]]:
    """One page of an environment's deployments, newest first."""
    page = "SELECT id FROM deployments WHERE environment_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3"
    return await _rows(_DEPLOYMENTS, await fetch(page, environment, limit, offset))


async def deployment(number: int) -> dict[str, Any]:
    """One deployment in the shape of the list."""
    return (await fetch(f"{_DEPLOYMENT} WHERE d.id = $1", number))[0]


async def _rows(sql: str, page: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a page, which gives their ids; `{places}` stands for these.

    Pages are found by themselves, on an index that holds all that they ask for. In one statement with them PostgreSQL
    cannot know how few rows it is about: it makes its plan anew each time, or walks through everybody's newest rows.
    """
    places = ", ".join(f"${number}" for number in range(1, len(page) + 1))
    return await fetch(sql.format(places=places), *(row["id"] for row in page)) if page else []


async def count_deployments(environment: int) -> int:
    """How many deployments an environment has had."""
    rows = await fetch("SELECT count(*) AS count FROM deployments WHERE environment_id = $1", environment)
    return int(rows[0]["count"])


async def releases(project: int, *, before: int | None, limit: int) -> list[dict[str, Any]]:
    """Releases of a project, newest first, from before an id on; each with its newest candidate."""
    page = """
        SELECT id FROM releases WHERE project_id = $1 AND release_type = 'ga' AND id < $2 ORDER BY id DESC LIMIT $3
        """
    rows = """
        SELECT r.id, r.version, r.status, r.held IS NOT NULL AS held, r."commit", r.created_at, r.updated_at,
            (SELECT c.version FROM candidates c WHERE c.release_id = r.id ORDER BY c.number DESC LIMIT 1) AS newest
        FROM releases r WHERE r.id IN ({places}) ORDER BY r.id DESC
        """
    return await _rows(rows, await fetch(page, project, 2**31 - 1 if before is None else before, limit))


async def release_deployments(release: int) -> list[dict[str, Any]]:
    """All deployments of a release's candidates, newest first, at most 200."""
    page = """
        SELECT d.id FROM candidates c JOIN deployments d ON d.candidate_id = c.id
        WHERE c.release_id = $1 ORDER BY d.id DESC LIMIT 200
        """
    return await _rows(_DEPLOYMENTS, await fetch(page, release))
