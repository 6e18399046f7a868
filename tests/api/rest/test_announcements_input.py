"""The dialect `announcements`: invalid input is always 4xx in the caller's format, never an internal error."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from itertools import product
from typing import Any

from api.http.bodies import JSON
from api.http.errors import error_response
from api.http.xml import xml_codec
from api.rest.announcements import DIALECT
from bot.errors import Unavailable
from bot.store.database import execute
from tests.api.helpers import count_rows
from tests.api.rest.announcement_helpers import PROJECT, RELEASES, URLS, announce, ask_xml, status_and_fields
from tests.api.rest.test_xml import BOMB, EXTERNAL
from tests.world import Response, World

SIZE = 1024 * 1024
WRITES = (("POST", RELEASES), ("PUT", PROJECT), ("POST", URLS))
BODIES = (*WRITES, ("GET", f"{RELEASES}/pending"), ("GET", RELEASES), ("DELETE", f"{RELEASES}/1"))


async def send(
    world: World, method: str, path: str, body: Any, kind: str = "application/json", **more: str
) -> Response:
    """Send raw bytes to a `.json` path."""
    return await world.ask(method, f"{path}.json", data=body, headers={"Content-Type": kind, **more})


MALFORMED = {
    "null": b"null",
    "a list": b"[]",
    "a text": b'"x"',
    "no JSON": b"{",
    "JSON and more": b"{} {}",
    "NaN": b'{"a": NaN}',
    "bytes": bytes(range(128, 256)),
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a lone surrogate": b'{"release": {"version": "\\ud800", "changelog": "x"}}',
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "the zero character": b'{"release": {"version": "1\\u0000", "changelog": "x"}}',
    "the zero character in a name": b'{"a\\u0000b": 1}',
    "XML": b"<release/>",
    "a form": b"auth_code=x",
}


async def test_malformed_json_is_400(world: World) -> None:
    for (method, path), (name, body) in product(BODIES, MALFORMED.items()):
        assert status_and_fields(await send(world, method, path, body)) == (400, ["base"]), (method, path, name)
    assert await count_rows("announcements", "links") == {"announcements": 0, "links": 0}


async def test_malformed_xml_is_400(world: World) -> None:
    bodies = [
        BOMB,
        EXTERNAL,
        b"<!DOCTYPE release><release/>",
        b"<release>",
        b"{}",
        b"<a>" * 100_000,
        b"<r>" + b"<a/>" * 100_000 + b"</r>",
        b"<release><version>&#1;</version></release>",
        b"<release><version>\xff</version></release>",
        b"<?xml version='1.0' encoding='no-such'?><release/>",
    ]
    for (method, path), body in product(BODIES, bodies):
        response = await ask_xml(world, method, f"{path}.xml", body)
        assert (response.status, list(response.errors)) == (400, ["base"]), (method, path, body[:60])


async def test_a_body_of_another_type_is_415_and_an_empty_body_may_have_any_type(world: World) -> None:
    kinds = ("text/plain", "application/xhtml+xml", "application/x-www-form-urlencoded", "nonsense", "")
    for (method, path), kind in product(BODIES, kinds):
        assert status_and_fields(await send(world, method, path, b'{"x": 1}', kind)) == (415, ["base"]), kind
        assert (await send(world, method, path, b"", kind)).status in (200, 404, 409), kind
    for (method, path), kind in product(BODIES, ("text/json", "text/plain", "text/html")):
        response = await ask_xml(world, method, f"{path}.xml", b"<release/>", kind=kind)
        assert (response.status, list(response.errors)) == (415, ["base"]), kind
    for method, path in BODIES:
        assert (await send(world, method, path, b"{}", "Application/JSON; charset=utf-8")).status in (200, 404, 409)


async def test_a_body_over_one_mebibyte_is_413(world: World) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * (SIZE // 10)

    for method, path in BODIES:
        for body in (BytesIO(b" " * (10 * SIZE)), chunks()):
            assert status_and_fields(await send(world, method, path, body)) == (413, ["base"])
        response = await ask_xml(world, method, f"{path}.xml", BytesIO(b" " * (SIZE + 1)))
        assert (response.status, list(response.errors)) == (413, ["base"])


async def test_a_malformed_body_is_reported_even_though_it_may_hold_the_credentials(world: World) -> None:
    broken = f'{{"auth_code": "{world.token}", "release": {{'.encode()
    for token, status in ((world.token, 400), ("", 400), ("wrong", 401)):
        answer = await world.ask(
            "POST", f"{RELEASES}.json", data=broken, token=token, headers={"Content-Type": "application/json"}
        )
        assert status_and_fields(answer) == (status, ["base"])
        assert world.token not in str(answer.json)


async def test_values_of_the_wrong_type_are_409(world: World) -> None:
    unusual: list[Any] = [2**65, -(2**65), 1e308, [[]], {"a": {"b": []}}, [None], {}, True]
    for value in unusual:
        release = {"version": value, "changelog": value}
        assert status_and_fields(await world.ask("POST", f"{RELEASES}.json", {"release": release})) == (
            409,
            ["version", "changelog"],
        )
        if value != {}:
            body = {"project": {"oneliner": [value], "description": [value], "project_tag_list": [[value]]}}
            fields = ["oneliner", "description", "project_tag_list"]
            assert status_and_fields(await world.ask("PUT", f"{PROJECT}.json", body)) == (409, fields)
        link = {"url": {"label": value, "location": value}}
        assert status_and_fields(await world.ask("POST", f"{URLS}.json", link)) == (409, ["label", "location"])


async def test_unknown_paths_and_methods_are_refused_in_the_format_of_the_path(world: World) -> None:
    for method, path, status in [
        ("PATCH", f"{PROJECT}", 405),
        ("DELETE", RELEASES, 405),
        ("POST", f"{RELEASES}/1", 405),
        ("GET", f"{PROJECT}/nothing", 404),
        ("GET", f"{RELEASES}/1/2", 404),
    ]:
        response = await ask_xml(world, method, f"{path}.xml")
        assert (response.status, list(response.errors)) == (status, ["base"]), path
        assert status_and_fields(await world.ask(method, f"{path}.json")) == (status, ["base"]), path
    for path in ("/projects", "/projects/", PROJECT, RELEASES, f"{RELEASES}.html", f"{RELEASES}.", "/projects/%00"):
        assert status_and_fields(await world.ask("GET", path)) == (404, ["base"]), path
    allowed = (await world.ask("PATCH", f"{RELEASES}.json")).headers["Allow"]
    assert {"GET", "POST"} <= set(allowed.split(","))


async def test_a_trailing_slash_makes_no_difference(world: World) -> None:
    await announce(world, "1.0")
    for query in ("", "?auth_code=", "?page=1", "?page=1&auth_code="):
        for path in (f"{RELEASES}.json", f"{RELEASES}.json/"):
            answer = await world.ask("GET", path + query)
            assert (answer.status, len(answer.json)) == (200, 1)


async def test_repeated_and_unknown_parameters_are_refused_in_the_format_of_the_path(world: World) -> None:
    await announce(world, "1.0")
    for path in (RELEASES, f"{RELEASES}/pending", f"{RELEASES}/1", PROJECT, URLS, f"{URLS}/home"):
        for query, name in (("x=1&x=2", "x"), ("callback=x", "callback"), ("%00=%00", "\0"), ("Page=1", "Page")):
            answer = await world.ask("GET", f"{path}.json?{query}")
            assert status_and_fields(answer) == (409, [name]), (path, query)
            response = await ask_xml(world, "GET", f"{path}.xml?{query}")
            assert (response.status, list(response.errors)) == (409, [name.replace("\0", "\ufffd")]), (path, query)
    assert status_and_fields(await world.ask("GET", f"{RELEASES}.json?page=1&page=1")) == (409, ["page"])
    assert status_and_fields(await world.ask("GET", f"{RELEASES}.json?auth_code=&auth_code=")) == (409, ["auth_code"])
    (sentence,) = (await world.ask("GET", f"{RELEASES}.json?x=1")).json["errors"]["x"]
    assert sentence == "`x` is not a parameter of this call, which takes `page` and `auth_code`."
    for method, path in WRITES:
        assert status_and_fields(await world.ask(method, f"{path}.json?x=1", {"auth_code": world.token})) == (
            409,
            ["x"],
        )


@asynccontextmanager
async def without_table() -> AsyncIterator[None]:
    """Cause internal errors by renaming a table."""
    await execute("ALTER TABLE announcements RENAME TO mislaid")
    try:
        yield
    finally:
        await execute("ALTER TABLE mislaid RENAME TO announcements")


async def test_an_internal_error_is_500_in_the_format_of_the_path_without_details(world: World) -> None:
    async with without_table():
        answer = await world.ask("GET", f"{RELEASES}.json", token="")
        response = await ask_xml(
            world, "POST", f"{RELEASES}.xml", "<r><version>1</version><changelog>x</changelog></r>"
        )
    assert status_and_fields(answer) == (500, ["base"])
    assert (response.status, list(response.errors)) == (500, ["base"])
    assert "announcements" not in str(answer.json)


def test_unavailability_is_503_with_retry_after_in_both_formats() -> None:
    for codec in (JSON, xml_codec()):
        answer = error_response(DIALECT, Unavailable("The database is busy.", retry_after=7), codec)
        assert (answer.status, answer.headers["Retry-After"], answer.content_type) == (503, "7", codec.content_types[0])
        assert b"The database is busy." in bytes(answer.body)  # type: ignore[arg-type]
