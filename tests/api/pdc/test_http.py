"""HTTP: paths, methods, headers and representations."""

from typing import Any

import pytest
from yarl import URL

from tests.api.pdc.content import BASE, create, get, send, send_request, snapshot
from tests.api.pdc.schedules import NEW, SCHEDULES, create_schedules, send_raw
from tests.world import World

LIST = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"
ITEM = "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
READ = "GET, HEAD, OPTIONS"
LISTS = [
    *(
        "arches",
        "auth/current-user",
        "auth/token",
        "changesets",
        "component-sla-types",
        "content-delivery-content-categories",
    ),
    *("content-delivery-content-formats", "content-delivery-repo-families", "content-delivery-repos"),
    *("content-delivery-services", "product-versions", "products", "release-schedules", "release-types"),
    *("release-variant-types", "release-variants", "released-files", "releases", "rpms"),
]
NOWHERE = '{"detail": "Not found"}'
JSON = {"Accept": "application/json"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


async def text(world: World, method: str, path: str, **more: Any) -> tuple[int, str, str]:
    """Send a request; return status, content type and text of the response."""
    url = f"{world.url}{BASE}/{path}"
    headers = {"Authorization": f"Token {world.token}", **more.pop("headers", {})}
    async with world.session.request(method, url, headers=headers, allow_redirects=False, **more) as response:
        return response.status, response.headers.get("Content-Type", ""), await response.text()


# --- addresses and methods


async def test_the_root_lists_everything_with_its_url_to_anonymous_callers(world: World) -> None:
    answer = await send_request(world, "GET", "?page_size=nope&foo=1", token="")
    assert answer.status == 200 and answer.headers["Allow"] == READ
    assert list(answer.json.items()) == [(name, f"{world.url}{BASE}/{name}/") for name in LISTS]
    for name, address in answer.json.items():
        assert (await world.ask("GET", address.removeprefix(world.url))).status == 200, name
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await send(world, method, ""))[0] == 405


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


async def test_every_response_lists_the_allowed_methods_and_others_are_405(world: World) -> None:
    await create_schedules(world)
    for path, allow in ALLOWED.items():
        answer = await send_request(world, "OPTIONS", path)
        assert (answer.status, answer.headers["Allow"]) == (200, allow), path
        for method in {*LIST.split(", "), "TRACE", "PURGE", "PROPFIND"} - set(allow.split(", ")):
            answer = await send_request(world, method, path)
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
        answer = await send_request(world, method, path, body)
        assert answer.status == status and answer.headers["Allow"] == (ITEM if "7/" in path or "2/" in path else LIST)
        assert "Location" not in answer.headers and "ETag" not in answer.headers
        assert answer.headers["Vary"].startswith("Accept") and answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    for path, expected in ((SCHEDULES, 401), (f"{SCHEDULES}1/", 401)):
        answer = await send_request(world, "DELETE", path, token="")
        assert answer.status == expected and answer.headers["Allow"].startswith("GET, ")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_a_path_without_its_slash_redirects_to_the_one_with_it(world: World, method: str) -> None:
    for path in ("", "/release-schedules", "/release-schedules/1", "/releases/a%2Fb%20c", "/arches", "/auth/token"):
        for query in ("", "?b=1&a=%C3%A9&a=%2F", "?foo", "?a=//elsewhere.example"):
            url = URL(f"{world.url}{BASE}{path}{query}", encoded=True)
            async with world.session.request(method, url, allow_redirects=False) as answer:
                assert (answer.status, await answer.read()) == (301, b"")
                assert answer.headers["Location"] == f"{BASE}{path}/{query}"
    async with world.session.get(f"{world.url}{BASE}/component-sla-types") as answer:
        assert (answer.status, answer.url.path) == (200, f"{BASE}/component-sla-types/")


NO_PATHS = [
    *("nope/", "nope", "Release-Schedules/", "release-schedules/1/2/", "release-schedules/1/x", "release-variants/a/"),
    *("/", "//", "release-schedules//", "/release-schedules/", "release-schedules/1//", "auth/", "auth/obtain-token/"),
    *("auth/obtain_token/", "arches/x86_64/", "release-schedules.xml", ".json", "release-schedules/.json", "..", "../"),
    *("release-schedules%00/", "release-schedules/%00/", "release-schedules/%ED%A0%80x%0A/", "release-schedules;a=1/"),
]


async def test_an_unknown_path_is_404_in_the_accepted_media_type(world: World) -> None:
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


