"""While the database is gone, read-only or full, callers get 503, `/readyz` says so, and all recovers by itself."""

import asyncio
from typing import Any

import pytest

from tests.api.test_access import EVERY_CALL
from tests.conftest import postgres
from tests.outages import end_sessions, eventually, full_disk, read_only, unreachable
from tests.queue.helpers import only_sqlite
from tests.world import Response, World

only_postgres = pytest.mark.skipif(not postgres(), reason="about sessions with a server, which SQLite does not have")

OTHER_CALLS: list[tuple[str, str, Any]] = [
    ("GET", "/projects/site/releases.json", None),
    ("GET", "/api/releases", None),
    ("GET", "/projects/site/releases/pending.xml", None),
    ("GET", "/projects/site.json", None),
    ("GET", "/api/announcements", None),
    ("GET", "/rest_api/v1/releases/", None),
    ("GET", "/rest_api/v1/products/", None),
    ("POST", "/rest_api/v1/products/", {"name": "a", "short": "a"}),
    ("POST", "/rest_api/v1/products/", [{"name": f"a{n}", "short": f"a{n}"} for n in range(200)]),
    ("PATCH", "/rest_api/v1/products/", {"a": {"name": "b"}}),
    ("DELETE", "/rest_api/v1/release-schedules/", [1]),
    ("POST", "/graphql", {"query": '{ project(name: "site") { repo environments(first: 2) { nodes { name } } } }'}),
]
WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/api/projects", {"name": "shop"}),
    ("PATCH", "/api/projects/site", {"build_deadline_minutes": 7}),
    ("POST", "/api/tokens", {"name": "ci", "grants": ["project:read"]}),
    ("POST", "/rest_api/v1/products/", {"name": "a", "short": "a"}),
]
PUSH = {
    "ref": "refs/heads/main",
    "repository": {"id": 1, "full_name": "acme/none"},
    "sender": {"id": 1, "login": "octo"},
}
READS = ["/api/projects/site", "/api/tokens", "/rest_api/v1/products/", "/api/projects/site/releases"]


def assert_unavailable(response: Response, call: object) -> None:
    assert response.status == 503, (call, response.status, response.json)
    assert int(response.headers["Retry-After"]) > 0, call
    if response.json is not None:  # else it is XML
        said = str(response.json)
        assert "database" in said and "GitHub" not in said, (call, said)


async def problems(world: World) -> dict[str, str]:
    """What `/readyz` complains about; its status must agree."""
    response = await world.ask("GET", "/readyz", token="")
    assert (response.status == 200) == (response.json["problems"] == {}), response.json
    return dict(response.json["problems"])


async def is_ready(world: World) -> bool:
    return await problems(world) == {}


# --- a server that cannot be reached


@only_postgres
async def test_every_call_is_503_while_the_database_cannot_be_reached(world: World, database_url: str) -> None:
    async with unreachable(database_url):
        world.service.database.forget_tokens()
        for method, path, body, _ in EVERY_CALL:
            assert_unavailable(await world.ask(method, path, body), (method, path))
        for method, path, body in OTHER_CALLS:
            assert_unavailable(await world.ask(method, path, body), (method, path))
        for headers in ({"If-None-Match": '"x"'}, {"Idempotency-Key": "once"}):
            assert_unavailable(await world.ask("GET", "/api/projects/site", headers=headers), headers)
            assert_unavailable(await world.ask("POST", "/api/projects", {"name": "shop"}, headers=headers), headers)
        assert await world.github.send("push", PUSH) == 503
        assert "database" in await problems(world)
        assert (await world.ask("GET", "/healthz")).status == 200
        assert (await world.ask("GET", "/metrics")).status == 200
    await eventually(lambda: is_ready(world))
    assert (
        await world.ask("POST", "/api/projects", {"name": "shop"}, headers={"Idempotency-Key": "once"})
    ).status == 201
    assert await world.github.send("push", PUSH) == 202


