"""HTTP conventions: request ids, HEAD, ETags, compression, CORS, and error responses outside endpoints."""

import gzip
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from api.http.negotiation import accepts_gzip
from api.http.problems import json_pointer
from bot.log import configure
from bot.store.database import execute
from server.middleware import etag_matches, request_id_of
from tests.api.helpers import create_project, cut_path, env_path
from tests.world import Serve, World, a_world

PROJECTS = "/api/projects"
UNWRAPPED = ("/healthz", "/readyz", "/metrics")


class RawResponse(NamedTuple):
    """A response as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def send(
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


# --- request ids


async def test_every_response_has_the_callers_request_id_or_a_new_one(world: World) -> None:
    for method, path, status in [
        ("GET", PROJECTS, 200),
        ("HEAD", PROJECTS, 200),
        ("GET", f"{PROJECTS}/none", 404),
        ("GET", "/nowhere", 404),
        ("DELETE", PROJECTS, 405),
        ("POST", PROJECTS, 400),
        ("GET", cut_path("1.0-rc1"), 404),
    ]:
        answer = await send(world, method, path, {"X-Request-ID": "My.id_7-z"})
        assert (answer.status, answer.headers["X-Request-ID"]) == (status, "My.id_7-z"), path
        generated = {(await send(world, method, path)).headers["X-Request-ID"] for _ in range(2)}
        assert len(generated) == 2 and all(len(item) == 32 for item in generated)
    anonymous = await world.ask("GET", PROJECTS, token="", headers={"X-Request-ID": "x" * 128})
    assert (anonymous.status, anonymous.headers["X-Request-ID"]) == (401, "x" * 128)


@given(st.text(max_size=200))
def test_only_well_formed_request_ids_are_accepted(text: str) -> None:
    taken = request_id_of(text)
    well_formed = 1 <= len(text) <= 128 and all(item.isascii() and (item.isalnum() or item in "._-") for item in text)
    assert (taken == text) == well_formed
    assert taken.isascii() and 1 <= len(taken) <= 128


async def test_a_malformed_request_id_is_replaced(world: World) -> None:
    for invalid in ("", "a b", "x" * 129, "a\u00e9", "a;b", "<b>"):
        answer = await send(world, "GET", PROJECTS, {"X-Request-ID": invalid})
        assert (answer.status, len(answer.headers["X-Request-ID"])) == (200, 32)


Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def log_lines() -> Iterator[Lines]:
    """Capture the service's log; calling the fixture returns the lines written so far."""
    root, written = logging.getLogger(), StringIO()
    handlers, level, root.handlers[:] = list(root.handlers), root.level, []
    configure("info")
    for handler in root.handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(written)
    yield lambda: [orjson.loads(line) for line in written.getvalue().splitlines()]
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_log_lines_of_a_request_carry_its_id_and_those_of_a_job_do_not(log_lines: Lines, world: World) -> None:
    paths = {"path one": PROJECTS, "two": f"{PROJECTS}/none", "three": "/nowhere", "four": cut_path("1.0-rc1")}
    for number, path in enumerate(paths.values()):
        await world.ask("GET", path, headers={"X-Request-ID": f"id{number}"})
    calls = {line["request"]: line for line in log_lines() if line["event"] == "call" and line["request"][:2] == "id"}
    assert [(calls[f"id{number}"]["path"], calls[f"id{number}"]["status"]) for number in range(4)] == [
        *((PROJECTS, 200), (f"{PROJECTS}/none", 404), ("/nowhere", 404), (cut_path("1.0-rc1"), 404)),
    ]
    assert calls["id1"]["refusal"] == "Release project not found"
    assert calls["id1"]["actor"] == "root"
    assert not {"refusal", "actor", "project"} & set(calls["id2"])  # nothing is left over from the previous request
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    jobs = [line for line in log_lines() if line["event"] == "job"]
    assert jobs and not any("request" in line for line in jobs)


