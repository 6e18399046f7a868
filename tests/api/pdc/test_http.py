"""How these dialects use HTTP: addresses, methods, headers, forms of answers and of bodies; and whatever is malformed."""

import asyncio
import gzip
import re
import zlib
from io import BytesIO
from typing import Any

import orjson
import pytest

from tests.api.pdc.calls import NEW, SCHEDULES, ask_raw, calendar, send_raw
from tests.api.pdc.goods import BASE, call, everything, got, made, said
from tests.world import World

LIST = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"
ITEM = "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
READ = "GET, HEAD, OPTIONS"
LISTS = [
    *("arches", "changesets", "component-sla-types", "content-delivery-content-categories"),
    *("content-delivery-content-formats", "content-delivery-repo-families", "content-delivery-repos"),
    *("content-delivery-services", "product-versions", "products", "release-schedules", "release-types"),
    *("release-variant-types", "release-variants", "released-files", "releases", "rpms"),
]
NOWHERE = '{"detail": "Not found"}'
JSON = {"Accept": "application/json"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


async def text(world: World, method: str, path: str, **more: Any) -> tuple[int, str, str]:
    """Status, type and text of an answer."""
    url = f"{world.url}{BASE}/{path}"
    headers = {"Authorization": f"Token {world.token}", **more.pop("headers", {})}
    async with world.session.request(method, url, headers=headers, allow_redirects=False, **more) as response:
        return response.status, response.headers.get("Content-Type", ""), await response.text()


# --- addresses and methods


async def test_the_root_lists_every_list_with_its_address_to_anybody(world: World) -> None:
    answer = await call(world, "GET", "?page_size=nope&foo=1", token="")
    assert answer.status == 200 and answer.headers["Allow"] == READ
    assert list(answer.json.items()) == [(name, f"{world.url}{BASE}/{name}/") for name in LISTS]
    for name, address in answer.json.items():
        assert (await world.ask("GET", address.removeprefix(world.url))).status == 200, name
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await said(world, method, ""))[0] == 405


ALLOWED = {
    SCHEDULES: LIST,
    "released-files/": LIST,
    f"{SCHEDULES}1/": ITEM,
    f"{SCHEDULES}77/": ITEM,
    "releases/": "GET, POST, PUT, PATCH, HEAD, OPTIONS",
    "releases/foo-1.0/": "GET, PUT, PATCH, HEAD, OPTIONS",
    "rpms/": "GET, POST, PUT, PATCH, HEAD, OPTIONS",
    **dict.fromkeys(("changesets/", "changesets/1/", "arches/", "release-types/", "release-variant-types/"), READ),
    "auth/token/": READ,
    "auth/token/obtain/": "GET, POST, HEAD, OPTIONS",
    "auth/token/refresh/": "GET, PUT, OPTIONS",
    "auth/current-user/": READ,
}


