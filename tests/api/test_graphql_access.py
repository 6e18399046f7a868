"""GraphQL: who sees what. Each row is asked for with what the caller may see, however the walk came to it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.http.authentication import INVALID, MOST_WRONG
from bot.context import FORBIDDEN, MISSING, Actor
from bot.operations import users
from bot.rules.permissions import grants_of_role
from bot.store import graph
from tests.api import graphs
from tests.api.graphs import ask, codes, post, sentence
from tests.world import Serve, World, a_world

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
READS = {"projects", "releases", "project", "release", "candidate", "deployment"}


@pytest.fixture(params=["none", "content", "all"])
async def strange(
    request: pytest.FixtureRequest, source: Path, database_url: str, aiohttp_server: Serve
) -> AsyncIterator[tuple[str, World]]:
    """What strangers may read, and a world in which they may."""
    async with a_world(source, database_url, aiohttp_server, anonymous_read=request.param) as world:
        yield request.param, world


async def two_projects() -> None:
    """One that everybody may see, where it is to be seen at all, and one that is private."""
    await graphs.grow("open", 1)
    await graphs.grow("closed", 1, private=True)


def answered(found: Any) -> set[str]:
    """The fields that were."""
    return {name for name, value in found.items() if value is not None}


async def test_strangers_see_what_the_setting_says_and_never_what_is_private(strange: tuple[str, World]) -> None:
    setting, world = strange
    await two_projects()
    answer = await post(world, EVERYTHING, token="")
    if setting == "none":
        assert (answer.status, sentence(answer)) == (401, MISSING)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        return
    seen = {"announcements", "schedules"} | (READS if setting == "all" else set())
    assert (answer.status, answered(answer.json["data"])) == (200, seen)
    told = codes(answer) if setting == "content" else {}
    assert told == dict.fromkeys(ROOTS.keys() - seen, "UNAUTHENTICATED")
    assert "closed" not in str(answer.json)
    for name in {"projects", "releases", "announcements", "schedules"} & seen:
        named = 2 if name == "projects" else 1  # with `site`, which is public too
        assert answer.json["data"][name]["totalCount"] == len(answer.json["data"][name]["nodes"]) == named, name
    assert (await ask(world, "{ viewer { name } }", token="")) == {"viewer": None}
    schema = await ask(world, "{ __schema { queryType { name } } }", token="")
    assert schema["__schema"] == {"queryType": {"name": "Query"}}


async def test_strangers_find_what_is_private_as_little_as_what_is_not_there(strange: tuple[str, World]) -> None:
    _, world = strange
    await two_projects()
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


async def test_from_what_strangers_see_no_way_leads_to_what_they_do_not(world: World) -> None:
    """By default strangers read announcements and schedules, but not the releases that they are of."""
    await two_projects()
    walk = """{ announcements { nodes { version permalink submittedBy decidedBy reason project { id } release { id } } }
      schedules { nodes { sla release { id candidates { totalCount } } } } }"""
    answer = await post(world, walk, token="")
    announced = {"version": "open.0", "permalink": "the-open", "submittedBy": None, "decidedBy": None, "reason": None}
    assert answer.json["data"] == {
        "announcements": {"nodes": [{**announced, "project": None, "release": None}]},
        "schedules": {"nodes": [{"sla": "sla 0", "release": None}]},
    }
    assert codes(answer) == dict.fromkeys(
        ("announcements.nodes.0.project", "announcements.nodes.0.release", "schedules.nodes.0.release"),
        "UNAUTHENTICATED",
    )


@pytest.mark.parametrize(
    ("grants", "seen"),
    [
        (["admin"], set(ROOTS)),
        (["project:read"], READS | {"announcements"}),
        (["content:read"], {"announcements", "schedules"}),
        (["announcement:submit"], {"announcements"}),
        (["announcement:approve"], {"announcements"}),
        (["release:cut", "project:write", "deployment:force", "content:write"], set()),
    ],
)
async def test_tokens_see_what_their_grants_let_them(
    source: Path, database_url: str, aiohttp_server: Serve, grants: list[str], seen: set[str]
) -> None:
    async with a_world(source, database_url, aiohttp_server, anonymous_read="none") as world:
        await two_projects()
        answer = await post(world, EVERYTHING, token=await world.with_grants(*grants))
        assert answered(answer.json["data"]) == seen
        assert set(codes(answer) if seen != set(ROOTS) else {}) == ROOTS.keys() - seen
        for error in answer.json.get("errors", []):
            assert (error["message"], error["extensions"]["code"]) == (FORBIDDEN, "FORBIDDEN")
        for name in {"projects", "releases", "announcements", "schedules"} & seen:
            assert answer.json["data"][name]["totalCount"] == (3 if name == "projects" else 2), name


async def test_who_may_read_announcements_alone_is_led_nowhere_else(world: World) -> None:
    await two_projects()
    token = await world.with_grants("announcement:submit", project="closed")
    walk = "{ announcements { nodes { version project { id } release { id } submittedBy } } }"
    answer = await post(world, walk, token=token)
    rows = [
        {"version": version, "project": None, "release": None, "submittedBy": "robot"}
        for version in ("closed.0", "open.0")
    ]
    assert answer.json["data"]["announcements"]["nodes"] == rows
    assert set(codes(answer).values()) == {"FORBIDDEN"} and len(codes(answer)) == 4


async def test_who_may_read_releases_but_no_schedules_is_refused_those_alone(
    source: Path, database_url: str, aiohttp_server: Serve
) -> None:
    async with a_world(source, database_url, aiohttp_server, anonymous_read="none") as world:
        await two_projects()
        token = await world.with_grants("project:read")
        answer = await post(world, "{ releases { nodes { version schedules { totalCount } } } }", token=token)
        rows = [{"version": version, "schedules": None} for version in ("closed.0", "open.0")]
        assert answer.json["data"]["releases"]["nodes"] == rows
        assert set(codes(answer).values()) == {"FORBIDDEN"}


WALK = """{ projects { totalCount nodes { name } } releases { totalCount nodes { version schedules { totalCount } } }
  schedules { totalCount nodes { releaseId } } announcements { totalCount nodes { version project { name } } } }"""


async def test_a_token_of_one_project_sees_that_one_and_what_is_public(world: World) -> None:
    await two_projects()
    scoped = await world.with_grants("admin", project="closed")
    found = await post(world, WALK, token=scoped)
    data = found.json["data"]
    assert data["projects"] == {"totalCount": 1, "nodes": [{"name": "closed"}]}
    assert data["releases"]["nodes"] == [{"version": "closed.0", "schedules": {"totalCount": 1}}]
    assert [each["releaseId"] for each in data["schedules"]["nodes"]] == ["the-open-open.0", "the-closed-closed.0"]
    assert data["announcements"] == {
        "totalCount": 2,
        "nodes": [{"version": "closed.0", "project": {"name": "closed"}}, {"version": "open.0", "project": None}],
    }
    assert codes(found) == {"announcements.nodes.1.project": "FORBIDDEN"}
    for asked in ('project(name: "open")', "deployment(id: 1)", 'release(project: "open", version: "open.0")'):
        assert codes(await post(world, f"{{ x: {asked} {{ id }} }}", token=scoped)) == {"x": "NOT_FOUND"}


async def test_a_role_on_a_repository_sees_its_projects_only(world: World) -> None:
    """Roles come in by comments, never here; what reads the rows knows them all the same."""
    await two_projects()
    actor = Actor(7, "carol", grants_of_role("read"), repository_id=graphs.PRIVATE)
    viewer = actor.visibility("project:read")
    eyes = graph.ViewerVisibility(viewer, viewer, viewer, viewer, actor.user_id)
    for listing in (graph.PROJECTS, graph.RELEASES, graph.ANNOUNCEMENTS, graph.SCHEDULES):
        [row] = (await graph.pages(listing, eyes, [0], graph.Window(10)))[0]
        assert "closed" in str(row)
        assert await graph.counts(listing, eyes, [0]) == {0: 1}


STATES = ("pending", "approved", "rejected", "withdrawn")


async def test_undecided_announcements_are_seen_by_who_submitted_them_and_by_who_approves(world: World) -> None:
    shop = await graphs.project("shop", private=True)
    for by in ("alice", "bob"):
        for state in STATES:
            await graphs.announcement(shop, f"{by} {state}", state, by)
    waiting = "{ announcements(first: 100) { totalCount nodes { version } } }"
    public = {f"{by} approved" for by in ("alice", "bob")}
    alices = {f"alice {state}" for state in STATES}
    context = await world.context()
    _, hers = await users.create_token(context, "hers", grants=["announcement:submit"], user="alice")
    _, elsewhere = await users.create_token(context, "other", grants=["admin"], user="alice", project="site")
    approver = await world.with_grants("announcement:approve", user="boss")
    reader = await world.with_grants("project:read", user="reader")
    for token, seen in (
        (world.token, alices | {f"bob {state}" for state in STATES}),
        (approver, alices | {f"bob {state}" for state in STATES}),
        (hers, alices | public),
        (reader, public),
        (elsewhere, set()),
        ("", set()),
    ):
        found = (await ask(world, waiting, token=token))["announcements"]
        assert {each["version"] for each in found["nodes"]} == seen
        assert found["totalCount"] == len(seen)
    below = '{ project(name: "shop") { announcements(state: pending) { totalCount nodes { version } } } }'
    for token, count in ((world.token, 2), (reader, 0)):
        found = (await ask(world, below, token=token))["project"]["announcements"]
        assert found["totalCount"] == len(found["nodes"]) == count


async def test_cursors_open_nothing(world: World) -> None:
    await two_projects()
    found = await ask(world, "{ announcements { edges { cursor } } }")
    for edge in found["announcements"]["edges"]:
        for which in ("after", "before"):
            query = (
                f"query ($cursor: String) {{ announcements({which}: $cursor) {{ totalCount nodes {{ version }} }} }}"
            )
            seen = (await ask(world, query, token="", cursor=edge["cursor"]))["announcements"]
            assert seen["totalCount"] == 1 and "closed" not in str(seen)


async def test_wrong_credentials_are_401_whatever_is_asked(world: World) -> None:
    context = await world.context()
    _, late = await users.create_token(context, "late", grants=["admin"], expires=timedelta(0))
    for secret in ("lsh_unknown", late, world.token + "x"):
        bodies: list[Any] = [{"query": "{ viewer { name } }"}, {"query": "{"}, {}, [], {"query": "{ __typename }"}]
        for body in bodies:
            answer = await world.ask("POST", "/graphql", body, token=secret)
            assert (answer.status, sentence(answer)) == (401, INVALID)
            assert answer.json["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    for _ in range(MOST_WRONG):
        answer = await post(world, "{ viewer { name } }", token="lsh_unknown")
    assert answer.status == 429 and answer.headers["Retry-After"]
    assert answer.json["errors"][0]["extensions"] == {"code": "TOO_MANY_REQUESTS"}
