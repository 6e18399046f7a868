"""GraphQL: visibility. Every node is limited to what the caller may see, whichever path leads to it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.http.authentication import INVALID
from bot.attempts import MAX_FAILURES
from bot.context import FORBIDDEN, NO_CREDENTIALS, Actor
from bot.operations import users
from bot.rules.ids import UserId
from bot.rules.permissions import grants_of_role
from bot.store import graph, graph_nodes
from tests.api.graphql import graphs
from tests.api.graphql.graphs import error_codes, error_message, execute, post
from tests.world import Serve, World, running_world

ROOTS = {
    "projects": "projects { totalCount nodes { name } }",
    "releases": "releases { totalCount nodes { version } }",
    "announcements": "announcements { totalCount nodes { version } }",
    "schedules": "schedules { totalCount nodes { releaseId } }",
    "project": 'project(name: "open") { name }',
    "release": 'release(project: "open", version: "open.0") { version }',
    "candidate": 'candidate(project: "open", version: "open.0-rc0") { version }',
    "deployment": "deployment(id: 1) { id }",
}
EVERYTHING = "{" + " ".join(ROOTS.values()) + "}"
PROJECT_FIELDS = {"projects", "releases", "project", "release", "candidate", "deployment"}


@pytest.fixture(params=["none", "content", "all"])
async def anonymous_world(
    request: pytest.FixtureRequest, source: Path, database_url: str, aiohttp_server: Serve
) -> AsyncIterator[tuple[str, World]]:
    """A setting for anonymous callers, and a world that runs with it."""
    async with running_world(source, database_url, aiohttp_server, anonymous_read=request.param) as world:
        yield request.param, world


async def create_public_and_private_project() -> None:
    """Create `open`, whose repository is public, and `closed`, whose repository is private."""
    await graphs.full_project("open", 1)
    await graphs.full_project("closed", 1, private=True)


def answered_fields(data: Any) -> set[str]:
    """The fields that are not null."""
    return {name for name, value in data.items() if value is not None}


async def test_anonymous_callers_see_what_the_setting_allows_and_nothing_private(
    anonymous_world: tuple[str, World],
) -> None:
    setting, world = anonymous_world
    await create_public_and_private_project()
    answer = await post(world, EVERYTHING, token="")
    if setting == "none":
        assert (answer.status, error_message(answer)) == (401, NO_CREDENTIALS)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        return
    seen = {"announcements", "schedules"} | (PROJECT_FIELDS if setting == "all" else set())
    assert (answer.status, answered_fields(answer.json["data"])) == (200, seen)
    refused = error_codes(answer) if setting == "content" else {}
    assert refused == dict.fromkeys(ROOTS.keys() - seen, "UNAUTHENTICATED")
    assert "closed" not in str(answer.json)
    for name in {"projects", "releases", "announcements", "schedules"} & seen:
        count = 2 if name == "projects" else 1  # `site` is public too
        assert answer.json["data"][name]["totalCount"] == len(answer.json["data"][name]["nodes"]) == count, name
    assert (await execute(world, "{ viewer { name } }", token="")) == {"viewer": None}
    schema = await execute(world, "{ __schema { queryType { name } } }", token="")
    assert schema["__schema"] == {"queryType": {"name": "Query"}}


async def test_anonymous_callers_cannot_tell_what_is_private_from_what_does_not_exist(
    anonymous_world: tuple[str, World],
) -> None:
    _, world = anonymous_world
    await create_public_and_private_project()
    private, missing = [
        await post(
            world,
            f"""{{ project(name: "{name}") {{ id }} release(project: "{name}", version: "{name}.0") {{ id }}
              candidate(project: "{name}", version: "{name}.0-rc0") {{ id }} deployment(id: {number}) {{ id }}
              releases(project: "{name}") {{ totalCount }} announcements(permalink: "the-{name}") {{ totalCount }}
              schedules(releaseId: "the-{name}-{name}.0") {{ totalCount nodes {{ id }} }} }}""",
            token="",
        )
        for name, number in (("closed", 2), ("nobody", 99))
    ]
    for error in (*private.json["errors"], *missing.json["errors"]):
        error.pop("locations", None)
    assert (private.status, private.json) == (missing.status, missing.json)


async def test_nothing_that_anonymous_callers_see_leads_to_what_they_may_not_see(world: World) -> None:
    """By default anonymous callers read announcements and schedules, but not their releases."""
    await create_public_and_private_project()
    query = """{
      announcements { nodes { version permalink submittedBy decidedBy reason project { id } release { id } } }
      schedules { nodes { sla release { id candidates { totalCount } } } } }"""
    answer = await post(world, query, token="")
    announced = {"version": "open.0", "permalink": "the-open", "submittedBy": None, "decidedBy": None, "reason": None}
    assert answer.json["data"] == {
        "announcements": {"nodes": [{**announced, "project": None, "release": None}]},
        "schedules": {"nodes": [{"sla": "sla 0", "release": None}]},
    }
    assert error_codes(answer) == dict.fromkeys(
        ("announcements.nodes.0.project", "announcements.nodes.0.release", "schedules.nodes.0.release"),
        "UNAUTHENTICATED",
    )


@pytest.mark.parametrize(
    ("grants", "seen"),
    [
        (["admin"], set(ROOTS)),
        (["project:read"], PROJECT_FIELDS | {"announcements"}),
        (["content:read"], {"announcements", "schedules"}),
        (["announcement:submit"], {"announcements"}),
        (["announcement:approve"], {"announcements"}),
        (["release:cut", "project:write", "deployment:force", "content:write"], set()),
    ],
)
async def test_a_token_sees_what_its_grants_allow(
    source: Path, database_url: str, aiohttp_server: Serve, grants: list[str], seen: set[str]
) -> None:
    async with running_world(source, database_url, aiohttp_server, anonymous_read="none") as world:
        await create_public_and_private_project()
        answer = await post(world, EVERYTHING, token=await world.create_token(*grants))
        assert answered_fields(answer.json["data"]) == seen
        assert set(error_codes(answer) if seen != set(ROOTS) else {}) == ROOTS.keys() - seen
        for error in answer.json.get("errors", []):
            assert (error["message"], error["extensions"]["code"]) == (FORBIDDEN, "FORBIDDEN")
        for name in {"projects", "releases", "announcements", "schedules"} & seen:
            assert answer.json["data"][name]["totalCount"] == (3 if name == "projects" else 2), name


async def test_a_token_for_announcements_alone_reaches_nothing_else(world: World) -> None:
    await create_public_and_private_project()
    token = await world.create_token("announcement:submit", project="closed")
    query = "{ announcements { nodes { version project { id } release { id } submittedBy } } }"
    answer = await post(world, query, token=token)
    rows = [
        {"version": version, "project": None, "release": None, "submittedBy": "robot"}
        for version in ("closed.0", "open.0")
    ]
    assert answer.json["data"]["announcements"]["nodes"] == rows
    assert set(error_codes(answer).values()) == {"FORBIDDEN"} and len(error_codes(answer)) == 4


async def test_a_token_for_releases_but_not_schedules_is_refused_schedules_only(
    source: Path, database_url: str, aiohttp_server: Serve
) -> None:
    async with running_world(source, database_url, aiohttp_server, anonymous_read="none") as world:
        await create_public_and_private_project()
        token = await world.create_token("project:read")
        answer = await post(world, "{ releases { nodes { version schedules { totalCount } } } }", token=token)
        rows = [{"version": version, "schedules": None} for version in ("closed.0", "open.0")]
        assert answer.json["data"]["releases"]["nodes"] == rows
        assert set(error_codes(answer).values()) == {"FORBIDDEN"}


LISTS = """{ projects { totalCount nodes { name } } releases { totalCount nodes { version schedules { totalCount } } }
  schedules { totalCount nodes { releaseId } } announcements { totalCount nodes { version project { name } } } }"""


async def test_a_token_for_one_project_sees_that_project_and_public_content(world: World) -> None:
    await create_public_and_private_project()
    scoped = await world.create_token("admin", project="closed")
    answer = await post(world, LISTS, token=scoped)
    data = answer.json["data"]
    assert data["projects"] == {"totalCount": 1, "nodes": [{"name": "closed"}]}
    assert data["releases"]["nodes"] == [{"version": "closed.0", "schedules": {"totalCount": 1}}]
    assert [each["releaseId"] for each in data["schedules"]["nodes"]] == ["the-open-open.0", "the-closed-closed.0"]
    assert data["announcements"] == {
        "totalCount": 2,
        "nodes": [{"version": "closed.0", "project": {"name": "closed"}}, {"version": "open.0", "project": None}],
    }
    assert error_codes(answer) == {"announcements.nodes.1.project": "FORBIDDEN"}
    for field in ('project(name: "open")', "deployment(id: 1)", 'release(project: "open", version: "open.0")'):
        assert error_codes(await post(world, f"{{ x: {field} {{ id }} }}", token=scoped)) == {"x": "NOT_FOUND"}


async def test_a_role_on_a_repository_sees_the_projects_of_that_repository_only(world: World) -> None:
    """Only comments are authorized by roles, but the queries apply them all the same."""
    await create_public_and_private_project()
    actor = Actor(UserId(7), "carol", grants_of_role("read"), repository_id=graphs.PRIVATE_REPOSITORY)
    visible = actor.visibility("project:read")
    viewer = graph.ViewerVisibility(visible, visible, visible, visible, actor.user_id)
    for nodes in (graph_nodes.PROJECTS, graph_nodes.RELEASES, graph_nodes.ANNOUNCEMENTS, graph_nodes.SCHEDULES):
        [row] = (await graph.pages(nodes, viewer, [0], graph.PageWindow(10)))[0]
        assert "closed" in str(row)
        assert await graph.counts(nodes, viewer, [0]) == {0: 1}


STATES = ("pending", "approved", "rejected", "withdrawn")


async def test_undecided_announcements_are_visible_to_their_submitter_and_to_approvers(world: World) -> None:
    shop = await graphs.project("shop", private=True)
    for by in ("alice", "bob"):
        for state in STATES:
            await graphs.announcement(shop, f"{by} {state}", state, by)
    query = "{ announcements(first: 100) { totalCount nodes { version } } }"
    public = {f"{by} approved" for by in ("alice", "bob")}
    of_alice = {f"alice {state}" for state in STATES}
    context = await world.context()
    _, submitter = await users.create_token(context, "submitter", grants=["announcement:submit"], user="alice")
    _, other_project = await users.create_token(context, "other", grants=["admin"], user="alice", project="site")
    approver = await world.create_token("announcement:approve", user="boss")
    reader = await world.create_token("project:read", user="reader")
    for token, seen in (
        (world.token, of_alice | {f"bob {state}" for state in STATES}),
        (approver, of_alice | {f"bob {state}" for state in STATES}),
        (submitter, of_alice | public),
        (reader, public),
        (other_project, set()),
        ("", set()),
    ):
        found = (await execute(world, query, token=token))["announcements"]
        assert {each["version"] for each in found["nodes"]} == seen
        assert found["totalCount"] == len(seen)
    nested = '{ project(name: "shop") { announcements(state: pending) { totalCount nodes { version } } } }'
    for token, count in ((world.token, 2), (reader, 0)):
        found = (await execute(world, nested, token=token))["project"]["announcements"]
        assert found["totalCount"] == len(found["nodes"]) == count


async def test_a_cursor_reveals_nothing_that_is_not_visible(world: World) -> None:
    await create_public_and_private_project()
    found = await execute(world, "{ announcements { edges { cursor } } }")
    for edge in found["announcements"]["edges"]:
        for which in ("after", "before"):
            query = (
                f"query ($cursor: String) {{ announcements({which}: $cursor) {{ totalCount nodes {{ version }} }} }}"
            )
            seen = (await execute(world, query, token="", cursor=edge["cursor"]))["announcements"]
            assert seen["totalCount"] == 1 and "closed" not in str(seen)


async def test_wrong_credentials_are_401_whatever_the_query(world: World) -> None:
    context = await world.context()
    _, expired = await users.create_token(context, "expired", grants=["admin"], expires=timedelta(0))
    for secret in ("lsh_unknown", expired, world.token + "x"):
        bodies: list[Any] = [{"query": "{ viewer { name } }"}, {"query": "{"}, {}, [], {"query": "{ __typename }"}]
        for body in bodies:
            answer = await world.ask("POST", "/graphql", body, token=secret)
            assert (answer.status, error_message(answer)) == (401, INVALID)
            assert answer.json["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    for _ in range(MAX_FAILURES):
        answer = await post(world, "{ viewer { name } }", token="lsh_unknown")
    assert answer.status == 429 and answer.headers["Retry-After"]
    assert answer.json["errors"][0]["extensions"] == {"code": "TOO_MANY_REQUESTS"}
