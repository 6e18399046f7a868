"""Helpers that several tests of the APIs share."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bot.store.database import fetch
from bot.store.gates import Freeze
from bot.store.projects import Environment
from bot.store.releases import Release
from bot.store.users import User
from tests.world import Response, World

PROJECTS = "/api/projects"
SITE = "/api/releases/site"
UNWRAPPED = ("/healthz", "/readyz", "/metrics")  # paths that the request middleware passes through
NOW = datetime(2026, 11, 3, 18, tzinfo=UTC)
ZERO_SHA = "0" * 40
WRITTEN_TABLES = (
    *("projects", "environments", "repositories", "releases", "candidates", "deployments", "runs", "jobs"),
    *("announcements", "links", "users", "api_tokens", "audit_entries", "kept_answers"),
    *("freezes", "environment_locks", "bans", "approvals"),
)
UNKNOWN_SHA = "0123456789abcdef0123456789abcdef01234567"


def cut_path(version: str, project: str = "site") -> str:
    """The path of a candidate."""
    return f"/api/releases/{project}/releases/{version}"


def env_path(rest: str = "", environment: str = "staging", project: str = "site") -> str:
    """A path below an environment."""
    return f"/api/releases/{project}/environments/{environment}{rest}"


def status_and_error(answer: Response) -> tuple[int, str]:
    """Status and sentence of an error response in the dialect `releases`."""
    return answer.status, answer.error


async def count_rows(*tables: str) -> dict[str, int]:
    """The number of rows by table."""
    return {name: (await fetch(f"SELECT count(*) AS n FROM {name}"))[0]["n"] for name in tables}


async def snapshot(*tables: str) -> dict[str, list[str]]:
    """The rows of these tables, or of all that requests write, except the times when tokens were last used."""
    found = {name: await fetch(f"SELECT * FROM {name}") for name in tables or WRITTEN_TABLES}
    return {
        name: sorted(str({column: value for column, value in row.items() if column != "last_used_at"}) for row in item)
        for name, item in found.items()
    }


async def create_project(world: World, name: str, **values: Any) -> Any:
    """Create a project and return the response body."""
    answer = await world.ask("POST", "/api/projects", {"name": name, **values})
    assert answer.status == 201, answer.json
    return answer.json


async def create_environment(world: World, name: str, of: str = "site", **values: Any) -> Any:
    """Create an environment and return the response body."""
    body = {"name": name, "tier": "development", **values}
    answer = await world.ask("POST", f"/api/projects/{of}/environments", body)
    assert answer.status == 201, answer.json
    return answer.json


async def change_project(world: World, **values: Any) -> None:
    """Change the project `site`."""
    answer = await world.ask("PATCH", "/api/projects/site", values)
    assert answer.status == 200, answer.json


async def freeze(world: World, environment: str = "staging", **frozen: Any) -> None:
    """Freeze an environment."""
    body = {"frozen": {"reason": "moving house", **frozen}}
    answer = await world.ask("PATCH", f"/api/projects/site/environments/{environment}", body)
    assert answer.status == 200, answer.json


async def add_freeze(environment: Environment, reason: str = "moving", **values: Any) -> Freeze:
    """Freeze an environment by inserting the row, as another process does."""
    user, _ = await User.get_or_create(name="alice", defaults={"created_at": NOW})
    where = {"scope": "environment", "environment_id": environment.id, "project_id": environment.project_id}
    return await Freeze.create(**{**where, "created_by": user, "reason": reason, "since": NOW, **values})


async def hold(version: str) -> None:
    """Hold a release by changing its row."""
    assert await Release.filter(version=version).update(held={"by": "alice", "reason": "a leak", "since": "now"})


async def remove_workflow(environment: str = "staging") -> None:
    """Remove the workflow of an environment, as if another pipeline deployed to it."""
    assert await Environment.filter(name=environment).update(workflow=None)


async def finish_newest_run(world: World, conclusion: str = "success") -> None:
    """Dispatch what is queued, and finish the newest run."""
    await world.settle()
    await world.github.finish(run=len(world.github.runs), conclusion=conclusion)
    await world.settle()


def page_links(answer: Response) -> Mapping[str, str]:
    """The `Link` header as query strings by relation."""
    parts = [part.split("; ") for part in answer.headers.get("Link", "").split(", ") if part]
    return {rel[len('rel="') : -1]: url.strip("<>").partition("?")[2] for url, rel in parts}


def field_values(table: Mapping[str, Sequence[Any]]) -> list[tuple[str, Any]]:
    """Pairs of each field with each of its values."""
    return [(field, value) for field, values in table.items() for value in values]


class RawResponse(NamedTuple):
    """A response as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def send_raw(
    world: World, method: str, path: str, headers: Mapping[str, str] | None = None, body: Any = None
) -> RawResponse:
    """Send a request as administrator, without automatic headers; compressed bodies stay compressed."""
    sent_headers = {"Authorization": f"Bearer {world.token}", "Accept-Encoding": "identity", **(headers or {})}
    async with world.session.request(
        method, world.url + path, headers=sent_headers, json=body, auto_decompress=False, allow_redirects=False
    ) as response:
        return RawResponse(response.status, response.headers, await response.read())


def header_items(header: str) -> set[str]:
    """The items of a comma-separated header."""
    return {part.strip() for part in header.split(",") if part.strip()}


async def create_long_list(world: World) -> str:
    """Create enough projects for a list of more than a kilobyte, and return its path."""
    for number in range(5):
        await create_project(world, f"project-{number}")
    return PROJECTS