@only_postgres
async def test_sessions_that_end_in_the_middle_of_requests_are_503_at_most(world: World, database_url: str) -> None:
    seen: dict[int, int] = {}

    async def ask(number: int) -> None:
        method, path, body = OTHER_CALLS[number % len(OTHER_CALLS)] if number % 2 else ("", "", None)
        if method:
            response = await world.ask(method, path, body)
        else:
            response = await world.ask("POST", "/api/projects", {"name": f"p{number}"})
        seen[response.status] = seen.get(response.status, 0) + 1
        if response.status == 503:
            assert_unavailable(response, (method, path))

    async def end() -> None:
        for _ in range(15):
            await asyncio.sleep(0.03)
            await end_sessions(database_url)

    ending = asyncio.create_task(end())
    number = 0
    while not ending.done() or 201 not in seen:
        await asyncio.gather(*(ask(number + n) for n in range(12)))
        number += 12
    assert set(seen) <= {200, 201, 204, 400, 404, 409, 503}, seen
    await eventually(lambda: answers(world))


async def answers(world: World) -> bool:
    """Whether a read succeeds: each request may still meet one of the sessions that have just ended."""
    return (await world.ask("GET", "/api/projects")).status == 200


@only_postgres
async def test_a_post_that_met_a_lost_session_may_be_repeated_with_its_key(world: World, database_url: str) -> None:
    for number in range(20):
        key = {"Idempotency-Key": f"key-{number}"}
        body = {"name": f"p{number}"}
        asking = asyncio.create_task(world.ask("POST", "/api/projects", body, headers=key))
        await asyncio.sleep(0.001 * number)
        await end_sessions(database_url)
        response = await asking
        assert response.status in (201, 503), response.json
        while (repeated := await world.ask("POST", "/api/projects", body, headers=key)).status == 503:
            await asyncio.sleep(0.05)
        assert repeated.status in (201, 409), repeated.json
        if repeated.status == 409:  # it was created, and only the response was lost
            assert "still being answered" not in repeated.json["detail"], repeated.json


# --- a database that takes no writes


async def test_writes_are_503_and_reads_go_on_while_the_database_is_read_only(world: World, database_url: str) -> None:
    async with read_only(database_url):
        await eventually(lambda: refuses_writes(world))
        world.service.database.forget_tokens()
        for method, path, body in WRITES:
            response = await world.ask(method, path, body)
            assert_unavailable(response, (method, path))
            assert "read" in str(response.json).lower()
        for path in READS:
            assert (await world.ask("GET", path)).status == 200, path
        assert await world.github.send("push", PUSH) == 503
    await eventually(lambda: is_ready(world))


async def refuses_writes(world: World) -> bool:
    return "read" in (await problems(world)).get("database", "").lower().replace("-", "")


async def test_a_database_that_takes_writes_again_needs_no_restart(world: World, database_url: str) -> None:
    async with read_only(database_url):
        assert_unavailable(await world.ask("POST", "/api/projects", {"name": "shop"}), "POST")
    await eventually(lambda: is_ready(world))
    for number in range(12):  # each session of the pool has been replaced
        assert (await world.ask("POST", "/api/projects", {"name": f"p{number}"})).status == 201
    assert await world.github.send("push", PUSH) == 202


async def test_a_token_is_accepted_although_its_last_use_cannot_be_recorded(world: World, database_url: str) -> None:
    secret = await world.create_token("project:read")
    async with read_only(database_url):
        await eventually(lambda: refuses_writes(world))
        assert (await world.ask("GET", "/api/projects", token=secret)).status == 200
    await eventually(lambda: is_ready(world))


@only_sqlite
async def test_a_full_disk_is_503_and_named(world: World) -> None:
    async with full_disk():
        statuses = set()
        for number in range(60):
            response = await world.ask("POST", "/api/projects", {"name": f"p{number}" + "x" * 90})
            statuses.add(response.status)
        assert statuses <= {201, 503} and 503 in statuses
        await eventually(lambda: says(world, "full"))
    await eventually(lambda: is_ready(world))
    assert (await world.ask("POST", "/api/projects", {"name": "shop"})).status == 201


async def says(world: World, word: str) -> bool:
    return word in (await problems(world)).get("database", "")
