"""GraphQL: pagination by cursors, and the number of statements, which does not depend on the number of rows."""

from typing import Any

import pytest

from bot.rules.permissions import Visibility
from bot.store import graph_nodes
from bot.store.database import fetch
from bot.store.graph import ViewerVisibility, nodes_by_id
from bot.store.runs import Run
from tests.api.graphql import graphs
from tests.api.graphql.graphs import error_codes, execute, forged_cursor, graph_statements, post
from tests.world import World

COUNT = 4
SIZE = 3
INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"

# Every list: a query with placeholders for arguments and selection, its path in the data, and its length.
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


def descend(data: Any, path: list[str]) -> Any:
    for name in path:
        data = data[name]
    return data


async def page(world: World, name: str, arguments: str, **variables: Any) -> Any:
    """Query a page of a list by its name in LISTS."""
    query, path, _ = LISTS[name]
    declared = ", ".join(each for each in ("$size: Int", "$cursor: String") if each[:5] in arguments)
    declared = f"query ({declared})" if declared else ""
    text = query.replace("LIST", path[-1]) % (
        arguments,
        f"totalCount edges {{ cursor node {{ id }} }} nodes {{ id }} {INFO}",
    )
    return descend(await execute(world, f"{declared} {text}", **variables), path)


async def test_paging_through_every_list_in_both_directions_returns_each_row_once(world: World) -> None:
    await graphs.full_project("shop", COUNT)
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


async def test_a_page_between_two_cursors_holds_only_what_lies_between_them(world: World) -> None:
    await graphs.full_project("shop", COUNT)
    edges = (await page(world, "schedules", ""))["edges"]
    query = "query ($a: String, $b: String) { schedules(first: 3, after: $a, before: $b) { nodes { id } } }"
    found = await execute(world, query, a=edges[2]["cursor"], b=edges[7]["cursor"])
    assert found["schedules"]["nodes"] == [edge["node"] for edge in edges[3:6]]
    found = await execute(world, query.replace("first", "last"), a=edges[2]["cursor"], b=edges[7]["cursor"])
    assert found["schedules"]["nodes"] == [edge["node"] for edge in edges[4:7]]


