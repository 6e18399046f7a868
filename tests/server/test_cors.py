"""Cross-origin requests (CORS)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.helpers import PROJECTS, UNWRAPPED, RawResponse, cut_path, header_items, send_raw
from tests.world import Serve, World, running_world

ORIGIN = "https://dash.example.com"


@pytest.fixture
async def open_world(source: Path, database_url: str, aiohttp_server: Serve) -> AsyncIterator[World]:
    """A service that admits two CORS origins."""
    settings = {"cors_origins": f"{ORIGIN}, http://localhost:3000"}
    async with running_world(source, database_url, aiohttp_server, **settings) as world:
        yield world


def preflight(origin: str, method: str = "POST") -> dict[str, str]:
    """The headers of a CORS preflight request."""
    return {"Origin": origin, "Access-Control-Request-Method": method, "Authorization": ""}


def cors(answer: RawResponse) -> dict[str, str]:
    """The CORS headers of a response."""
    return {name.lower(): value for name, value in answer.headers.items() if name.lower().startswith("access-control-")}


async def test_other_origins_are_not_admitted_by_default(world: World) -> None:
    for answer in (
        await send_raw(world, "GET", PROJECTS, {"Origin": ORIGIN}),
        await send_raw(world, "OPTIONS", PROJECTS, preflight(ORIGIN)),
    ):
        assert cors(answer) == {}
        assert "Origin" not in header_items(answer.headers["Vary"])
    assert answer.status == 405


async def test_a_page_of_an_allowed_origin_may_call_and_read_the_headers_it_needs(open_world: World) -> None:
    preflighted = await send_raw(open_world, "OPTIONS", PROJECTS, preflight(ORIGIN))
    assert (preflighted.status, preflighted.body) == (204, b"")
    assert preflighted.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert header_items(preflighted.headers["Access-Control-Allow-Methods"]) == {"GET", "HEAD", "POST"}
    required = {"authorization", "content-type", "idempotency-key", "if-none-match", "x-request-id"}
    assert required <= header_items(preflighted.headers["Access-Control-Allow-Headers"].lower())
    assert int(preflighted.headers["Access-Control-Max-Age"]) > 0
    for path in (PROJECTS, f"{PROJECTS}/none", "/nowhere", cut_path("1.0-rc1")):
        answer = await send_raw(open_world, "GET", path, {"Origin": ORIGIN})
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        exposed = header_items(answer.headers["Access-Control-Expose-Headers"])
        assert {"Link", "ETag", "X-Request-ID", "Retry-After"} <= exposed
        assert "Access-Control-Allow-Credentials" not in answer.headers
    local = await send_raw(open_world, "GET", PROJECTS, {"Origin": "http://localhost:3000"})
    assert local.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    known = await send_raw(open_world, "GET", PROJECTS, {"Origin": ORIGIN, "If-None-Match": "*"})
    assert (known.status, known.headers["Access-Control-Allow-Origin"]) == (304, ORIGIN)


async def test_other_origins_get_no_cors_headers_and_vary_names_origin(open_world: World) -> None:
    for origin in ("https://evil.example.com", "https://dash.example.com.evil.org", "null", "", "http://localhost"):
        headers = {"Origin": origin} if origin else {}
        answer = await send_raw(open_world, "GET", PROJECTS, headers)
        assert (answer.status, cors(answer)) == (200, {}), origin
        assert "Origin" in header_items(answer.headers["Vary"])
        refused = await send_raw(open_world, "OPTIONS", PROJECTS, preflight(origin))
        assert (refused.status, cors(refused)) == (405, {})


async def test_a_preflight_for_an_unknown_path_or_method_is_not_answered(open_world: World) -> None:
    assert (await send_raw(open_world, "OPTIONS", "/nowhere", preflight(ORIGIN))).status == 404
    assert (await send_raw(open_world, "OPTIONS", PROJECTS, {"Origin": ORIGIN})).status == 405
    for path in (*UNWRAPPED, "/webhooks/github"):
        answer = await send_raw(open_world, "OPTIONS", path, preflight(ORIGIN))
        assert (answer.status, cors(answer)) == (405, {})


async def test_any_origin_may_be_allowed(source: Path, database_url: str, aiohttp_server: Serve) -> None:
    async with running_world(source, database_url, aiohttp_server, cors_origins="*") as world:
        for origin in (ORIGIN, "null"):
            assert (await send_raw(world, "GET", PROJECTS, {"Origin": origin})).headers[
                "Access-Control-Allow-Origin"
            ] == "*"
            assert (await send_raw(world, "OPTIONS", PROJECTS, preflight(origin))).status == 204