async def test_every_answer_says_which_methods_there_are_and_others_are_405(world: World) -> None:
    await calendar(world)
    for path, allow in ALLOWED.items():
        answer = await call(world, "OPTIONS", path)
        assert (answer.status, answer.headers["Allow"]) == (200, allow), path
        for method in {*LIST.split(", "), "TRACE", "BREW", "get"} - set(allow.split(", ")):
            answer = await call(world, method, path)
            assert answer.status == 405 and answer.headers["Allow"] == allow, (method, path)
            assert method == "HEAD" or answer.json == {"detail": f'Method "{method}" not allowed.'}
    for method, path, body, status in (
        ("POST", SCHEDULES, NEW, 201),
        ("POST", SCHEDULES, {}, 400),
        ("GET", f"{SCHEDULES}?foo=1", None, 400),
        ("GET", f"{SCHEDULES}77/", None, 404),
        ("GET", f"{SCHEDULES}?page=9", None, 404),
        ("GET", f"{SCHEDULES}?page_size=0", None, 200),
        ("DELETE", f"{SCHEDULES}2/", None, 204),
    ):
        answer = await call(world, method, path, body)
        assert answer.status == status and answer.headers["Allow"] == (ITEM if "7/" in path or "2/" in path else LIST)
        assert "Location" not in answer.headers and "ETag" not in answer.headers
        assert answer.headers["Vary"] == "Accept" and answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    for path, told in ((SCHEDULES, 401), (f"{SCHEDULES}1/", 401)):
        answer = await call(world, "DELETE", path, token="")
        assert answer.status == told and answer.headers["Allow"].startswith("GET, ")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_an_address_without_its_slash_leads_to_the_one_with_it(world: World, method: str) -> None:
    for path in (
        "",
        "/release-schedules",
        "/release-schedules/1",
        "/releases/a%2Fb%20c",
        "/arches",
        "/auth/token/obtain",
    ):
        for query in ("", "?b=1&a=%C3%A9&a=%2F", "?foo"):
            async with world.session.request(
                method, f"{world.url}{BASE}{path}{query}", allow_redirects=False
            ) as answer:
                assert answer.status == 301
                assert answer.headers["Location"] == f"{BASE}{path}/{query.replace('%C3%A9', 'é') and query}"
                assert await answer.read() == b""
    async with world.session.get(f"{world.url}{BASE}/component-sla-types") as answer:
        assert (answer.status, answer.url.path) == (200, f"{BASE}/component-sla-types/")


NO_PATHS = [
    *("nope/", "nope", "Release-Schedules/", "release-schedules/1/2/", "release-schedules/1/x", "release-variants/a/"),
    *("/", "//", "release-schedules//", "/release-schedules/", "release-schedules/1//", "auth/", "auth/obtain-token/"),
    *("auth/obtain_token/", "arches/x86_64/", "release-schedules.xml", ".json", "release-schedules/.json", "..", "../"),
    *("release-schedules%00/", "release-schedules/%00/", "release-schedules/%ED%A0%80x%0A/", "release-schedules;a=1/"),
]


async def test_an_address_that_leads_nowhere_is_404_in_the_form_that_is_asked_for(world: World) -> None:
    for path in NO_PATHS:
        request = b"GET %s/%s HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
        status, headers, body = await send_raw(world, request % (BASE.encode(), path.encode()))
        assert (status, headers["content-type"], body.decode()) == (404, "application/json", NOWHERE), path
        assert "allow" not in headers
    for accept in ("application/json", "application/*", "text/html;q=0.1, application/json"):
        for method in ("GET", "POST", "DELETE", "OPTIONS", "TRACE"):
            answer = await text(world, method, "nope/", headers={"Accept": accept})
            assert answer == (404, "application/json", NOWHERE)
    for accept in ("*/*", BROWSER["Accept"], "text/html", "image/png"):
        status, kind, page = await text(world, "GET", "nope/", headers={"Accept": accept})
        assert (status, kind) == (404, "text/html; charset=utf-8") and page.startswith("<!DOCTYPE html>")


async def test_a_suffix_asks_for_json_and_stands_in_addresses_too(world: World) -> None:
    await calendar(world)
    for path in ("release-schedules.json", "release-schedules.json/", "release-schedules.json?page_size=2"):
        page = await got(world, path)
        assert page["results"][0]["release_url"] == f"{world.url}{BASE}/releases/bar-2.0.json"
        assert page["results"][0]["sla_url"] == f"{world.url}{BASE}/component-sla-types/1.json"
    assert page["next"] == f"{world.url}{BASE}/release-schedules.json?page=2&page_size=2"
    one = await got(world, "release-schedules/1.json")
    assert one["release_url"] == f"{world.url}{BASE}/releases/foo-1.0.json"
    assert (await got(world, "releases/foo-1.0.json"))["release_id"] == "foo-1.0"
    assert (await text(world, "GET", "release-schedules/1.json", headers=BROWSER))[1] == "application/json"
    assert (await said(world, "PATCH", "release-schedules/1.json", {"date": "2001-01-01"}))[0] == 200
    assert (await said(world, "GET", "release-schedules/1.json/")) == (404, {"detail": "Not found."})
    assert (await got(world, "arches.json?page_size=1"))["next"].endswith("/arches.json?page=2&page_size=1")


