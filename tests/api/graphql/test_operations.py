"""GraphQL: what operations read for pages and REST, the board for example: the same values, for the same callers."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type

from api.graphql.connections import Slice, without_next
from api.graphql.listings import Listing, ListPage
from api.graphql.query_context import QueryContext
from api.graphql.schema import SCHEMA
from bot.context import NO_CREDENTIALS
from bot.operations import audit, board
from bot.rules.audit import AuditFilter
from bot.rules.ids import UserId
from bot.rules.permissions import grants_of_role
from bot.store.audit import AuditEntry
from bot.store.graph import PageWindow
from bot.store.projects import Environment, Project
from tests.api.graphql import graphs
from tests.api.graphql.graphs import error_codes, execute, post, recorded_statements
from tests.api.helpers import freeze
from tests.api.rest.announcement_helpers import submit
from tests.authority.attempts import Who
from tests.authority.test_rest import person
from tests.operations.configured import PRODUCTION, SITE, STAGING, gated, push
from tests.world import Serve, World, running_world

FIELDS = ("board", "waiting", "search", "audit")


def selection(type_: Any, first: int = 3) -> str:
    """Every field of a type and of those below it, with small pages of lists."""
    if type_.name.endswith("Connection"):
        return f"{{ nodes {selection(get_named_type(type_.fields['nodes'].type), first)} }}"
    fields = []
    for name, field in type_.fields.items():
        inner = get_named_type(field.type)
        size = f"(first: {first})" if "first" in field.args else ""
        fields.append(f"{name}{size} {selection(inner, first)}" if isinstance(inner, GraphQLObjectType) else name)
    return f"{{ {' '.join(fields)} }}"


def whole(name: str, arguments: str = "") -> str:
    """A query for everything that a field of the root has."""
    assert SCHEMA.query_type is not None
    return f"{{ {name}{arguments} {selection(get_named_type(SCHEMA.query_type.fields[name].type))} }}"


def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def as_rest(value: Any) -> Any:
    """What GraphQL answers in the form of the other dialects: lists without pages, ids as numbers."""
    if isinstance(value, list):
        return [as_rest(each) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"nodes"}:
        return as_rest(value["nodes"])
    ids = ("id", "deployment")
    return {
        snake(name): int(each) if name in ids and isinstance(each, str) else as_rest(each)
        for name, each in value.items()
    }


async def same(world: World, name: str, rest: str, arguments: str = "", *, token: str | None = None) -> Any:
    """Read the same over GraphQL and REST; checks that it is equal, and returns it."""
    found = as_rest((await execute(world, whole(name, arguments), token=token))[name])
    answer = await world.ask("GET", rest, token=token)
    assert answer.status == 200, answer.json
    over_rest = answer.json["projects"] if name == "board" else answer.json
    if name == "waiting":  # what is null of every pending announcement is left out
        for each in over_rest["announcements"]:
            for decided in ("state", "decided_by", "decided_at", "approved_at", "reason", "release_id"):
                assert each.pop(decided, None) in (None, "pending")
    assert found == over_rest
    return found


@pytest.fixture
async def busy(world: World) -> World:
    """A world where something is live, runs, waits, is frozen, locked and held."""
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    await world.complete_deployment("1.0-rc1")
    await world.cut("1.0-rc2")
    await Environment.filter(name="production").update(gate_settings={"approvals": {"count": 1}})
    body = {"release_candidate_version": "1.0-rc1", "wait": True}
    deployments = "/api/releases/site/environments/{}/deployments"
    assert (await world.ask("POST", deployments.format("production"), body)).status == 201
    await freeze(world, "production", until=((await world.context()).now() + timedelta(days=1)).isoformat())
    assert (await world.ask("POST", "/api/projects/site/environments/production/lock", {"reason": "x"})).status < 300
    await world.deploy("1.0-rc2")
    await world.cut("0.9-rc1")
    assert (await world.ask("POST", "/api/projects/site/releases/0.9/hold", {"reason": "a leak"})).status < 300
    await world.settle()
    return world


async def finish(world: World) -> None:
    """Let the deployment that is under way end."""
    await world.github.finish(run=len(world.github.runs))
    await world.settle()


async def test_the_board_and_searches_are_the_same_as_over_rest(busy: World) -> None:
    [site] = await same(busy, "board", "/api/board")
    staging, production = site["environments"]
    assert staging["live"] and staging["running"] and production["waiting"] and production["freezes"]
    assert production["lock"] and site["held"] and production["waiting"]["waits_for"]
    await same(busy, "board", "/api/board?project=site", '(project: "site")')
    assert await same(busy, "board", "/api/board?q=acme", '(q: "acme")')
    assert await same(busy, "board", "/api/board?q=nothing", '(q: "nothing")') == []
    await graphs.full_project("nothing", 1)
    for text, kinds in (("1.0", {"versions"}), ("@ro", {"people"}), ("sit", {"projects"}), ("cccc", {"commits"})):
        found = await same(busy, "search", f"/api/search?q={text}", f'(q: "{text}")')
        assert {kind for kind, rows in found.items() if rows} == kinds
    await finish(busy)


async def test_what_waits_is_the_same_as_over_rest(world: World) -> None:
    await gated(world)
    await push(world, SITE + STAGING + f"{PRODUCTION}}}\n")
    await submit(world, "1.0", tag_list=["Bug fixes"])
    await world.cut("1.0.0-rc1")
    await Environment.filter(name="staging").update(gate_settings={"approvals": {"count": 1, "from": ["user:carol"]}})
    carol = world.github.person("carol", "maintain")
    await Environment.filter(name="staging").update(listed_users={"carol": carol.id})
    body = {"release_candidate_version": "1.0.0-rc1", "wait": True}
    assert (await world.ask("POST", "/api/releases/site/environments/staging/deployments", body)).status == 201
    await world.settle()
    who = await person(world, Who("carol", UserId(0)), grants_of_role("maintain"))
    found = await same(world, "waiting", "/api/waiting", token=who.token)
    assert found["approvals"] and found["announcements"] and found["changes"][0]["settings"]
    assert not (await same(world, "waiting", "/api/waiting"))["approvals"]  # of a program


FILTERS = (
    ("", ""),
    ("?project=site", '(project: "site")'),
    ("?actor=root&act=candidate.cut", '(actor: "root", act: "candidate.cut")'),
    ("?channel=rest&alarm=false", '(channel: "rest", alarm: false)'),
    ("?alarm=true", "(alarm: true)"),
    ("?since=2020-01-01&until=2199-01-01T00:00:00Z", '(since: "2020-01-01", until: "2199-01-01T00:00:00Z")'),
    ("?since=2199-01-01", '(since: "2199-01-01")'),
)


async def test_the_audit_log_is_the_same_as_over_rest(busy: World) -> None:
    await AuditEntry.filter(act="candidate.cut").update(
        alarm=True, before={"secret": ["a", 1, None]}, after={"is": "text"}
    )
    for rest, arguments in FILTERS:
        found = await same(busy, "audit", f"/api/audit{rest}", arguments)
        assert bool(found) is ("2199-01-01&" in rest or "since=2199" not in rest), rest
    for arguments, sentence in (('channel: "x"', "`channel` must be one of"), ('since: "x"', "`since` must be a day")):
        answer = await post(busy, f"{{ audit({arguments}) {{ totalCount }} }}")
        assert error_codes(answer) == {"audit": "BAD_USER_INPUT"}
        assert sentence in answer.json["errors"][0]["message"]
    await finish(busy)


# --- who


async def test_callers_see_what_they_may_read(source: Path, database_url: str, aiohttp_server: Serve) -> None:
    query = """{ board { totalCount nodes { name } } search(q: "-rc0") { versions { totalCount } }
      people: search(q: "@robot") { people { nodes { cut { project } } } } waiting { incomplete }
      audit(act: "x") { totalCount nodes { project } } }"""
    async with running_world(source, database_url, aiohttp_server, anonymous_read="all") as world:
        for name in ("open", "closed", "hidden"):
            project = await graphs.full_project(name, 1, private=name != "open")
            values: dict[str, Any] = {"actor": "a", "channel": "rest", "act": "x", "subject": "x", "at": graphs.NOW}
            await AuditEntry.create(project_id=project.id, **values)
        reader, scoped = await world.create_token("project:read"), await world.create_token("admin", project="closed")
        public = {"open", "site"}
        for token, names in ((reader, public | {"closed", "hidden"}), (scoped, public | {"closed"}), ("", public)):
            answer = await post(world, query, token=token)
            data = answer.json["data"]
            assert {each["name"] for each in data["board"]["nodes"]} == names
            assert data["board"]["totalCount"] == len(names)
            assert {each["project"] for each in data["audit"]["nodes"]} == names - {"site"}
            assert data["audit"]["totalCount"] == len(names - {"site"})
            assert data["people"]["people"]["nodes"][0]["cut"]["project"] in names
            if token:
                assert "errors" not in answer.json
            else:
                assert error_codes(answer) == {"waiting": "UNAUTHENTICATED"}
                assert (answer.json["errors"][0]["message"], data["waiting"]) == (NO_CREDENTIALS, None)


async def test_callers_who_may_read_no_project_are_refused_each_field(world: World) -> None:
    query = """{ board { totalCount nodes { name } } search(q: "") { versions { totalCount } } waiting { incomplete }
      audit { totalCount nodes { act } } }"""
    for token, code in (
        (await world.create_token("release:cut", "content:read"), "FORBIDDEN"),
        ("", "UNAUTHENTICATED"),
    ):
        answer = await post(world, query, token=token)
        assert answer.json["data"] == dict.fromkeys(FIELDS)
        assert error_codes(answer) == dict.fromkeys(FIELDS, code)
        for error in answer.json["errors"] if token else ():
            assert error["extensions"]["grant"] == "project:read"


async def test_people_see_the_private_projects_that_they_may_read_on_github_now(world: World) -> None:
    await world.cut("1.0-rc1")
    for login, role in (("rita", "read"), ("sam", "none")):
        world.github.person(login, role)
    await world.github.set_private(True)
    await world.settle()
    query = (
        '{ board { nodes { name } } audit { nodes { project } } search(q: "1.0") { versions { nodes { project } } } }'
    )
    for login, seen in (("rita", True), ("sam", False)):
        who = await person(world, Who(login, UserId(0)), grants_of_role("read"))
        data = await execute(world, query, token=who.token)
        assert ("site" in str(data)) is seen
        assert bool(data["board"]["nodes"]) is bool(data["search"]["versions"]["nodes"]) is seen


# --- how much


async def test_lists_of_operations_are_paged_in_both_directions(world: World) -> None:
    await Project.all().update(archived=True)
    for name in "abcdefg":
        await graphs.environment(await graphs.project(name), "e")
    values = {"channel": "rest", "act": "counted", "subject": "x", "at": graphs.NOW}
    await AuditEntry.bulk_create([AuditEntry(actor=str(number), **values) for number in range(7)])
    for field, name, expected in (
        ("board", "name", list("abcdefg")),
        ('audit(act: "counted")', "actor", list("6543210")),
    ):
        assert await paged(world, field, name, "first", "after") == expected
        assert await paged(world, field, name, "last", "before") == expected
        head, _, rest = field.partition("(")
        for size in ("first: 0", "last: 0"):
            page = (await execute(world, f"{{ x: {head}({size} {rest or ')'} {{ totalCount nodes {{ {name} }} }} }}"))[
                "x"
            ]
            assert page == {"totalCount": 7, "nodes": []}


async def paged(world: World, field: str, name: str, size: str, bound: str) -> list[str]:
    """The values of a field of all rows, read in pages of 3."""
    found: list[str] = []
    cursor, more = None, True
    head, _, rest = field.partition("(")
    while more:
        selected = f"edges {{ cursor node {{ {name} }} }} pageInfo {{ {PAGE_INFO} }} totalCount"
        query = f"query ($c: String) {{ x: {head}({size}: 3, {bound}: $c {rest or ')'} {{ {selected} }} }}"
        page = (await execute(world, query, c=cursor))["x"]
        info, values = page["pageInfo"], [edge["node"][name] for edge in page["edges"]]
        assert page["totalCount"] == 7 and len(values) <= 3
        assert (info["startCursor"], info["endCursor"]) == (page["edges"][0]["cursor"], page["edges"][-1]["cursor"])
        if size == "first":
            assert info["hasPreviousPage"] is bool(found)
            found, cursor, more = [*found, *values], info["endCursor"], info["hasNextPage"]
        else:
            assert info["hasNextPage"] is bool(found)
            found, cursor, more = [*values, *found], info["startCursor"], info["hasPreviousPage"]
    return found


PAGE_INFO = "hasNextPage hasPreviousPage startCursor endCursor"


async def test_an_invalid_cursor_or_text_is_an_error_of_its_field(world: World) -> None:
    forged = {
        "board": [("board",), ("board", 1, 1), ("board", "a", -1), ("board", "a", "b"), ("board", "a", 2**31)],
        "audit": [("audit",), ("audit", "x"), ("audit", 0), ("audit", -1), ("audit", 2**31), ("audit", True)],
    }
    for field, values in forged.items():
        for cursor in ["", "x", "é", *(graphs.forged_cursor(*each) for each in values)]:
            answer = await post(world, f"query ($c: String) {{ {field}(after: $c) {{ totalCount }} }}", c=cursor)
            assert error_codes(answer) == {field: "BAD_USER_INPUT"}, cursor
    for query in ('search(q: "a\\nb") { versions { totalCount } }', f'board(q: "{"a" * 101}") {{ totalCount }}'):
        answer = await post(world, f"{{ x: {query} }}")
        assert error_codes(answer) == {"x": "BAD_USER_INPUT"}
        assert answer.json["errors"][0]["extensions"]["field"] == "q"


async def test_an_operation_is_performed_once_for_the_same_arguments(world: World) -> None:
    await post(world, "{ viewer { name } }")
    counts = []
    for query in (
        "{ board { totalCount } }",
        "{ board { totalCount nodes { name } } b: board(last: 1) { totalCount } }",
    ):
        statements: list[str] = []
        async with recorded_statements(world, statements):
            await execute(world, query)
        counts.append(len([each for each in statements if "FROM projects p" in each]))
    assert counts[0] == counts[1] > 0


async def test_entries_are_counted_up_to_a_limit(world: World) -> None:
    context = await world.context()
    every = await AuditEntry.all().count()
    assert await audit.count(context, AuditFilter()) == every > 1
    assert await audit.count(context, AuditFilter(), most=1) == 1


async def rows_of(rows: Sequence[str], size: int, after: tuple[str, int] | None = None, **more: Any) -> Slice:
    """A page of a list of texts."""

    async def read(source: object, context: QueryContext, own: object) -> Sequence[str]:
        return rows

    window = PageWindow(size, after=after, **more)
    return await ListPage(Listing("texts", read, str), None, {}, window).read(None)  # type: ignore[arg-type]


async def test_rows_added_or_removed_do_not_shift_the_pages_of_a_list_in_memory() -> None:
    assert (await rows_of("abcdef", 2, ("b", 1))).nodes == "cd"
    assert (await rows_of("xabcdef", 2, ("b", 1))).nodes == "cd"  # one more before it
    assert (await rows_of("bcdef", 2, ("b", 1))).nodes == "cd"
    assert (await rows_of("acdef", 2, ("b", 1))).nodes == "cd"  # it is gone itself
    assert (await rows_of("ab", 2, ("f", 5))).nodes == ""
    assert (await rows_of("abcdef", 2, before=("e", 4), backwards=True)) == Slice("cd", has_more=True, start=2)
    assert (await rows_of("abcdef", 9, ("a", 0), before=("d", 3))) == Slice("bc", has_more=False, start=1)
    assert (await rows_of("abcdef", 9, ("d", 3), before=("b", 1))).nodes == ""
    assert without_next("abc", PageWindow(2)) == Slice("ab", has_more=True)


# --- how it is described


def test_every_type_and_field_is_described() -> None:
    for name, type_ in SCHEMA.type_map.items():
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__"):
            assert type_.description, name
            assert [each for each, field in type_.fields.items() if not field.description] == [], name


def test_the_board_is_bounded_as_over_rest() -> None:
    assert SCHEMA.query_type is not None
    assert f"The first {board.MAX_PROJECTS} projects" in str(SCHEMA.query_type.fields["board"].description)
    assert f"at most {audit.MAX_COUNTED:,}" in str(SCHEMA.query_type.fields["audit"].description)
