"""GraphQL: queries that are invalid or exceed a limit are refused before anything is read."""

import asyncio
import logging
from io import BytesIO
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLError, get_introspection_query
from hypothesis import given
from hypothesis import strategies as st

from api.graphql import execution, limits
from api.graphql.errors import LimitExceeded
from api.graphql.limits import MAX_ALIASES, MAX_CHARACTERS, MAX_COST, MAX_DEPTH, MAX_DIRECTIVES, MAX_TOKENS
from api.graphql.schema import SCHEMA
from bot.errors import Problem, Refusal, Unavailable
from bot.store.releases import Release
from tests.api.graphql import graphs
from tests.api.graphql.graphs import error_message, graph_statements, post
from tests.world import World

DEEP = 50_000


def cost(text: str, **variables: Any) -> int:
    """The cost of a query."""
    document = limits.parse_query(SCHEMA, text)
    operation = limits.select_operation(document, None)
    return limits.check_cost(SCHEMA, document, operation, limits.coerce_variables(SCHEMA, operation, variables))


@pytest.mark.parametrize(
    ("expected", "query"),
    [
        (0, "{ __typename }"),
        (0, get_introspection_query()),
        (1, "{ viewer { name grants } }"),
        (1, '{ project(name: "x") { id name } }'),
        (100, "{ releases { totalCount } }"),
        (100, "{ releases(first: 100) { ...f } } fragment f on ReleaseConnection { totalCount }"),
        (120, "{ releases { ...f } } fragment f on ReleaseConnection { totalCount ... { pageInfo { endCursor } } }"),
        (1 + 100, '{ project(name: "x") { releases(first: 100) { nodes { id } } } }'),
        (100 + 100, "{ releases(first: 100) { nodes { candidates { totalCount } } } }"),
        (20, "{ releases(first: null) { nodes { id } } }"),
        (7, "{ releases(first: 7) { nodes { id } } }"),
        (7, "{ releases(last: 7) { edges { cursor node { id } } pageInfo { endCursor } } }"),
        (100, "{ releases(first: 0) { totalCount nodes { id } } }"),
        (10, "{ releases(first: 5) { nodes { project { id } } } }"),
        (5 + 5 * 3, "{ projects(first: 5) { nodes { releases(first: 3) { nodes { id } } } } }"),
        (1 + 5 * (1 + 3 * (1 + 2)), '{ project(name: "x") { releases(first: 5) { edges { node { '
         "candidates(last: 3) { nodes { build { url } release { id } } } } } } } }"),
        (2, "{ a: viewer { name } b: viewer { name } }"),
        (12, "{ ...f ...f } fragment f on Query { releases(first: 6) { nodes { id } } }"),
        (6, "{ ... on Query { ... { releases(first: 6) { nodes { id } } } } }"),
        (6, "{ releases(first: 6) @skip(if: true) { nodes { id } } }"),
        (3, "query ($n: Int = 3) { releases(first: $n) { nodes { id } } }"),
        (100 + 5, "{ board(first: 5) { nodes { name } } }"),
        (100 + 100, "{ board { totalCount } }"),
        (100 + 2 * (1 + 3 * 2), "{ board(first: 2) { nodes { environments(first: 3) { nodes { live { by } } } } } }"),
        (100 + 1, "{ waiting { incomplete } }"),
        (100 + 1 + 20 + 1, "{ waiting { approvals { nodes { by } } changes { totalCount } } }"),
        (2 * (100 + 1) + 20, '{ a: search(q: "x") { people { nodes { name } } } b: search(q: "y") { __typename } }'),
        (100 + 7, "{ audit(first: 7) { nodes { act } } }"),
    ],
)  # fmt: skip
def test_the_cost_of_a_query_is_the_number_of_objects_its_response_could_hold(expected: int, query: str) -> None:
    assert cost(query) == expected