# --- headers and forms of answers


async def test_json_is_compact_and_says_nothing_of_its_encoding(world: World) -> None:
    one = await made(world, "component-sla-types", {"name": "ü – 日本 </script>"})
    status, kind, body = await text(world, "GET", f"component-sla-types/{one['id']}/")
    assert (status, kind) == (200, "application/json")
    assert body == f'{{"id":{one["id"]},"name":"ü – 日本 </script>","description":""}}'


ACCEPTS = {
    None: "json",
    "": "json",
    "*/*": "json",
    "application/*": "json",
    "application/json": "json",
    "APPLICATION/JSON": "json",
    "application/json; indent=4": "json",
    "application/json, text/html": "json",
    "application/json;q=0.5, text/plain;q=0.9": "json",
    "text/plain, */*": "json",
    "text/html;q=0.5, */*": "json",
    "text/html;q=0, */*": "json",
    "text/html": "html",
    "text/*": "html",
    "text/html, application/json": "html",
    "application/json;q=0.5, text/html": "html",
    "text/html;q=0.6, application/json;q=0.5": "html",
    BROWSER["Accept"]: "html",
    "text/plain": "none",
    "image/png, text/css": "none",
    "application/xml": "none",
    "application/json;q=0": "none",
    "*/*;q=0": "none",
    "text/html;q=nan": "none",
    "application/json;q=x": "none",
}


async def test_the_form_of_an_answer_is_the_one_that_is_asked_for(world: World) -> None:
    kinds = {"json": (200, "application/json"), "html": (200, "text/html; charset=utf-8")}
    for accept, form in ACCEPTS.items():
        for path in ("", SCHEDULES, "arches/", "auth/token/obtain/"):
            headers = {} if accept is None else {"Accept": accept}
            status, kind, body = await text(
                world, "GET", path, headers=headers, skip_auto_headers=["Accept"] if accept is None else []
            )
            assert (status, kind) == kinds.get(form, (406, "application/json")), (accept, path)
            if form == "none":
                assert body == '{"detail":"Could not satisfy the request Accept header."}'
    assert (await text(world, "GET", f"{SCHEDULES}?format=api"))[0] == 406
    before = await everything(world)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await call(world, method, SCHEDULES, [], headers={"Accept": "text/plain"})).status == 406
    status, kind, body = await text(world, "POST", SCHEDULES, json={}, headers={"Accept": "text/html"})
    assert (status, kind) == (400, "text/html; charset=utf-8") and "This field is required." in body
    assert await everything(world) == before


async def test_head_is_get_without_a_body(world: World) -> None:
    await calendar(world)
    for path in (
        "",
        SCHEDULES,
        f"{SCHEDULES}1/",
        f"{SCHEDULES}77/",
        "arches/",
        f"{SCHEDULES}?foo=1",
        "auth/current-user/",
    ):
        full, bare = await call(world, "GET", path), await call(world, "HEAD", path)
        assert (bare.status, bare.json) == (full.status, None), path
        for name in ("Content-Type", "Content-Length", "Allow", "Vary"):
            assert bare.headers[name] == full.headers[name], (path, name)


async def test_long_answers_are_compressed_for_those_who_take_that(world: World) -> None:
    url = f"{world.url}{BASE}/arches/?page_size=48"
    for accepted, encoding in (("gzip", "gzip"), ("gzip;q=0", None), ("br", None), ("identity", None)):
        async with world.session.get(url, headers={"Accept-Encoding": accepted}) as answer:
            assert answer.headers.get("Content-Encoding") == encoding
            assert answer.headers["Vary"] == ("Accept, Accept-Encoding" if encoding else "Accept")
            assert len((await answer.json())["results"]) == 48


