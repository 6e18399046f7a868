"""ETags and compression."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.negotiation import accepts_gzip
from server.middleware import etag_matches
from tests.api.helpers import (
    PROJECTS,
    create_long_list,
    cut_path,
    env_path,
    header_items,
    send_raw,
)
from tests.world import World

# --- ETags


@pytest.mark.parametrize("path", [f"{PROJECTS}/site", PROJECTS, cut_path("1.0-rc1"), env_path("/deployments")])
async def test_a_client_with_the_current_representation_gets_304(world: World, path: str) -> None:
    await world.cut("1.0-rc1")
    first = await send_raw(world, "GET", path)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    for header in (tag, tag.removeprefix("W/"), "*", f'"x", {tag}', f'W/"y",{tag} , "z"', f'"a,b",{tag}'):
        for method in ("GET", "HEAD"):
            again = await send_raw(world, method, path, {"If-None-Match": header, "X-Request-ID": "one"})
            assert (again.status, again.body) == (304, b""), header
            assert (again.headers["ETag"], again.headers["X-Request-ID"]) == (tag, "one")
            assert (again.headers["Vary"], again.headers["Cache-Control"]) == (
                *(first.headers["Vary"], first.headers["Cache-Control"]),
            )
            assert not {"Content-Type", "Content-Encoding"} & set(again.headers)
    for header in ('"x"', 'W/"x"', tag[:-2] + '"', "", "x", f"x{tag[3:-1]}", '"*"'):
        assert (await send_raw(world, "GET", path, {"If-None-Match": header})).status == 200, header


async def test_an_etag_changes_with_the_body_and_with_the_links(world: World) -> None:
    tags = []
    for minutes in (5, 6, 5):
        await world.ask("PATCH", f"{PROJECTS}/site", {"build_deadline_minutes": minutes})
        tags.append((await send_raw(world, "GET", f"{PROJECTS}/site")).headers["ETag"])
    assert tags[0] == tags[2] != tags[1]
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")
    first_page = env_path("/deployments?per_page=1&page=1")
    before = await send_raw(world, "GET", first_page)
    await world.cut("1.0-rc2", await world.github.commit())
    one_page = await send_raw(world, "GET", f"{PROJECTS}/site/releases?per_page=1")
    await world.cut("0.9-rc1")
    assert (await send_raw(world, "GET", f"{PROJECTS}/site/releases?per_page=1")).headers["ETag"] != one_page.headers[
        "ETag"
    ]
    assert (await send_raw(world, "GET", first_page, {"If-None-Match": before.headers["ETag"]})).status == 304


async def test_only_successful_reads_have_an_etag(world: World) -> None:
    for method, path, body in (("GET", f"{PROJECTS}/none", None), ("POST", PROJECTS, {"name": "x"})):
        answer = await send_raw(world, method, path, {"If-None-Match": "*"}, body)
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
    plain = await send_raw(world, "GET", path)
    packed = await send_raw(world, "GET", path, {"Accept-Encoding": "br, gzip;q=0.5"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 2
    assert gzip.decompress(packed.body) == plain.body
    assert int(packed.headers["Content-Length"]) == len(packed.body)
    assert plain.headers["ETag"] == packed.headers["ETag"]
    assert all("Accept-Encoding" in header_items(item.headers["Vary"]) for item in (plain, packed))
    known = await send_raw(world, "GET", path, {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]})
    assert (known.status, known.body) == (304, b"")


async def test_scripts_and_styles_are_compressed_too(world: World) -> None:
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        plain = await send_raw(world, "GET", f"/api/docs/{name}")
        packed = await send_raw(world, "GET", f"/api/docs/{name}", {"Accept-Encoding": "gzip"})
        assert gzip.decompress(packed.body) == plain.body, name
        assert len(packed.body) < len(plain.body) / 3


async def test_short_responses_are_not_compressed(world: World) -> None:
    answer = await send_raw(world, "GET", f"{PROJECTS}/site", {"Accept-Encoding": "gzip"})
    assert len(answer.body) < 1024
    assert "Content-Encoding" not in answer.headers
    assert "Accept-Encoding" in header_items(answer.headers["Vary"])


async def test_a_very_long_response_is_compressed_completely(world: World) -> None:
    await world.cut("1.0-rc1")
    for number in range(3):
        await world.report("1.0-rc1", "error", error_message=f"{number}" + "ü" * 40_000)
        await world.report("1.0-rc1", "pending")
    answer = await send_raw(world, "GET", env_path("/deployments"), {"Accept-Encoding": "gzip"})
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