async def test_an_internal_error_is_500_with_the_request_id_that_the_log_has(log_lines: Lines, world: World) -> None:
    await execute("ALTER TABLE environments RENAME TO mislaid")
    answers = [await send(world, "GET", path) for path in (f"{PROJECTS}/site/environments", env_path("/deployments"))]
    await execute("ALTER TABLE mislaid RENAME TO environments")
    assert [answer.status for answer in answers] == [500, 500]
    assert all(b"mislaid" not in answer.body and b"environments" not in answer.body for answer in answers)
    assert json.loads(answers[0].body)["title"] == "Internal Server Error"
    assert set(json.loads(answers[1].body)) == {"error"}
    faults = [line["request"] for line in log_lines() if line["event"] == "fault"]
    assert faults == [answer.headers["X-Request-ID"] for answer in answers]


async def test_health_checks_and_metrics_get_no_extra_headers_and_no_log_line(log_lines: Lines, world: World) -> None:
    for path in UNWRAPPED:
        answer = await send(world, "GET", path, {"X-Request-ID": "id", "Accept-Encoding": "gzip"})
        assert answer.status == 200
        assert not {"X-Request-ID", "ETag", "Vary", "Content-Encoding", "Cache-Control"} & set(answer.headers)
    assert not [line for line in log_lines() if line.get("path") in UNWRAPPED]


# --- HEAD


async def test_head_answers_like_get_without_the_body(world: World) -> None:
    await world.cut("1.0-rc1")
    paths = [await create_long_list(world), f"{PROJECTS}/site", f"{PROJECTS}/site/releases?per_page=1", "/api/tokens"]
    paths += [cut_path("1.0-rc1"), env_path("/deployments"), f"{PROJECTS}/none", f"{PROJECTS}/"]
    for path in paths:
        for coding in ("identity", "gzip"):
            headers = {"X-Request-ID": "one", "Accept-Encoding": coding}
            got, head = [await send(world, method, path, headers) for method in ("GET", "HEAD")]
            assert (head.status, head.body) == (got.status, b"")
            assert got.body
            date = {"Date"}
            assert {k: v for k, v in head.headers.items() if k not in date} == {
                k: v for k, v in got.headers.items() if k not in date
            }
    assert "HEAD" in header_items((await send(world, "PUT", PROJECTS)).headers["Allow"])
    assert (await world.ask("HEAD", PROJECTS, token="")).status == 401


# --- ETags


@pytest.mark.parametrize("path", [f"{PROJECTS}/site", PROJECTS, cut_path("1.0-rc1"), env_path("/deployments")])
async def test_a_client_with_the_current_representation_gets_304(world: World, path: str) -> None:
    await world.cut("1.0-rc1")
    first = await send(world, "GET", path)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    for header in (tag, tag.removeprefix("W/"), "*", f'"x", {tag}', f'W/"y",{tag} , "z"', f'"a,b",{tag}'):
        for method in ("GET", "HEAD"):
            again = await send(world, method, path, {"If-None-Match": header, "X-Request-ID": "one"})
            assert (again.status, again.body) == (304, b""), header
            assert (again.headers["ETag"], again.headers["X-Request-ID"]) == (tag, "one")
            assert (again.headers["Vary"], again.headers["Cache-Control"]) == (
                *(first.headers["Vary"], first.headers["Cache-Control"]),
            )
            assert not {"Content-Type", "Content-Encoding"} & set(again.headers)
    for header in ('"x"', 'W/"x"', tag[:-2] + '"', "", "x", f"x{tag[3:-1]}", '"*"'):
        assert (await send(world, "GET", path, {"If-None-Match": header})).status == 200, header