async def test_options_tell_what_may_be_done_here_and_by_this_caller(world: World) -> None:
    await calendar(world)
    status, value = await said(world, "OPTIONS", SCHEDULES)
    assert (status, value["name"], list(value["actions"])) == (200, "Release Schedule List", ["POST", "PUT"])
    assert value["renders"] == ["application/json", "text/html"]
    assert value["parses"] == ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]
    assert "Warning: This is an experimental API" in value["description"]
    fields = {
        "id": ("integer", False, True, "ID"),
        "release": ("field", True, False, "Release"),
        "sla": ("field", True, False, "Sla"),
        "date": ("date", True, False, "Date"),
        "active": ("boolean", False, True, "Active"),
        "release_url": ("field", False, True, "Release url"),
        "sla_url": ("field", False, True, "Sla url"),
    }
    shaped = {
        name: dict(zip(("type", "required", "read_only", "label"), each, strict=True)) for name, each in fields.items()
    }
    assert list(value["actions"]["POST"]) == list(fields)
    assert value["actions"] == {"POST": shaped, "PUT": shaped}
    _, value = await said(world, "OPTIONS", f"{SCHEDULES}1/")
    assert (value["name"], value["actions"]) == ("Release Schedule Instance", {"PUT": shaped})
    status, value = await said(world, "OPTIONS", f"{SCHEDULES}77/")
    assert (status, "actions" in value) == (200, False)
    _, value = await said(world, "OPTIONS", "released-files/")
    assert value["name"] == "Released Files List" and value["actions"]["POST"]["repo"]["type"] == "field"
    assert "Warning: This is an experimental API" in value["description"]
    for path, name in (("releases/", "Release List"), ("arches/", "Arch List"), ("", "Api Root")):
        assert (await said(world, "OPTIONS", path))[1]["name"] == name


async def test_pages_of_any_origin_may_read_and_never_with_credentials_of_their_own(world: World) -> None:
    origin = {"Origin": "https://elsewhere.example"}
    for path in ("", SCHEDULES, f"{SCHEDULES}77/", "nope/", "release-schedules", f"{SCHEDULES}?page_size=0"):
        for method in ("GET", "HEAD"):
            answer = await call(world, method, path, headers={**origin, **JSON}, token="")
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Access-Control-Allow-Origin" not in (await call(world, "GET", SCHEDULES)).headers
    assert "Access-Control-Allow-Origin" not in (await call(world, "POST", SCHEDULES, [], headers=origin)).headers
    asked = {**origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    for path in (SCHEDULES, f"{SCHEDULES}1/", "arches/"):
        answer = await call(world, "OPTIONS", path, headers=asked, token="")
        assert (answer.status, answer.json) == (200, None)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
        assert answer.headers["Access-Control-Allow-Headers"] == (
            "x-requested-with, content-type, accept, origin, authorization, x-csrftoken, pdc-change-comment"
        )


# --- bodies


async def test_another_method_in_a_header_and_a_body_where_none_belongs_say_nothing(world: World) -> None:
    await calendar(world)
    headers = {"X-HTTP-Method-Override": "DELETE", "Content-Type": "text/plain"}
    for path in (SCHEDULES, f"{SCHEDULES}1/", "", "arches/", "auth/token/"):
        for body in (b"{", b"\xff\0", b'{"foo": 1}'):
            assert (await call(world, "GET", path, data=body, headers=headers)).status == 200
    assert (await said(world, "DELETE", f"{SCHEDULES}1/", {"foo": 1}))[0] == 204
    assert (await call(world, "POST", f"{SCHEDULES}", NEW, headers={"X-HTTP-Method-Override": "GET"})).status == 201


async def test_a_schedule_is_made_by_json_and_by_both_kinds_of_forms(world: World) -> None:
    await calendar(world)
    pairs = {"release": "bar-2.0", "sla": "silver", "date": "2030-3-3"}
    forms: list[dict[str, Any]] = [
        {"json": pairs},
        {"data": orjson.dumps(pairs), "headers": {"Content-Type": "application/json; charset=latin-1"}},
        {"data": pairs},
        {"data": b"release=nope&release=bar-2.0&sla=silver&date=2030-3-3", "headers": {"Content-Type": FORM}},
        {"data": _parts(pairs, "b"), "headers": {"Content-Type": 'multipart/form-data; charset=utf-8; boundary="b"'}},
        {"data": gzip.compress(orjson.dumps(pairs)), "headers": {"Content-Type": "application/json", **GZIP}},
        {"data": zlib.compress(orjson.dumps(pairs)), "headers": {"Content-Type": "application/json", **DEFLATE}},
    ]
    for form in forms:
        status, value = await said(world, "POST", SCHEDULES, **form)
        assert (status, value.get("date")) == (201, "2030-03-03"), (form, value)
        status, value = await said(world, "PATCH", f"{SCHEDULES}{value['id']}/", data={"date": "2031-01-01"})
        assert (status, value["date"]) == (200, "2031-01-01")
        assert (await said(world, "DELETE", f"{SCHEDULES}{value['id']}/"))[0] == 204
    assert await said(world, "POST", SCHEDULES, data={**pairs, "foo": "1"}) == (
        400,
        {"detail": 'Unknown fields: "foo".'},
    )


FORM = "application/x-www-form-urlencoded"
GZIP, DEFLATE = {"Content-Encoding": "gzip"}, {"Content-Encoding": "deflate"}


def _parts(fields: dict[str, str], boundary: str) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, f"--{boundary}--\r\n"]).encode()


