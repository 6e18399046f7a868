"""HTTP conventions: HEAD, headers of every response, and errors outside endpoints."""

import json

import pytest

from api.http.problems import json_pointer
from tests.api.helpers import (
    PROJECTS,
    create_long_list,
    cut_path,
    env_path,
    header_items,
    send_raw,
)
from tests.world import World

# --- HEAD


async def test_head_answers_like_get_without_the_body(world: World) -> None:
    await world.cut("1.0-rc1")
    paths = [await create_long_list(world), f"{PROJECTS}/site", f"{PROJECTS}/site/releases?per_page=1", "/api/tokens"]
    paths += [cut_path("1.0-rc1"), env_path("/deployments"), f"{PROJECTS}/none", f"{PROJECTS}/"]
    for path in paths:
        for coding in ("identity", "gzip"):
            headers = {"X-Request-ID": "one", "Accept-Encoding": coding}
            got, head = [await send_raw(world, method, path, headers) for method in ("GET", "HEAD")]
            assert (head.status, head.body) == (got.status, b"")
            assert got.body
            date = {"Date"}
            assert {k: v for k, v in head.headers.items() if k not in date} == {
                k: v for k, v in got.headers.items() if k not in date
            }
    assert "HEAD" in header_items((await send_raw(world, "PUT", PROJECTS)).headers["Allow"])
    assert (await world.ask("HEAD", PROJECTS, token="")).status == 401


# --- headers of every response


async def test_responses_are_private_and_not_sniffed(world: World) -> None:
    for method, path in (("GET", PROJECTS), ("GET", "/nowhere"), ("DELETE", PROJECTS), ("GET", f"{PROJECTS}/x")):
        for token in (world.token, ""):
            headers = (await world.ask(method, path, token=token)).headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"] == "private, no-cache"
            assert {"Authorization", "Accept-Encoding"} <= header_items(headers["Vary"])


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
}


async def test_an_unknown_path_is_404_in_the_form_of_its_dialect_whatever_the_client_accepts(world: World) -> None:
    for path, form in NOT_THERE.items():
        for method, accepted in (("GET", "text/html"), ("GET", "*/*"), ("PUT", "text/html"), ("TRACE", "text/plain")):
            answer = await send_raw(world, method, path, {"Accept": accepted})
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
        answer = await send_raw(world, "DELETE", path)
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