async def test_an_etag_changes_with_the_body_and_with_the_links(world: World) -> None:
    tags = []
    for minutes in (5, 6, 5):
        await world.ask("PATCH", f"{PROJECTS}/site", {"build_deadline_minutes": minutes})
        tags.append((await send(world, "GET", f"{PROJECTS}/site")).headers["ETag"])
    assert tags[0] == tags[2] != tags[1]
    await world.cut("1.0-rc1")
    await world.live("1.0-rc1")
    first_page = env_path("/deployments?per_page=1&page=1")
    before = await send(world, "GET", first_page)
    await world.cut("1.0-rc2", await world.github.commit())
    one_page = await send(world, "GET", f"{PROJECTS}/site/releases?per_page=1")
    await world.cut("0.9-rc1")
    assert (await send(world, "GET", f"{PROJECTS}/site/releases?per_page=1")).headers["ETag"] != one_page.headers[
        "ETag"
    ]
    assert (await send(world, "GET", first_page, {"If-None-Match": before.headers["ETag"]})).status == 304


async def test_only_successful_reads_have_an_etag(world: World) -> None:
    for method, path, body in (("GET", f"{PROJECTS}/none", None), ("POST", PROJECTS, {"name": "x"})):
        answer = await send(world, method, path, {"If-None-Match": "*"}, body)
        assert answer.status in (404, 201)
        assert "ETag" not in answer.headers


@given(st.lists(st.text("abc,\\*/W ", max_size=4), max_size=4), st.text("abc,*", max_size=3))
def test_if_none_match_matches_exactly_the_tags_that_it_lists(others: list[str], own: str) -> None:
    header = ", ".join(f'W/"{other}"' for other in others)
    assert etag_matches(f'W/"{own}"', header) == (own in others)
    assert etag_matches(f'W/"{own}"', f'{header}, "{own}"')


# --- compression


async def test_long_responses_are_compressed_for_clients_that_accept_gzip(world: World) -> None:
    path = await create_long_list(world)
    plain = await send(world, "GET", path)
    packed = await send(world, "GET", path, {"Accept-Encoding": "br, gzip;q=0.5"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 2
    assert gzip.decompress(packed.body) == plain.body
    assert int(packed.headers["Content-Length"]) == len(packed.body)
    assert plain.headers["ETag"] == packed.headers["ETag"]
    assert all("Accept-Encoding" in header_items(item.headers["Vary"]) for item in (plain, packed))
    known = await send(world, "GET", path, {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]})
    assert (known.status, known.body) == (304, b"")


async def test_scripts_and_styles_are_compressed_too(world: World) -> None:
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        plain = await send(world, "GET", f"/api/docs/{name}")
        packed = await send(world, "GET", f"/api/docs/{name}", {"Accept-Encoding": "gzip"})
        assert gzip.decompress(packed.body) == plain.body, name
        assert len(packed.body) < len(plain.body) / 3


async def test_short_responses_are_not_compressed(world: World) -> None:
    answer = await send(world, "GET", f"{PROJECTS}/site", {"Accept-Encoding": "gzip"})
    assert len(answer.body) < 1024
    assert "Content-Encoding" not in answer.headers
    assert "Accept-Encoding" in header_items(answer.headers["Vary"])


async def test_a_very_long_response_is_compressed_completely(world: World) -> None:
    await world.cut("1.0-rc1")
    for number in range(3):
        await world.report("1.0-rc1", "error", error_message=f"{number}" + "ü" * 40_000)
        await world.report("1.0-rc1", "pending")
    answer = await send(world, "GET", env_path("/deployments"), {"Accept-Encoding": "gzip"})
    assert len(answer.body) < 2000
    assert len(gzip.decompress(answer.body)) > 200_000


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("gzip", True),
        ("GZip", True),
        ("x-gzip", True),
        ("deflate, gzip, br", True),
        ("gzip;q=1.0", True),
        ("gzip ; q=0.001", True),
        ("gzip;Q=0.5", True),
        ("*", True),
        ("identity;q=0.5, *;q=0.6", True),
        ("", False),
        ("identity", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("*, gzip;q=0", False),
        ("*;q=0", False),
        ("gzip;q=0.5, identity", False),
        ("gzip;q=x", False),
        ("gzip;q=2", False),
        ("gzipped", False),
        (";q=1", False),
    ],
)
def test_gzip_is_used_where_accept_encoding_admits_it(header: str, taken: bool) -> None:
    assert accepts_gzip(header) is taken