PART = b'--b\r\nContent-Disposition: form-data; name="date"\r\n\r\n'
MULTI = "multipart/form-data; boundary=b"
MALFORMED: list[tuple[str, bytes, dict[str, str], int, str]] = [
    *(
        ("application/json", body, {}, 400, "JSON parse error - .+")
        for body in (
            *(b"{", b"nope", b"{'a': 1}", b"[1,]", b"{} {}", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}'),
            *(
                b'{"date": 1e400}',
                b'{"date": "\xff"}',
                b'{"date": "\xed\xa0\x80"}',
                b'{"date": "\\ud800"}',
                b"\xff\xfe",
            ),
            *(b"[" * 101 + b"]" * 101, b"[" * 100_000, b'{"a":' * 300 + b"1" + b"}" * 300, "{}".encode("utf-16")),
        )
    ),
    *(("application/json", b'{"date": %s}' % text, {}, 400, ".*zero.*|.*U\\+0000.*") for text in (b'"a\\u0000"',)),
    ("application/json", b'{"a\\u0000": 1}', {}, 400, ".*U\\+0000.*"),
    ("application/json", b"{}", GZIP, 400, ".*not encoded as its headers say.*"),
    ("application/json", b"\x1f\x8b\x08rubbish", GZIP, 400, ".*not encoded as its headers say.*"),
    ("application/json", gzip.compress(b"[]" * 5000)[:-9], GZIP, 400, ".+"),
    ("application/json", b"{}", {"Content-Encoding": "br"}, 400, ".+"),
    ("application/json", b"\xff", {"Content-Encoding": "rot13"}, 400, ".+"),
    *(
        (kind, b"{}", {}, 415, f'Unsupported media type "{kind}" in request.')
        for kind in ("text/plain", "application/xml", "image/png")
    ),
    ("nonsense", b"{}", {}, 415, "Unsupported media type .+"),
    ("", b"{}", {}, 415, "Unsupported media type .+"),
    (FORM, b"\xff=1", {}, 400, "Form parse error - .+"),
    (FORM, b"&".join(b"a%d=1" % number for number in range(1001)), {}, 400, "Form parse error - .+"),
    (FORM, b"date=a%00b", {}, 400, ".*U\\+0000.*"),
    (FORM, b'[{"a": 1}]', {}, 400, "Unknown fields: .+"),
    *(
        (MULTI, body, {}, 400, "Multipart form parse error - .+")
        for body in (
            *(b"x", b"--b", b"--b--x"[:-3] + b"c", PART, PART + b"1", PART + b"1\r\n--b", PART + b"1\r\n--c--"),
            *(b"--b\r\n\r\n1\r\n--b--", b"--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--"),
            b'--b\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n1\r\n--b--',
            b'--b\r\nContent-Disposition: attachment; name="a"\r\n\r\n1\r\n--b--',
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n--b--',
            *(PART + b"\xff\r\n--b--", (PART + b"1\r\n") * 1001 + b"--b--"),
        )
    ),
    (MULTI, PART + b"a\0b\r\n--b--", {}, 400, ".*U\\+0000.*"),
    ("multipart/form-data", PART + b"1\r\n--b--", {}, 400, "Multipart form parse error - there is no boundary"),
    ("multipart/form-data; boundary=", PART + b"1\r\n--b--", {}, 400, "Multipart form parse error - .+"),
    ('multipart/form-data; boundary="', PART + b"1\r\n--b--", {}, 400, "Multipart form parse error - .+"),
    ("multipart/mixed; boundary=b", PART + b"1\r\n--b--", {}, 415, "Unsupported media type .+"),
]


