"""GraphQL: pages of lists by cursors, and how few statements read them, however many rows there are."""

import base64
from typing import Any

import orjson
import pytest

from bot.store.database import fetch
from tests.api import graphs
from tests.api.graphs import ask, codes, post, statements
from tests.world import World

COUNT = 4
SIZE = 3
INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"

# Every list, as a query with a place for its arguments, where in the answer it is, and how many there are.
LISTS = {
    "projects": ("{ projects%s { %s } }", ["projects"], 2),
    "releases": ("{ releases%s { %s } }", ["releases"], COUNT),
    "announcements": ("{ announcements%s { %s } }", ["announcements"], COUNT),
    "schedules": ("{ schedules%s { %s } }", ["schedules"], COUNT**2),
    "project releases": ('{ project(name: "shop") { releases%s { %s } } }', ["project", "releases"], COUNT),
    "environments": ('{ project(name: "shop") { environments%s { %s } } }', ["project", "environments"], COUNT),
    "project announcements": (
        '{ project(name: "shop") { announcements%s { %s } } }',
        ["project", "announcements"],
        COUNT,
    ),
    "candidates": (
        RELEASE := '{ release(project: "shop", version: "shop.1") { LIST%s { %s } } }',
        ["release", "candidates"],
        COUNT,
    ),
    "release announcements": (RELEASE, ["release", "announcements"], 1),
    "release schedules": (RELEASE, ["release", "schedules"], COUNT),
    "release deployments": (RELEASE, ["release", "deployments"], COUNT**2),
    "candidate deployments": (
        '{ candidate(project: "shop", version: "shop.1-rc1") { deployments%s { %s } } }',
        ["candidate", "deployments"],
        COUNT,
    ),
    "environment deployments": (
        "{ deployment(id: 1) { environment { deployments%s { %s } } } }",
        ["deployment", "environment", "deployments"],
        COUNT**2,
    ),
}


def within(data: Any, path: list[str]) -> Any:
    for name in path:
        data = data[name]
    return data


async def page(world: World, name: str, arguments: str, **given: Any) -> Any:
    """A page of one of the lists."""
    query, path, _ = LISTS[name]
    declared = ", ".join(each for each in ("$size: Int", "$cursor: String") if each[:5] in arguments)
    declared = f"query ({declared})" if declared else ""
    text = query.replace("LIST", path[-1]) % (
        arguments,
        f"totalCount edges {{ cursor node {{ id }} }} nodes {{ id }} {INFO}",
    )
    return within(await ask(world, f"{declared} {text}", **given), path)


async def test_every_list_is_walked_through_in_both_directions_and_each_row_met_once(world: World) -> None:
    await graphs.grow("shop", COUNT)
    for name, (_, _, count) in LISTS.items():
        whole = await page(world, name, "(first: 100, after: $cursor, before: null)")
        every = [edge["node"]["id"] for edge in whole["edges"]]
        assert len(every) == len(set(every)) == count, name
        assert [node["id"] for node in whole["nodes"]] == every
        assert whole["totalCount"] == count
        assert not whole["pageInfo"]["hasNextPage"] and not whole["pageInfo"]["hasPreviousPage"]
        assert await forwards(world, name, SIZE) == every, name
        assert await backwards(world, name, SIZE) == every, name


async def forwards(world: World, name: str, size: int) -> list[str]:
    found: list[str] = []
    cursor, more = None, True
    while more:
        part = await page(world, name, "(first: $size, after: $cursor)", size=size, cursor=cursor)
        info = part["pageInfo"]
        assert info["hasPreviousPage"] == bool(found) and 0 < len(part["edges"]) <= size
        assert (info["startCursor"], info["endCursor"]) == (part["edges"][0]["cursor"], part["edges"][-1]["cursor"])
        found += [edge["node"]["id"] for edge in part["edges"]]
        cursor, more = info["endCursor"], info["hasNextPage"]
    return found


async def backwards(world: World, name: str, size: int) -> list[str]:
    found: list[str] = []
    cursor, more = None, True
    while more:
        part = await page(world, name, "(last: $size, before: $cursor)", size=size, cursor=cursor)
        info = part["pageInfo"]
        assert info["hasNextPage"] == bool(found) and 0 < len(part["edges"]) <= size
        found = [edge["node"]["id"] for edge in part["edges"]] + found
        cursor, more = info["startCursor"], info["hasPreviousPage"]
    return found


async def test_a_page_between_two_cursors_is_what_is_between_them(world: World) -> None:
    await graphs.grow("shop", COUNT)
    edges = (await page(world, "schedules", ""))["edges"]
    query = "query ($a: String, $b: String) { schedules(first: 3, after: $a, before: $b) { nodes { id } } }"
    found = await ask(world, query, a=edges[2]["cursor"], b=edges[7]["cursor"])
    assert found["schedules"]["nodes"] == [edge["node"] for edge in edges[3:6]]
    found = await ask(world, query.replace("first", "last"), a=edges[2]["cursor"], b=edges[7]["cursor"])
    assert found["schedules"]["nodes"] == [edge["node"] for edge in edges[4:7]]