def test_the_cost_depends_on_the_variables() -> None:
    query = "query ($n: Int, $m: Int = 5) { projects(first: $n) { nodes { releases(last: $m) { nodes { id } } } } }"
    assert cost(query) == 20 + 20 * 5
    assert cost(query, n=None) == 20 + 20 * 5
    assert cost(query, n=2, m=None) == 2 + 2 * 20
    assert cost(query, n=10, m=10) == 110


def nested_lists(*sizes: int) -> str:
    """A query of nested lists of these page sizes."""
    query = "id"
    for size in reversed(sizes):
        query = f"releases(first: {size}) {{ nodes {{ project {{ {query} }} }} }}"
    return f"{{ {query} }}"


@given(st.lists(st.integers(0, 100), min_size=1, max_size=3))
def test_a_query_that_costs_too_much_is_refused_with_its_cost_and_the_limit(sizes: list[int]) -> None:
    expected = 0
    for size in reversed(sizes):
        expected = size * (1 + 1 + expected)
    query = nested_lists(*sizes)
    if expected <= MAX_COST:
        assert cost(query) == expected
        return
    with pytest.raises(Refusal) as refused:
        cost(query)
    assert refused.value.details == {"cost": expected, "limit": MAX_COST}
    assert f"costs {expected:,}" in refused.value.sentence and f"{MAX_COST:,} are allowed" in refused.value.sentence


@pytest.mark.parametrize("depth", [3, MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 20])
def test_a_query_that_is_too_deep_is_refused(depth: int) -> None:
    query = "id"
    for level in range(depth - 2):
        query = f"{('environment', 'live')[(depth - level - 1) % 2]} {{ {query} }}"
    query = f"{{ deployment(id: 1) {{ {query} }} }}"
    if depth <= MAX_DEPTH:
        assert cost(query) == depth - 1
        return
    with pytest.raises(Refusal, match=f"is {depth} fields deep.*At most {MAX_DEPTH} are allowed"):
        cost(query)


def test_the_wrappers_of_nodes_add_no_depth() -> None:
    path = "releases(first: 1) { edges { node { project { "
    assert cost("{ " + path * 4 + "id" + " } } } }" * 4 + " }") == 8
    with pytest.raises(Refusal, match="11 fields deep"):
        cost("{ " + path * 5 + "id" + " } } } }" * 5 + " }")


def test_depth_and_aliases_are_counted_through_fragments() -> None:
    chain = "{ deployment(id: 1) { ...f0 } } " + " ".join(
        f"fragment f{n} on {type_} {{ {name} {{ ...f{n + 1} }} }}"
        for n, (type_, name) in enumerate([("Deployment", "environment"), ("Environment", "live")] * 5)
    )
    with pytest.raises(Refusal, match="12 fields deep"):
        cost(f"{chain} fragment f10 on Deployment {{ id }}")