async def test_a_body_that_cannot_be_read_is_told_so_and_nothing_is_written(world: World) -> None:
    await calendar(world)
    before = await everything(world)
    for kind, body, headers, status, told in MALFORMED:
        for method, path in (("POST", SCHEDULES), ("PATCH", SCHEDULES), ("PUT", f"{SCHEDULES}1/")):
            answer = await call(world, method, path, data=body, headers={"Content-Type": kind, **headers})
            assert answer.status == status, (method, kind, body[:80], headers, answer.json)
            assert re.fullmatch(told, answer.json["detail"], re.DOTALL), (body[:80], answer.json)
            assert list(answer.json) == ["detail"]
    assert await everything(world) == before


async def test_nothing_sent_counts_as_an_empty_object_and_null_as_no_data(world: World) -> None:
    await calendar(world)
    required = {name: ["This field is required."] for name in NEW}
    for body in (b"", b" \n", b"{}"):
        for kind in ("application/json", FORM) if body != b"{}" else ("application/json",):
            answer = await said(world, "POST", SCHEDULES, data=body, headers={"Content-Type": kind})
            assert answer == (400, required)
    assert await said(world, "POST", SCHEDULES, data=b"", headers={"Content-Type": "text/plain"}) == (400, required)
    headers = {"Content-Type": "application/json"}
    for method, path in (("POST", SCHEDULES), ("PUT", f"{SCHEDULES}1/")):
        assert await said(world, method, path, data=b"null", headers=headers) == (400, {"detail": ["No data provided"]})
        for body, kind in ((b'"x"', "str"), (b"1", "int"), (b"true", "bool"), (b"1.5", "float")):
            told = {"detail": f"Invalid data. Expected an object, but got {kind}."}
            assert await said(world, method, path, data=body, headers=headers) == (400, told)
    assert (await said(world, "PUT", f"{SCHEDULES}1/", [NEW]))[0] == 400


async def test_a_body_of_more_than_eight_megabytes_is_413(world: World) -> None:
    before = await everything(world)
    large = b'{"release": "' + b"x" * (10 * 1024 * 1024) + b'"}'
    for method, path in (("POST", SCHEDULES), ("DELETE", SCHEDULES), ("GET", SCHEDULES), ("PUT", f"{SCHEDULES}1/")):
        for body, headers in ((large, {}), (gzip.compress(large), GZIP)):
            answer = await call(
                world, method, path, data=BytesIO(body), headers={"Content-Type": "application/json", **headers}
            )
            assert (answer.status, answer.json) == (413, {"detail": "The body has at most 8,388,608 bytes."})
    almost = b'{"release": "' + b"x" * (7 * 1024 * 1024) + b'"}'
    answer = await call(world, "POST", SCHEDULES, data=BytesIO(almost), headers={"Content-Type": "application/json"})
    assert answer.status == 400 and answer.json["release"][0].startswith("Object with release_id=xxxx")
    assert await everything(world) == before