async def test_a_page_has_20_unless_asked_otherwise_and_may_have_none(world: World) -> None:
    await graphs.releases(await graphs.project("shop"), map(str, range(25)))
    usual = await page(world, "releases", "")
    assert len(usual["nodes"]) == 20 and usual["pageInfo"]["hasNextPage"] and usual["totalCount"] == 25
    assert len((await page(world, "releases", "(first: 100)"))["nodes"]) == 25
    none = await page(world, "releases", "(first: 0)")
    nowhere = {"hasNextPage": True, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    assert none == {"totalCount": 25, "edges": [], "nodes": [], "pageInfo": nowhere}


async def test_rows_that_are_added_or_go_meanwhile_move_no_page(world: World) -> None:
    shop = await graphs.project("shop")
    _, second, *_ = await graphs.releases(shop, map(str, range(6)))
    first = await page(world, "releases", "(first: 4)")
    await second.delete()  # the next one
    await graphs.releases(shop, ["9"])
    rest = await page(world, "releases", "(first: 4, after: $cursor)", cursor=first["pageInfo"]["endCursor"])
    assert len(rest["nodes"]) == 1 and not {each["id"] for each in rest["nodes"]} & {
        each["id"] for each in first["nodes"]
    }


def forged(*values: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode()


@pytest.mark.parametrize("which", ["after", "before"])
async def test_what_is_no_cursor_of_the_list_is_an_error_of_its_field(world: World, which: str) -> None:
    await graphs.grow("shop", 2)
    other = (await page(world, "projects", ""))["pageInfo"]["endCursor"]
    odd: list[Any] = ["1", None, True, 1.5, [], {}, -(2**31), 2**31, 2**40]
    wrong = ["", "x", "=", "é", "AAAA", other, "a" * 100_000, "W10", "bnVsbA==", "MTI=", forged(), forged("releases")]
    wrong += [forged("releases", value) for value in odd]
    wrong += [forged("releases", 1, 2), forged("project releases", 1), forged(["releases"], 1)]
    for cursor in wrong:
        query = f"query ($cursor: String) {{ releases({which}: $cursor) {{ totalCount }} viewer {{ name }} }}"
        answer = await post(world, query, cursor=cursor)
        assert (answer.status, answer.json["data"]) == (200, {"releases": None, "viewer": {"name": "root"}}), cursor
        assert codes(answer) == {"releases": "BAD_USER_INPUT"}
    for cursor in (forged("projects", "a\0b"), forged("projects", 1), forged("projects", None)):
        assert codes(await post(world, f'{{ projects(after: "{cursor}") {{ totalCount }} }}')) == {
            "projects": "BAD_USER_INPUT"
        }
    for day in ("x", "2026-13-01", 20261103, None, ""):
        answer = await post(world, f'{{ schedules(after: "{forged("schedules", day, 1)}") {{ totalCount }} }}')
        assert codes(answer) == {"schedules": "BAD_USER_INPUT"}


SIZES = {
    "(first: 101)": "`first` must be from 0 to 100, not 101.",
    "(first: -1)": "`first` must be from 0 to 100, not -1.",
    "(last: 2147483647)": "`last` must be from 0 to 100, not 2147483647.",
    "(first: 1, last: 1)": "`first` and `last` cannot be asked for at once.",
    "(first: $size)": "`first` must be from 0 to 100, not 1000.",
}


async def test_a_page_of_another_size_is_refused_before_anything_is_read(world: World) -> None:
    for arguments, told in SIZES.items():
        declared = "query ($size: Int)" if "$" in arguments else ""
        query = f'{declared} {{ project(name: "nope") {{ releases{arguments} {{ totalCount }} }} }}'
        answer = await post(world, query, size=1000)
        assert (answer.status, graphs.sentence(answer)) == (400, told)


EVERYTHING = """query ($n: Int) { projects(first: $n) { totalCount nodes {
  environments(first: $n) { totalCount nodes { live { id } project { id } deployments(first: 1) { nodes { id } } } }
  announcements(first: $n) { totalCount nodes { project { id } release { id } } }
  releases(first: $n) { totalCount nodes {
    project { id } newestCandidate { id } announcements(first: $n) { totalCount nodes { release { id } } }
    schedules(first: $n) { totalCount nodes { release { id } } } deployments(first: $n) { totalCount nodes { id } }
    candidates(first: $n) { totalCount edges { cursor node {
      release { id } build { runId } deployments(first: $n) { totalCount nodes {
        candidate { id } fromCandidate { id } environment { id } } } } } } } } } } }"""


FIELDS = 10 + 9 + 13  # lists, their counts, and relations, in the query above


async def test_the_number_of_statements_does_not_grow_with_the_number_of_rows(world: World) -> None:
    """There is at most one for each field that leads on, and none for what is known already."""
    for name in "abc":
        await graphs.grow(name, 3)
    for size in (1, 2, 3):
        async with statements(world) as said:
            found = await ask(world, EVERYTHING, n=size)
        assert 20 < len(said) <= FIELDS
    assert str(found).count("'id'") > 300


async def test_a_page_of_a_long_list_reads_that_page_only(world: World) -> None:
    """Whole lists are never read to find a page of them: not for one parent, and not for many."""
    shop = await graphs.project("shop")
    places = [await graphs.environment(shop, f"e{number}") for number in range(2)]
    [release] = await graphs.releases(shop, ["1.0"])
    [candidate] = await graphs.candidates(release, [1])
    for place in places:
        await graphs.deployment(candidate, place)
    async with statements(world) as said:
        await ask(
            world, '{ project(name: "shop") { environments { nodes { deployments(first: 1) { nodes { id } } } } } }'
        )
    [page] = [each for each in said if "FROM deployments x" in each]
    database = world.service.database
    if database.dialect == "sqlite":
        plan = [row["detail"] for row in await fetch(f"EXPLAIN QUERY PLAN {page}")]
        assert not [line for line in plan if "SCAN" in line and "parents" not in line and "CONSTANT" not in line], plan