@given(st.text(max_size=60))
def test_malformed_headers_raise_no_error(header: str) -> None:
    accepts_gzip(header)
    etag_matches('W/"x"', header)


# --- headers of every response


async def test_responses_are_private_and_not_sniffed(world: World) -> None:
    for method, path in (("GET", PROJECTS), ("GET", "/nowhere"), ("DELETE", PROJECTS), ("GET", f"{PROJECTS}/x")):
        for token in (world.token, ""):
            headers = (await world.ask(method, path, token=token)).headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"] == "private, no-cache"
            assert {"Authorization", "Accept-Encoding"} <= header_items(headers["Vary"])


# --- CORS


ORIGIN = "https://dash.example.com"


@pytest.fixture
async def open_world(source: Path, database_url: str, aiohttp_server: Serve) -> AsyncIterator[World]:
    """A service that admits two CORS origins."""
    settings = {"cors_origins": f"{ORIGIN}, http://localhost:3000"}
    async with a_world(source, database_url, aiohttp_server, **settings) as world:
        yield world


def preflight(origin: str, method: str = "POST") -> dict[str, str]:
    """The headers of a CORS preflight request."""
    return {"Origin": origin, "Access-Control-Request-Method": method, "Authorization": ""}


def cors(answer: RawResponse) -> dict[str, str]:
    """The CORS headers of a response."""
    return {name.lower(): value for name, value in answer.headers.items() if name.lower().startswith("access-control-")}


async def test_other_origins_are_not_admitted_by_default(world: World) -> None:
    for answer in (
        await send(world, "GET", PROJECTS, {"Origin": ORIGIN}),
        await send(world, "OPTIONS", PROJECTS, preflight(ORIGIN)),
    ):
        assert cors(answer) == {}
        assert "Origin" not in header_items(answer.headers["Vary"])
    assert answer.status == 405


async def test_a_page_of_an_allowed_origin_may_call_and_read_the_headers_it_needs(open_world: World) -> None:
    preflighted = await send(open_world, "OPTIONS", PROJECTS, preflight(ORIGIN))
    assert (preflighted.status, preflighted.body) == (204, b"")
    assert preflighted.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert header_items(preflighted.headers["Access-Control-Allow-Methods"]) == {"GET", "HEAD", "POST"}
    required = {"authorization", "content-type", "idempotency-key", "if-none-match", "x-request-id"}
    assert required <= header_items(preflighted.headers["Access-Control-Allow-Headers"].lower())
    assert int(preflighted.headers["Access-Control-Max-Age"]) > 0
    for path in (PROJECTS, f"{PROJECTS}/none", "/nowhere", cut_path("1.0-rc1")):
        answer = await send(open_world, "GET", path, {"Origin": ORIGIN})
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        exposed = header_items(answer.headers["Access-Control-Expose-Headers"])
        assert {"Link", "ETag", "X-Request-ID", "Retry-After"} <= exposed
        assert "Access-Control-Allow-Credentials" not in answer.headers
    local = await send(open_world, "GET", PROJECTS, {"Origin": "http://localhost:3000"})
    assert local.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    known = await send(open_world, "GET", PROJECTS, {"Origin": ORIGIN, "If-None-Match": "*"})
    assert (known.status, known.headers["Access-Control-Allow-Origin"]) == (304, ORIGIN)