# --- whatever else can be sent

PIECES = [b"\0", b"%00", b"\xff", b"%FF", b"%ED%A0%80", b"\xed\xa0\x80", "é".encode(), b"%C3%A9", b"%", b"%zz", b"\x7f"]


async def test_odd_bytes_in_an_address_are_4xx_or_find_nothing(world: World) -> None:
    await calendar(world)
    for piece in PIECES:
        for path in (
            *(b"release-schedules/%s/", b"releases/%s/", b"%s/", b"release-variants/%s/x/", b"release-schedules/?%s=1"),
            *(b"release-schedules/?release=%s", b"release-schedules/?sla=%s", b"release-schedules/?date=%s"),
            *(b"release-schedules/?ordering=%s", b"release-schedules/?fields=%s", b"release-schedules/?page=%s"),
            *(b"release-schedules/?page_size=%s", b"release-schedules/?active=%s", b"released-files/?repo_name=%s"),
            *(b"releases/?name=%s", b"changesets/?author=%s", b"component-sla-types/?name=%s"),
        ):
            for method in (b"GET", b"POST"):
                request = b"%s %s/%s HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nConnection: close\r\n"
                request += b"Authorization: Token " + world.token.encode() + b"\r\nContent-Length: 0\r\n\r\n"
                status, headers, body = await send_raw(world, request % (method, BASE.encode(), path % piece))
                assert 200 <= status < 500, (method, path, piece, status, body)
                if headers["content-type"] == "application/json":
                    assert "detail" in (value := orjson.loads(body)) or value["count"] >= 0 or isinstance(value, list)
                else:  # no HTTP at all, which nobody of ours has seen
                    assert (
                        (status == 400 and b"Bad Request" in body) or b"Bad status line" in body or b"Invalid" in body
                    )


async def test_odd_bytes_in_headers_are_4xx_or_change_nothing(world: World) -> None:
    await calendar(world)
    body = orjson.dumps({"date": "2001-01-01"})
    json = b"Content-Type: application/json"
    for header, status in (
        (b"PDC-Change-Comment: caf\xc3\xa9", 200),
        (b"PDC-Change-Comment: caf\xe9", 400),
        (b"PDC-Change-Comment: \xed\xa0\x80", 400),
        (b"PDC-Change-Comment:", 200),
        (b"Accept: \xff\xfe", 406),
        (b"Accept: application/json;\xff=1;q=\xff", 406),
        (b"Accept-Encoding: \xff", 200),
        (b"Origin: \xff", 200),
        (b"X-Request-ID: \xff", 200),
        (b"Content-Encoding: \xff", 200),
    ):
        answered, value = await ask_raw(world, b"PATCH", b"release-schedules/1/", json, header, body=body)
        assert answered == status, (header, value)
    for kind in (
        b"\xff",
        b"application/json; charset=\xff",
        b"application/json;;;",
        b"application/json; charset=utf-16",
    ):
        answered, value = await ask_raw(world, b"PATCH", b"release-schedules/1/", b"Content-Type: " + kind, body=body)
        assert answered in (200, 415), (kind, value)
    for token in ("\xff", "é", "a" * 5000, "'", "\x01"):
        answered, value = await ask_raw(world, b"GET", b"release-schedules/", token=token)
        assert answered in (401, 429), (token, value)
    for host in (b"a b", b'x"><script>', b"\xff", b"x" * 300, b"a,b"):
        request = b"GET %s/ HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (BASE.encode(), host)
        answered, headers, raw = await send_raw(world, request)
        assert answered == 400 and b"<script>" not in raw, (host, raw)