async def test_the_json_suffix_selects_json_and_is_kept_in_links(world: World) -> None:
    await create_schedules(world)
    for path in ("release-schedules.json", "release-schedules.json/", "release-schedules.json?page_size=2"):
        page = await get(world, path)
        assert page["results"][0]["release_url"] == f"{world.url}{BASE}/releases/bar-2.0.json"
        assert page["results"][0]["sla_url"] == f"{world.url}{BASE}/component-sla-types/1.json"
    assert page["next"] == f"{world.url}{BASE}/release-schedules.json?page=2&page_size=2"
    one = await get(world, "release-schedules/1.json")
    assert one["release_url"] == f"{world.url}{BASE}/releases/foo-1.0.json"
    assert (await get(world, "releases/foo-1.0.json"))["release_id"] == "foo-1.0"
    assert (await text(world, "GET", "release-schedules/1.json", headers=BROWSER))[1] == "application/json"
    assert (await send(world, "PATCH", "release-schedules/1.json", {"date": "2001-01-01"}))[0] == 200
    assert (await send(world, "GET", "release-schedules/1.json/")) == (404, {"detail": "Not found."})
    assert (await get(world, "arches.json?page_size=1"))["next"].endswith("/arches.json?page=2&page_size=1")


# --- headers and forms of answers


async def test_json_is_compact_and_has_no_charset(world: World) -> None:
    one = await create(world, "component-sla-types", {"name": "ü – 日本 </script>"})
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


async def test_the_media_type_is_negotiated(world: World) -> None:
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
    before = await snapshot(world)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await send_request(world, method, SCHEDULES, [], headers={"Accept": "text/plain"})).status == 406
    status, kind, body = await text(world, "POST", SCHEDULES, json={}, headers={"Accept": "text/html"})
    assert (status, kind) == (400, "text/html; charset=utf-8") and "This field is required." in body
    assert await snapshot(world) == before


async def test_head_is_get_without_a_body(world: World) -> None:
    await create_schedules(world)
    paths = ["", SCHEDULES, f"{SCHEDULES}1/", f"{SCHEDULES}77/", "arches/", f"{SCHEDULES}?foo=1", "auth/current-user/"]
    for path in paths:
        full, bare = await send_request(world, "GET", path), await send_request(world, "HEAD", path)
        assert (bare.status, bare.json) == (full.status, None), path
        for name in ("Content-Type", "Content-Length", "Allow", "Vary"):
            assert bare.headers[name] == full.headers[name], (path, name)


async def test_long_responses_are_compressed_if_the_caller_accepts_that(world: World) -> None:
    url = f"{world.url}{BASE}/"
    for accepted, encoding in (("gzip", "gzip"), ("deflate, gzip", "gzip"), ("gzip;q=0", None), ("br", None)):
        async with world.session.get(url, headers={"Accept-Encoding": accepted}) as answer:
            assert answer.headers.get("Content-Encoding") == encoding
            assert answer.headers["Vary"] == ("Accept, Accept-Encoding" if encoding else "Accept")
            assert list(await answer.json()) == LISTS


async def test_options_show_the_actions_and_fields_for_this_caller(world: World) -> None:
    await create_schedules(world)
    status, value = await send(world, "OPTIONS", SCHEDULES)
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
    _, value = await send(world, "OPTIONS", f"{SCHEDULES}1/")
    assert (value["name"], value["actions"]) == ("Release Schedule Instance", {"PUT": shaped})
    status, value = await send(world, "OPTIONS", f"{SCHEDULES}77/")
    assert (status, "actions" in value) == (200, False)
    _, value = await send(world, "OPTIONS", "released-files/")
    assert value["name"] == "Released Files List" and value["actions"]["POST"]["repo"]["type"] == "field"
    assert "Warning: This is an experimental API" in value["description"]
    for path, name in (("releases/", "Release List"), ("arches/", "Arch List"), ("", "Api Root")):
        assert (await send(world, "OPTIONS", path))[1]["name"] == name


async def test_pages_of_any_origin_may_read_without_credentials(world: World) -> None:
    origin = {"Origin": "https://elsewhere.example"}
    for path in ("", SCHEDULES, f"{SCHEDULES}77/", "nope/", "release-schedules", f"{SCHEDULES}?page_size=0"):
        for method in ("GET", "HEAD"):
            answer = await send_request(world, method, path, headers={**origin, **JSON}, token="")
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Access-Control-Allow-Origin" not in (await send_request(world, "GET", SCHEDULES)).headers
    assert (
        "Access-Control-Allow-Origin" not in (await send_request(world, "POST", SCHEDULES, [], headers=origin)).headers
    )
    preflight = {**origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    for path in (SCHEDULES, f"{SCHEDULES}1/", "arches/"):
        answer = await send_request(world, "OPTIONS", path, headers=preflight, token="")
        assert (answer.status, answer.json) == (200, None)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
        assert answer.headers["Access-Control-Allow-Headers"] == (
            "x-requested-with, content-type, accept, origin, authorization, x-csrftoken, pdc-change-comment"
        )