async def test_a_page_has_20_nodes_by_default_and_may_be_empty(world: World) -> None:
    await graphs.releases(await graphs.project("shop"), map(str, range(25)))
    default = await page(world, "releases", "")
    assert len(default["nodes"]) == 20 and default["pageInfo"]["hasNextPage"] and default["totalCount"] == 25
    assert len((await page(world, "releases", "(first: 100)"))["nodes"]) == 25
    empty = await page(world, "releases", "(first: 0)")
    page_info = {"hasNextPage": True, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    assert empty == {"totalCount": 25, "edges": [], "nodes": [], "pageInfo": page_info}


async def test_rows_added_or_deleted_meanwhile_do_not_shift_pages(world: World) -> None:
    shop = await graphs.project("shop")
    _, second, *_ = await graphs.releases(shop, map(str, range(6)))
    first = await page(world, "releases", "(first: 4)")
    await second.delete()  # the first row of the next page
    await graphs.releases(shop, ["9"])
    rest = await page(world, "releases", "(first: 4, after: $cursor)", cursor=first["pageInfo"]["endCursor"])
    assert len(rest["nodes"]) == 1 and not {each["id"] for each in rest["nodes"]} & {
        each["id"] for each in first["nodes"]
    }


@pytest.mark.parametrize("argument", ["after", "before"])
async def test_an_invalid_cursor_is_an_error_of_its_field(world: World, argument: str) -> None:
    await graphs.full_project("shop", 2)
    other = (await page(world, "projects", ""))["pageInfo"]["endCursor"]
    odd: list[Any] = ["1", None, True, 1.5, [], {}, -(2**31), 2**31, 2**40]
    invalid = [
        "",
        "x",
        "=",
        "é",
        "AAAA",
        other,
        "a" * 100_000,
        "W10",
        "bnVsbA==",
        "MTI=",
        forged_cursor(),
        forged_cursor("releases"),
    ]
    invalid += [forged_cursor("releases", value) for value in odd]
    invalid += [forged_cursor("releases", 1, 2), forged_cursor("project releases", 1), forged_cursor(["releases"], 1)]
    for cursor in invalid:
        query = f"query ($cursor: String) {{ releases({argument}: $cursor) {{ totalCount }} viewer {{ name }} }}"
        answer = await post(world, query, cursor=cursor)
        assert (answer.status, answer.json["data"]) == (200, {"releases": None, "viewer": {"name": "root"}}), cursor
        assert error_codes(answer) == {"releases": "BAD_USER_INPUT"}
    for cursor in (forged_cursor("projects", "a\0b"), forged_cursor("projects", 1), forged_cursor("projects", None)):
        assert error_codes(await post(world, f'{{ projects(after: "{cursor}") {{ totalCount }} }}')) == {
            "projects": "BAD_USER_INPUT"
        }
    for day in ("x", "2026-13-01", 20261103, None, ""):
        answer = await post(world, f'{{ schedules(after: "{forged_cursor("schedules", day, 1)}") {{ totalCount }} }}')
        assert error_codes(answer) == {"schedules": "BAD_USER_INPUT"}


SIZES = {
    "(first: 101)": "`first` must be from 0 to 100, not 101.",
    "(first: -1)": "`first` must be from 0 to 100, not -1.",
    "(last: 2147483647)": "`last` must be from 0 to 100, not 2147483647.",
    "(first: 1, last: 1)": "`first` and `last` cannot be used together.",
    "(first: $size)": "`first` must be from 0 to 100, not 1000.",
}


async def test_a_page_size_out_of_range_is_refused_before_anything_is_read(world: World) -> None:
    for arguments, message in SIZES.items():
        declared = "query ($size: Int)" if "$" in arguments else ""
        query = f'{declared} {{ project(name: "nope") {{ releases{arguments} {{ totalCount }} }} }}'
        answer = await post(world, query, size=1000)
        assert (answer.status, graphs.error_message(answer)) == (400, message)


EVERYTHING = """query ($n: Int) { projects(first: $n) { totalCount nodes {
  environments(first: $n) { totalCount nodes { live { id } project { id } deployments(first: 1) { nodes { id } } } }
  announcements(first: $n) { totalCount nodes { project { id } release { id } } }
  releases(first: $n) { totalCount nodes {
    project { id } newestCandidate { id } announcements(first: $n) { totalCount nodes { release { id } } }
    schedules(first: $n) { totalCount nodes { release { id } } } deployments(first: $n) { totalCount nodes { id } }
    candidates(first: $n) { totalCount edges { cursor node {
      release { id } build { runId } deployments(first: $n) { totalCount nodes {
        candidate { id } fromCandidate { id } environment { id } run { runId } } } } } } } } } } }"""


FIELDS = 10 + 9 + 14  # lists, their counts, and references in the query above


async def test_every_node_has_the_columns_of_its_record(world: World) -> None:
    await graphs.full_project("shop", 1)
    everything = Visibility(everything=True)
    viewer = ViewerVisibility(everything, everything, everything, everything, user_id=0)
    node_types = [each for each in vars(graph_nodes).values() if isinstance(each, graph_nodes.NodeType)]
    assert len(node_types) == 9
    run_of_deployment = await Run.get(deployment_id=1)
    for node_type in node_types:
        row_id = run_of_deployment.id if node_type is graph_nodes.DEPLOYMENT_RUN else 1
        nodes = await nodes_by_id(node_type, viewer, [row_id])
        assert set(nodes[row_id]) == set(node_type.record.__annotations__), node_type.table


async def test_the_number_of_statements_does_not_grow_with_the_number_of_rows(world: World) -> None:
    """There is at most one statement for each list, count and reference; no node is read twice by its id."""
    for name in "abc":
        await graphs.full_project(name, 3)
    for size in (1, 2, 3):
        async with graph_statements(world) as statements:
            found = await execute(world, EVERYTHING, n=size)
        assert 20 < len(statements) <= FIELDS
    assert str(found).count("'id'") > 300


async def test_a_page_of_a_long_list_reads_that_page_only(world: World) -> None:
    """The whole list is not read to find a page of it, neither for one parent nor for many."""
    shop = await graphs.project("shop")
    environments = [await graphs.environment(shop, f"e{number}") for number in range(2)]
    [release] = await graphs.releases(shop, ["1.0"])
    [candidate] = await graphs.candidates(release, [1])
    for environment in environments:
        await graphs.deployment(candidate, environment)
    async with graph_statements(world) as statements:
        await execute(
            world, '{ project(name: "shop") { environments { nodes { deployments(first: 1) { nodes { id } } } } } }'
        )
    [page] = [each for each in statements if "FROM deployments x" in each]
    database = world.service.database
    if database.dialect == "sqlite":
        plan = [row["detail"] for row in await fetch(f"EXPLAIN QUERY PLAN {page}")]
        assert not [line for line in plan if "SCAN" in line and "parents" not in line and "CONSTANT" not in line], plan