async def test_other_origins_get_no_cors_headers_and_vary_names_origin(open_world: World) -> None:
    for origin in ("https://evil.example.com", "https://dash.example.com.evil.org", "null", "", "http://localhost"):
        headers = {"Origin": origin} if origin else {}
        answer = await send(open_world, "GET", PROJECTS, headers)
        assert (answer.status, cors(answer)) == (200, {}), origin
        assert "Origin" in header_items(answer.headers["Vary"])
        refused = await send(open_world, "OPTIONS", PROJECTS, preflight(origin))
        assert (refused.status, cors(refused)) == (405, {})


async def test_a_preflight_for_an_unknown_path_or_method_is_not_answered(open_world: World) -> None:
    assert (await send(open_world, "OPTIONS", "/nowhere", preflight(ORIGIN))).status == 404
    assert (await send(open_world, "OPTIONS", PROJECTS, {"Origin": ORIGIN})).status == 405
    for path in (*UNWRAPPED, "/webhooks/github"):
        answer = await send(open_world, "OPTIONS", path, preflight(ORIGIN))
        assert (answer.status, cors(answer)) == (405, {})


async def test_any_origin_may_be_allowed(source: Path, database_url: str, aiohttp_server: Serve) -> None:
    async with a_world(source, database_url, aiohttp_server, cors_origins="*") as world:
        for origin in (ORIGIN, "null"):
            assert (await send(world, "GET", PROJECTS, {"Origin": origin})).headers[
                "Access-Control-Allow-Origin"
            ] == "*"
            assert (await send(world, "OPTIONS", PROJECTS, preflight(origin))).status == 204


# --- errors outside endpoints


NOT_THERE = {
    "/api/releases/site/nothing/at/all": "error",
    "/api/v1/nothing": "error",
    "/projects": "errors",
    "/projects/site/nothing/x.json": "errors",
    "/projects/site/nothing/at/all": "errors",
    "/projects/site/nothing/x.xml": "xml",
    "/graphql/x": "errors",
    "/api/projects/site/nothing": "problem",
    "/api/releasesandmore": "problem",
    "/api/tokens/1/2": "problem",
    "/api": "problem",
    "/favicon.ico": "problem",
}


async def test_an_unknown_path_is_404_in_the_form_of_its_dialect_whatever_the_client_accepts(world: World) -> None:
    for path, form in NOT_THERE.items():
        for method, accepted in (("GET", "text/html"), ("GET", "*/*"), ("PUT", "text/html"), ("TRACE", "text/plain")):
            answer = await send(world, method, path, {"Accept": accepted})
            assert answer.status == 404, path
            if form == "xml":
                assert answer.headers["Content-Type"] == "application/xml"
                assert b"<errors>" in answer.body and b"Not Found" in answer.body
                continue
            kind = "application/problem+json" if form == "problem" else "application/json"
            assert answer.headers["Content-Type"] == kind
            body = json.loads(answer.body)
            assert (body["status"], body["title"]) == (404, "Not Found") if form == "problem" else set(body) == {form}


async def test_a_wrong_method_is_405_in_the_form_of_its_dialect(world: World) -> None:
    for path, keys in (
        (f"{PROJECTS}/site", b'"title":"Method Not Allowed"'),
        (cut_path("1.0-rc1"), b'{"error":"Method Not Allowed"}'),
        ("/projects/site/releases.json", b'{"errors":'),
        ("/projects/site/releases.xml", b"<errors>"),
    ):
        answer = await send(world, "DELETE", path)
        assert (answer.status, keys in answer.body) == (405, True), answer
        assert {"GET", "HEAD"} <= header_items(answer.headers["Allow"])


# --- JSON Pointers


@pytest.mark.parametrize(
    ("field", "where"),
    [
        ("name", "#/name"),
        ("inputs.target", "#/inputs/target"),
        ("grants.0", "#/grants/0"),
        ("a/b", "#/a~1b"),
        ("a~b", "#/a~0b"),
        ("a b%", "#/a%20b%25"),
        ("", "#/"),
    ],
)
def test_a_field_is_named_by_a_json_pointer_in_a_uri_fragment(field: str, where: str) -> None:
    assert json_pointer(field) == where