HUGE: list[Any] = [2**31, 2**32, 2**63 - 1, 2**63, 2**64, 2**65, 10**30, -(2**63), -(2**65), 1e308, -1, 0]


async def test_numbers_beyond_all_bounds_are_4xx_or_find_nothing(world: World) -> None:
    await calendar(world)
    before = await everything(world)
    for number in HUGE:
        plain = str(int(number))
        for path in (f"{SCHEDULES}{plain}/", f"changesets/{plain}/", f"{SCHEDULES}?page={plain}"):
            if plain != "0" or "page" not in path:
                assert (await said(world, "GET", path))[0] == 404, path
        for query in ("sla", "release", "date", "active", "date_after", "ordering", "fields"):
            assert (await said(world, "GET", f"{SCHEDULES}?{query}={plain}"))[0] in (200, 400)
        raw = orjson.loads(plain) if abs(number) < 2**63 else plain
        for field in (*NEW, "id", "active", "foo"):
            body = b'{"%s": %s}' % (field.encode(), plain.encode())
            for method, path in (("POST", SCHEDULES), ("PATCH", f"{SCHEDULES}1/")):
                answer = await call(world, method, path, data=body, headers={"Content-Type": "application/json"})
                assert answer.status == 400, (method, field, number)
        assert (await said(world, "DELETE", SCHEDULES, [raw]))[0] == 404
        assert (await said(world, "PATCH", SCHEDULES, {plain: {"date": "2001-01-01"}}))[0] == 404
    deletion = await call(
        world, "DELETE", SCHEDULES, data=b"[%d]" % 2**65, headers={"Content-Type": "application/json"}
    )
    assert deletion.status == 400
    assert await everything(world) == before


async def test_deep_and_odd_values_wherever_a_value_may_stand_are_refused(world: World) -> None:
    await calendar(world)
    before = await everything(world)
    deep: Any = "x"
    for _ in range(95):
        deep = [deep]
    odd = [
        deep,
        {"a": deep},
        [],
        {},
        "x" * 100_000,
        "\ufffe",
        "\u202e",
        "\U0010ffff",
        "'; DROP TABLE slas; --",
        "{}",
        "$1",
    ]
    for value in odd:
        for field in NEW:
            for method, path, body in (
                ("POST", SCHEDULES, {**NEW, field: value}),
                ("POST", SCHEDULES, [NEW, {**NEW, field: value}]),
                ("PUT", f"{SCHEDULES}1/", {**NEW, field: value}),
                ("PATCH", SCHEDULES, {"1": {field: value}}),
                ("DELETE", SCHEDULES, [value] if value else [None]),
            ):
                status, told = await said(world, method, path, body)
                assert 400 <= status < 500 and isinstance(told, dict), (method, field, str(value)[:50])
    assert await everything(world) == before


async def test_many_parameters_of_one_name_are_taken_as_far_as_an_address_goes(world: World) -> None:
    await calendar(world)
    names = "&".join(f"sla=s{number}" for number in range(700))
    assert (await got(world, f"{SCHEDULES}?{names}"))["count"] == 0
    names = "&".join(["sla=gold"] * 700)
    assert (await got(world, f"{SCHEDULES}?{names}"))["count"] == 3
    status, value = await said(world, "GET", f"{SCHEDULES}?{'&'.join(f'a{number}=1' for number in range(500))}")
    assert status == 400 and value["detail"].startswith("Unknown query params: a0, a1, a10")


async def test_one_connection_is_kept_through_refusals(world: World) -> None:
    request = b"POST %s/release-schedules/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}" % BASE.encode()
    last = b"GET %s/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % BASE.encode()
    status, _, body = await asyncio.wait_for(send_raw(world, request * 2 + last), 20)
    assert status == 401 and body.count(b"HTTP/1.1 401") == 1 and body.count(b"HTTP/1.1 200") == 1