INVALID = {
    "no query": ("", "GRAPHQL_PARSE_FAILED"),
    "only blanks": ("  \n\t,", "GRAPHQL_PARSE_FAILED"),
    "only a comment": ("# nothing", "GRAPHQL_PARSE_FAILED"),
    "no GraphQL": ("SELECT 1", "GRAPHQL_PARSE_FAILED"),
    "unended": ("{ viewer { name }", "GRAPHQL_PARSE_FAILED"),
    "unended text": ('{ project(name: "x) { id } }', "GRAPHQL_PARSE_FAILED"),
    "a lone surrogate": ('{ project(name: "\\ud800") { id } }', "GRAPHQL_PARSE_FAILED"),
    "deep braces": ("{a" * DEEP + "}" * DEEP, "GRAPHQL_PARSE_FAILED"),
    "less deep braces": ("{a" * 150 + "}" * 150, "TOO_MUCH"),
    "deep lists": ("{ projects(first: " + "[" * 200 + "]" * 200 + ") { totalCount } }", "GRAPHQL_PARSE_FAILED"),
    "less deep lists": ("{ projects(first: " + "[" * 40 + "]" * 40 + ") { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
    "deep types": ("query ($a: " + "[" * 60 + "Int" + "]" * 60 + ") { viewer { name } }", "GRAPHQL_VALIDATION_FAILED"),
    "inline fragments": ("{" + "...{" * 60 + "__typename" + "}" * 61, "TOO_MUCH"),
    "many tokens": ("{" + "__typename " * MAX_TOKENS + "}", "GRAPHQL_PARSE_FAILED"),
    "many comments": ("{ __typename }" + "#\n" * 501, "GRAPHQL_PARSE_FAILED"),
    "many characters": ("{ __typename }" + " " * MAX_CHARACTERS, "GRAPHQL_PARSE_FAILED"),
    "many aliases": ("{" + " ".join(f"a{n}: __typename" for n in range(MAX_ALIASES + 1)) + "}", "TOO_MUCH"),
    "many directives": ("{ __typename " + "@skip(if: true) " * (MAX_DIRECTIVES + 1) + "}", "TOO_MUCH"),
    "the zero character": ('{ project(name: "a\\u0000b") { id } }', "BAD_USER_INPUT"),
    "a zero in a default": ('query ($a: String = "\\u0000") { project(name: $a) { id } }', "BAD_USER_INPUT"),
    "an unknown field": ("{ secrets }", "GRAPHQL_VALIDATION_FAILED"),
    "an unknown argument": ("{ viewer(id: 1) { name } }", "GRAPHQL_VALIDATION_FAILED"),
    "no fields": ("{ viewer }", "GRAPHQL_VALIDATION_FAILED"),
    "an argument is missing": ("{ project { id } }", "GRAPHQL_VALIDATION_FAILED"),
    "a number of 65 bits": (f"{{ projects(first: {2**64}) {{ totalCount }} }}", "GRAPHQL_VALIDATION_FAILED"),
    "a number of 5,000 digits": ("{ projects(first: " + "9" * 5000 + ") { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
    "an unknown word": ("{ releases(status: RELEASED) { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
    "a day that is none": ('{ schedules(dateAfter: "2026-02-30") { totalCount } }', "GRAPHQL_VALIDATION_FAILED"),
    "another form of a day": ('{ schedules(dateAfter: "20260203") { totalCount } }', "GRAPHQL_VALIDATION_FAILED"),
    "a circle": ("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }", "GRAPHQL_VALIDATION_FAILED"),
    "an unknown fragment": ("{ ...a }", "GRAPHQL_VALIDATION_FAILED"),
    "a fragment alone": ("fragment a on Query { viewer { name } }", "GRAPHQL_VALIDATION_FAILED"),
    "a mutation": ("mutation { cut }", "GRAPHQL_VALIDATION_FAILED"),
    "a subscription": ("subscription { cut }", "GRAPHQL_VALIDATION_FAILED"),
    "a schema": ("type Query { a: Int }", "GRAPHQL_VALIDATION_FAILED"),
    "a circle of types": ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
                          "GRAPHQL_VALIDATION_FAILED"),
    "the schema many times": ("{ a: __schema { types { name } } b: __schema { types { name } } }", "TOO_MUCH"),
    "its types many times": ("{ __schema { a: types { name } b: types { name } } }", "TOO_MUCH"),
    "a type many times": ('{ ...a } fragment a on Query { b: __type(name: "Query") { name } }', "TOO_MUCH"),
    "two without names": ("{ viewer { name } } { viewer { name } }", "GRAPHQL_VALIDATION_FAILED"),
    "which of two": ("query a { viewer { name } } query b { viewer { name } }", "BAD_USER_INPUT"),
    "too many of too many": (nested_lists(100, 100), "TOO_MUCH"),
    "defer": ("{ ... @defer { viewer { name } } }", "GRAPHQL_VALIDATION_FAILED"),
}  # fmt: skip


async def test_an_invalid_query_is_400_and_reads_nothing(world: World) -> None:
    for name, (query, code) in INVALID.items():
        async with graph_statements(world) as statements:
            answer = await post(world, query)
        assert (answer.status, answer.json["errors"][0]["extensions"]["code"]) == (400, code), (name, answer.json)
        assert error_message(answer) and not statements, name


BODIES: dict[str, Any] = {
    "a batch": [{"query": "{ viewer { name } }"}],
    "nothing": {},
    "no query": {"query": None},
    "a number": {"query": 1},
    "a list": {"query": ["{ viewer { name } }"]},
    "variables in a list": {"query": "{ viewer { name } }", "variables": []},
    "variables as text": {"query": "{ viewer { name } }", "variables": "{}"},
    "a name that is a number": {"query": "{ viewer { name } }", "operationName": 1},
    "an unknown name": {"query": "query a { viewer { name } }", "operationName": "b"},
    "a name for the nameless": {"query": "{ viewer { name } }", "operationName": "b"},
    "zero in the query": {"query": "{ viewer { name } } #\0"},
    "zero in a variable": {"query": "query ($a: String!) { project(name: $a) { id } }", "variables": {"a": "\0"}},
}
VARIABLES: list[tuple[str, Any]] = [
    ("Int", 2**64),
    ("Int", 2**31),
    ("Int", 1.5),
    ("Int", "1"),
    ("Int", [1]),
    ("Int", True),
    ("String", 1),
    ("String", {"a": [1]}),
    ("Boolean", "true"),
    ("[ReleaseStatus!]", ["RELEASED"]),
    ("[ReleaseStatus!]", [30]),
    ("[ReleaseStatus!]", [None]),
    ("Date", "2026-13-01"),
    ("Date", 20261103),
    ("Date", "1" * 100_000),
]
USES = {
    "Int": "projects(first: $a) { totalCount }",
    "String": "releases(project: $a) { totalCount }",
    "Boolean": "projects(archived: $a) { totalCount }",
    "[ReleaseStatus!]": "releases(status: $a) { totalCount }",
    "Date": "schedules(dateAfter: $a) { totalCount }",
}


async def test_a_body_that_holds_no_query_is_400(world: World) -> None:
    for name, body in BODIES.items():
        answer = await world.ask("POST", "/graphql", body)
        assert (answer.status, answer.json["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT"), name
    for raw in (b"{", b"null", b'"x"', b'{"query": "\\ud800"}', b'{"a":' * DEEP, b"\xff", b"", b" "):
        answer = await world.ask("POST", "/graphql", data=raw, headers={"Content-Type": "application/json"})
        assert (answer.status, bool(error_message(answer))) == (400, True), raw[:20]


async def test_variables_of_a_wrong_type_are_400(world: World) -> None:
    for type_, value in VARIABLES:
        answer = await post(world, f"query ($a: {type_}) {{ {USES[type_]} }}", a=value)
        assert (answer.status, answer.json["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT"), (
            type_,
            value,
        )
    missing = await post(world, "query ($a: String!) { project(name: $a) { id } }")
    assert (missing.status, "'$a'" in error_message(missing)) == (400, True)
    many = await post(world, "query ($a: [String!]) { schedules(sla: $a) { totalCount } }", a=["x"] * 30_000)
    assert many.json["data"] == {"schedules": None}
    assert many.json["errors"][0]["message"] == "A filter may have at most 100 values."
    null = await post(world, 'query ($a: String = "x") { project(name: $a) { id } }', a=None)
    assert (null.status, null.json["data"]) == (200, {"project": None})
    assert null.json["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_a_request_of_the_wrong_form_is_refused_as_in_other_dialects(world: World) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = await world.ask(method, "/graphql?query={viewer{name}}")
        assert (answer.status, answer.headers["Allow"], error_message(answer)) == (405, "POST", "Method Not Allowed")
    for content_type in ("application/graphql", "text/plain", "multipart/form-data"):
        answer = await world.ask(
            "POST", "/graphql", data=b"{ viewer { name } }", headers={"Content-Type": content_type}
        )
        assert (answer.status, answer.json["errors"][0]["extensions"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    large = BytesIO(b'{"query": "' + b" " * 10_000_000 + b'"}')
    answer = await world.ask("POST", "/graphql", data=large, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json["errors"][0]["extensions"]["code"]) == (413, "CONTENT_TOO_LARGE")
    assert (await world.ask("POST", "/graphql/x", {})).status == 404
    assert (await world.ask("POST", "/graphql/", {"query": "{ viewer { name } }"})).status == 200
    assert (await world.ask("POST", "/graphql", {"query": "{ viewer { name } }", "extensions": {"x": 1}})).status == 200


async def test_a_repeated_query_is_evaluated_again(world: World) -> None:
    for _ in range(3):
        assert (await post(world, "{ nope }")).status == 400
        assert (await post(world, "query ($n: Int) { releases(first: $n) { totalCount } }", n=100)).status == 200
        assert (await post(world, "query ($n: Int) { releases(first: $n) { totalCount } }", n=101)).status == 400
    headers = {"Idempotency-Key": "k"}
    for name in ("a", "b"):
        body = {"query": f"{{ {name}: viewer {{ name }} }}"}
        answer = await world.ask("POST", "/graphql", body, headers=headers)
        assert answer.json == {"data": {name: {"name": "root"}}}  # nothing is written, so the key is ignored


async def test_an_unexpected_exception_is_logged_and_not_disclosed(
    world: World, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = await graphs.project("shop")
    await graphs.releases(shop, ["1.0"])
    await Release.filter(version="1.0").update(status=77)  # an unknown status
    answer = await post(world, '{ project(name: "shop") { releases { nodes { version status } } } viewer { name } }')
    assert (answer.status, answer.json["data"]) == (200, {"project": None, "viewer": {"name": "root"}})
    [error] = answer.json["errors"]
    assert (error["message"], error["extensions"]) == (
        "Something went wrong here. The log says what.",
        {"code": "INTERNAL_SERVER_ERROR"},
    )
    assert error["path"] == ["project", "releases", "nodes", 0, "status"]
    logged = capsys.readouterr().out + caplog.text
    assert "fault" in logged and "77" in logged and "Traceback" in logged


def test_an_unavailable_database_fails_the_whole_query() -> None:
    unavailable = Unavailable("The database does not answer.")
    with pytest.raises(Unavailable):
        execution.result_of(ExecutionResult({"projects": None}, [GraphQLError("x", original_error=unavailable)]))


async def test_neither_queries_nor_variables_are_logged(
    world: World, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    caplog.set_level(logging.INFO)
    await post(world, "query ($hush: String!) { project(name: $hush) { id } }", hush="hush1")
    await post(world, '{ project(name: "hush2") { hush3 } }')
    await post(world, "{ hush4")
    await post(world, "query ($a: Int) { projects(first: $a) { totalCount } }", a="hush5")
    logged = capsys.readouterr().out + caplog.text
    assert logged.count("/graphql") == 4 and "hush" not in logged


async def test_the_most_expensive_text_is_checked_quickly(world: World) -> None:
    """The worst query within the limits of a text takes a fraction of a second, so that other requests hardly wait."""
    tokens = MAX_TOKENS
    worst = [
        "{ viewer { " + "name " * (tokens - 10) + "} }",
        "{" + "viewer { name } " * (tokens // 4 - 3) + "}",
        "{ ...f0 ...f0 } " + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(80))
        + " fragment f80 on Query { viewer { name } }",
        "{" + " ".join(f"...f{n}" for n in range(90)) + "} "
        + " ".join(f"fragment f{n} on Query {{ viewer {{ name }} }}" for n in range(90)),
        "{" + "nope " * (tokens - 10) + "}",
    ]  # fmt: skip
    loop = asyncio.get_running_loop()
    for query in worst:
        start = loop.time()
        answer = await post(world, query)
        assert answer.status in (200, 400) and loop.time() - start < 10, query[:40]


def test_exceeding_a_limit_is_a_refusal() -> None:
    for query in ("{", "{ nope }", nested_lists(100, 100)):
        with pytest.raises(Problem):
            cost(query)
    assert isinstance(LimitExceeded("x"), Refusal)
