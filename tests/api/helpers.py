"""Words that several tests of programs' door share."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.store.database import fetch
from bot.store.projects import Environment
from bot.store.releases import Release
from tests.world import Answer, World

SITE = "/api/releases/site"
ZERO_SHA = "0" * 40
WRITTEN_TABLES = (
    *("projects", "environments", "repositories", "releases", "candidates", "deployments", "runs", "jobs"),
    *("announcements", "links", "users", "api_tokens", "audit_entries", "kept_answers"),
)
UNKNOWN_SHA = "0123456789abcdef0123456789abcdef01234567"


def cut_path(version: str, project: str = "site") -> str:
    """Where a candidate is."""
    return f"/api/releases/{project}/releases/{version}"


def env_path(rest: str = "", environment: str = "staging", project: str = "site") -> str:
    """Where an environment's deployments are."""
    return f"/api/releases/{project}/environments/{environment}{rest}"


def status_and_error(answer: Answer) -> tuple[int, str]:
    """Status and sentence of a refusal in the dialect `releases`."""
    return answer.status, answer.error


async def count_rows(*tables: str) -> dict[str, int]:
    """How many rows there are."""
    return {name: (await fetch(f"SELECT count(*) AS n FROM {name}"))[0]["n"] for name in tables}


async def snapshot(*tables: str) -> dict[str, list[str]]:
    """What stands in these tables, or in all that calls write; when a token was last used is no matter."""
    found = {name: await fetch(f"SELECT * FROM {name}") for name in tables or WRITTEN_TABLES}
    return {
        name: sorted(str({column: value for column, value in row.items() if column != "last_used_at"}) for row in each)
        for name, each in found.items()
    }


async def create_project(world: World, name: str, **values: Any) -> Any:
    """Make a project; gives what was answered."""
    answer = await world.ask("POST", "/api/projects", {"name": name, **values})
    assert answer.status == 201, answer.json
    return answer.json


async def create_environment(world: World, name: str, of: str = "site", **values: Any) -> Any:
    """Make an environment; gives what was answered."""
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


async def hold(version: str) -> None:
    """Hold a release, as its row has it."""
    assert await Release.filter(version=version).update(held={"by": "alice", "reason": "a leak", "since": "now"})


async def remove_workflow(environment: str = "staging") -> None:
    """Let an environment belong to a pipeline of its own."""
    assert await Environment.filter(name=environment).update(workflow=None)


async def finish_newest_run(world: World, conclusion: str = "success") -> None:
    """Let what was started last go out and end."""
    await world.settle()
    await world.github.finish(run=len(world.github.runs), conclusion=conclusion)
    await world.settle()


def page_links(answer: Answer) -> Mapping[str, str]:
    """The `Link` header as names and the queries they lead to."""
    parts = [part.split("; ") for part in answer.headers.get("Link", "").split(", ") if part]
    return {rel[len('rel="') : -1]: url.strip("<>").partition("?")[2] for url, rel in parts}


def field_values(table: Mapping[str, Sequence[Any]]) -> list[tuple[str, Any]]:
    """Each field with each of its values."""
    return [(field, value) for field, values in table.items() for value in values]
