"""Invalid requests: always 4xx in the dialect's form, never an internal error, never a hang."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from tests.api.announcement_helpers import PROJECT, RELEASES, URLS, submit
from tests.api.helpers import SITE, count_rows, cut_path, env_path, field_values, snapshot, status_and_error
from tests.world import Answer, World

DEPLOYMENTS = env_path("/deployments")
NATIVE = "/api/projects"
DEEP = 100_000


def is_well_formed_error(answer: Answer) -> bool:
    """Whether an error response has its dialect's form."""
    if answer.headers["Content-Type"].startswith("application/problem+json"):
        return {"type", "title", "status", "detail"} <= set(answer.json) and answer.json["status"] == answer.status
    errors = answer.json.get("errors")
    if isinstance(errors, list):  # GraphQL
        return all(isinstance(item["message"], str) and item["extensions"]["code"] for item in errors)
    if isinstance(errors, dict):  # announcements
        return all(isinstance(sentence, str) for sentences in errors.values() for sentence in sentences)
    return isinstance(answer.json.get("error"), str)


async def send(
    world: World, body: Any, path: str = DEPLOYMENTS, kind: str = "application/json", **headers: str
) -> Answer:
    """POST raw bytes."""
    return await world.ask("POST", path, data=body, headers={"Content-Type": kind, **headers})


MALFORMED = {
    "null": b"null",
    "a list": b"[]",
    "a text": b'"x"',
    "a number": b"1",
    "true": b"true",
    "no JSON": b"{",
    "JSON and more": b"{} {}",
    "single quotes": b"{'a': 1}",
    "NaN": b'{"a": NaN}',
    "bytes": bytes(range(128, 256)),
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "a lone surrogate": b'{"name": "\\ud800", "release_candidate_version": "\\ud800"}',
    "surrogates as bytes": b'{"name": "\xed\xa0\x80"}',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a form": b"name=x&tier=staging",
}


@pytest.mark.parametrize("path", [DEPLOYMENTS, NATIVE])
async def test_a_body_that_is_not_a_json_object_is_400(world: World, path: str) -> None:
    answers = {name: await send(world, body, path) for name, body in MALFORMED.items()}
    assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(MALFORMED, 400)
    assert all(is_well_formed_error(answer) for answer in answers.values())


@pytest.mark.parametrize("path", [DEPLOYMENTS, NATIVE])
async def test_a_text_with_the_nul_character_is_refused_wherever_it_is(world: World, path: str) -> None:
    for body in ({"name": "a\0b"}, {"a\0b": 1}, {"inputs": {"a": ["\0"]}}, {"x": {"y\0": 1}}):
        answer = await world.ask("POST", path, body)
        assert (answer.status, is_well_formed_error(answer)) == (400, True)


@pytest.mark.parametrize("path", [DEPLOYMENTS, NATIVE])
async def test_another_content_type_is_415(world: World, path: str) -> None:
    kinds = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "multipart/form-data",
        "nonsense",
        "",
    ]
    for kind in kinds:
        answer = await send(world, b'{"name": "x"}', path, kind)
        assert (answer.status, is_well_formed_error(answer)) == (415, True), kind
    answer = await send(
        world, b'{"release_candidate_version": "9.0-rc1"}', DEPLOYMENTS, "Application/JSON; charset=utf-8"
    )
    assert status_and_error(answer) == (404, "Release not found")


@pytest.mark.parametrize("path", [DEPLOYMENTS, NATIVE])
async def test_a_body_over_one_mebibyte_is_413(world: World, path: str) -> None:
    size = 1024 * 1024
    assert (await send(world, BytesIO(b"%s{}" % (b" " * (size - 2))), path)).status == 400

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * (size // 10)

    for body in (BytesIO(b" " * (size + 1)), chunks()):
        answer = await send(world, body, path)
        assert (answer.status, is_well_formed_error(answer)) == (413, True)


async def test_a_compressed_body_is_accepted_or_refused_and_never_an_internal_error(world: World) -> None:
    packed = gzip.compress(b'{"release_candidate_version": "9.0-rc1"}')
    cases = [(packed, {404, 415}), (b"no gzip at all", {400, 415}), (packed[:-9], {400, 404, 415})]
    cases.append((gzip.compress(b" " * 50_000_000), {400, 413, 415}))
    for body, statuses in cases:
        headers = {"Content-Encoding": "gzip", "Connection": "close"}
        answer = await world.ask(
            "POST", DEPLOYMENTS, data=body, headers={"Content-Type": "application/json", **headers}
        )
        assert (answer.status in statuses, is_well_formed_error(answer)) == (True, True), answer.json


async def test_a_wrong_method_is_405_naming_the_allowed_ones(world: World) -> None:
    for path, invalid, valid in [
        (cut_path("1.0-rc1"), "PUT PATCH DELETE", {"GET", "POST"}),
        (f"{cut_path('1.0-rc1')}/cancel", "GET DELETE", {"POST"}),
        (DEPLOYMENTS, "PUT DELETE", {"GET", "POST", "PATCH"}),
        (env_path("/deployments/1"), "POST PATCH DELETE", {"GET"}),
        (env_path("/rollback"), "GET PUT", {"POST"}),
        ("/api/v1/sync-build-github-action", "GET", {"POST"}),
        (NATIVE, "PUT PATCH DELETE", {"GET", "POST"}),
        (f"{NATIVE}/site", "POST DELETE OPTIONS", {"GET", "PATCH"}),
        (f"{NATIVE}/site/releases/1.0", "POST DELETE", {"GET", "PATCH"}),
        ("/healthz", "POST TRACE", {"GET"}),
    ]:
        for method in invalid.split():
            answer = await world.ask(method, path)
            assert (answer.status, is_well_formed_error(answer)) == (405, True)
            assert set(answer.headers["Allow"].split(",")) - {"HEAD"} == valid


async def test_an_unknown_path_is_404_in_its_dialects_form(world: World) -> None:
    paths = [
        "/",
        "/api",
        "/api/releases/site",
        f"{SITE}/releases",
        f"{DEPLOYMENTS}/1/2",
        "/api/v1/x",
        "/api/projects/a/b",
    ]
    for path in [
        *paths,
        "/api/releases//releases/1.0-rc1",
        "/api/projects//",
        f"{DEPLOYMENTS}//",
        "/%00",
        "/healthz/%FF",
    ]:
        answer = await world.ask("GET", path)
        assert (answer.status, is_well_formed_error(answer)) == (404, True), path


async def test_names_that_nothing_can_have_are_not_found(world: World) -> None:
    names = [
        "%00",
        "a%00b",
        "%01",
        "%0A",
        "%FF",
        "%ED%A0%80",
        "%E2%80%AE",
        "%F0%9F%9A%A2",
        "x" * 256,
        "y" * 5000,
        "%2F",
        "*",
        "'",
    ]
    for name in names:
        for method, path in (("GET", f"{NATIVE}/{name}"), ("GET", env_path("/deployments", project=name))):
            answer = await world.ask(method, path)
            assert (answer.status, is_well_formed_error(answer)) == (404, True), path
            assert "Release project not found" in (answer.json.get("error"), answer.json.get("detail"))
        environment = await world.ask("GET", f"{NATIVE}/site/environments/{name}")
        release = await world.ask("GET", f"{NATIVE}/site/releases/{name}")
        details = [(item.status, item.json["detail"]) for item in (environment, release)]
        assert details == [(404, "Release environment not found"), (404, "Release not found")]


async def test_unknown_keys_are_ignored_in_this_dialect(world: World) -> None:
    unknown: dict[str, Any] = {"x": 1, "": None, "constructor": {}, "id": 7, "status": "banned", "__class__": "x"}
    assert (await world.cut("1.0-rc1", **unknown)).json["status"] == "ready"
    assert (await world.deploy("1.0-rc1")).status == 201
    await world.settle()
    assert (await world.roll_back(x=1)).status == 404


async def test_a_malformed_field_is_named(world: World) -> None:
    valid = {"repo": "acme/site", "commit": world.github.head()}
    invalid: dict[str, list[Any]] = {
        "repo": [None, 7, [], {}, "", "site", "a/b/c", "/", "acme/", "acme/..", "a b/c", "acme/site\n", "x" * 9999],
        "commit": [None, 7, 2**70, 1e308, [], {}, True],
        "trigger_build_workflow": [None, 1, "true", "", [], {}],
    }
    for field, value in field_values(invalid):
        answer = await world.ask("POST", cut_path("1.0-rc1"), {**valid, field: value})
        assert (answer.status, f"`{field}`" in answer.error) == (400, True), (field, value)
    for field in valid:
        body = {name: value for name, value in valid.items() if name != field}
        answer = await world.ask("POST", cut_path("1.0-rc1"), body)
        assert status_and_error(answer) == (400, f"`{field}` is required.")
    assert await count_rows("candidates") == {"candidates": 0}


async def test_without_a_body_the_first_required_field_is_named(world: World) -> None:
    assert status_and_error(await world.ask("POST", cut_path("1.0-rc1"))) == (400, "`repo` is required.")
    assert status_and_error(await world.ask("POST", DEPLOYMENTS)) == (400, "Invalid release candidate version")
    native = await world.ask("POST", NATIVE)
    assert (native.status, native.json["pointer"]) == (400, "#/name")


async def test_credentials_are_checked_before_the_body(world: World) -> None:
    answer = await world.ask("POST", DEPLOYMENTS, data=BytesIO(b" " * 2_000_000), token="")
    assert answer.status == 401


async def test_a_long_error_message_is_stored_unchanged(world: World) -> None:
    await world.cut("1.0-rc1")
    message = "ü" * 100_000
    answer = await world.report("1.0-rc1", "error", error_message=message)
    assert answer.json["error_message"] == message


async def send_bytes(world: World, request: bytes, *, ends: bool = True) -> bytes:
    """Send bytes that no client library would send, and read the response."""
    address = urlsplit(world.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(request)
        if ends:
            writer.write_eof()
        return await asyncio.wait_for(reader.read(), timeout=10)
    finally:
        writer.close()


async def test_bytes_that_are_not_http_are_400_and_the_service_goes_on(world: World) -> None:
    head = f"POST {DEPLOYMENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {world.token}\r\n".encode()
    kind = b"Content-Type: application/json\r\n"
    for request in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET \x00 HTTP/1.1\r\n\r\n",
        head + kind + b"Content-Length: -1\r\n\r\n",
        head + kind + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        head + kind + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ):
        answer = await send_bytes(world, request)
        assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer[:200]
    assert (await world.ask("GET", "/healthz")).status == 200


async def test_an_invalid_host_header_is_400_and_nothing_is_written(world: World) -> None:
    body = b'{"name": "shop"}'
    for host in (b"a:b", b"a:99999999", b"\xff", b"xn--\xc3\xa9"):
        head = b"POST %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n" % (NATIVE.encode(), host)
        head += f"Authorization: Bearer {world.token}\r\nContent-Type: application/json\r\n".encode()
        answer = await send_bytes(world, head + b"Content-Length: %d\r\n\r\n" % len(body) + body, ends=False)
        assert answer.startswith(b"HTTP/1.1 400") and b"header Host" in answer, (host, answer[:200])
    assert (await world.ask("GET", f"{NATIVE}/shop")).status == 404


async def test_a_truncated_body_writes_nothing(world: World) -> None:
    await world.cut("1.0-rc1")
    head = f"POST {DEPLOYMENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {world.token}\r\n".encode()
    body = b'{"release_candidate_version": "1.0-rc1"}'
    answer = await send_bytes(world, head + b"Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n" + body)
    assert not answer or answer.startswith(b"HTTP/1.1 4"), answer[:200]
    assert not await world.deployments()


# --- all other calls that write

RELEASE = {"package": "site", "version": "3.0", "release_date": "2024-05-22", "status": 30}
ENVIRONMENT = {"name": "qa", "tier": "staging"}
QUERY = "query ($first: Int, $name: String!) { project(name: $name) { releases(first: $first) { totalCount } } }"
VERSION = f"{NATIVE}/site/releases/1.0"
# A valid body of each, and the types of its fields.
WRITES: dict[tuple[str, str], tuple[dict[str, Any], dict[str, str]]] = {
    ("POST", "/api/tokens"): (
        {"name": "ci", "grants": ["project:read"]},
        {"name": "text", "grants": "list", "user": "text", "expires_in_days": "number", "expires_at": "time"},
    ),
    ("PATCH", VERSION): ({}, {"status": "number", "release_date": "time", "notes": "text"}),
    ("POST", f"{VERSION}/announcement/approve"): ({}, {"id": "number"}),
    ("POST", f"{VERSION}/announcement/reject"): ({"reason": "x"}, {"id": "number", "reason": "text"}),
    ("POST", "/api/releases/new/"): (
        RELEASE,
        {"version": "text", "release_date": "time", "status": "number", "files": "files", "release_notes": "text"},
    ),
    ("PATCH", "/api/releases/1/update_files/"): ({"files": {"js": "a"}}, {"files": "files"}),
    ("POST", "/graphql"): ({"query": QUERY, "variables": {"name": "site"}}, {"query": "text", "operationName": "text"}),
    ("POST", NATIVE): (
        {"name": "shop"},
        {"name": "text", "allowed_branches": "list", "build_inputs": "files", "build_deadline_minutes": "number"},
    ),
    ("PATCH", f"{NATIVE}/site"): ({}, {"allowed_branches": "list", "tag_candidates": "flag", "version_scheme": "text"}),
    ("POST", f"{NATIVE}/site/environments"): (ENVIRONMENT, {"order": "number", "inputs": "files", "tier": "text"}),
    ("PATCH", f"{NATIVE}/site/environments/staging"): ({}, {"frozen": "time", "order": "number", "inputs": "files"}),
    ("POST", f"{RELEASES}.json"): ({"version": "9", "changelog": "x"}, {"version": "text", "changelog": "text"}),
    ("PUT", f"{PROJECT}.json"): ({}, {"description": "text", "license_list": "list", "project_tag_list": "list"}),
    ("POST", f"{URLS}.json"): ({"label": "x", "location": "https://x.example"}, {"label": "text", "location": "text"}),
}
MANY, NESTED = b"[" + b"1," * 99_999 + b"1]", b"[" * 900 + b"]" * 900
NUMBERS = [b"%d" % (2**64), b"%d" % -(2**65), b"%d" % (2**63), b"1e308", b"-1"]
YEARS = [b'"0000-01-01T00:00:00Z"', b'"10000-01-01T00:00:00Z"', b'"0001-01-01T00:00:00+14:00"']
YEARS += [b'"9999-12-31T23:59:59-14:00"', b'"2024-02-30T00:00:00Z"', b'"2024-05-22T25:00:00Z"']
TEXTS = [b'"a\\u0000"', b'"\\ud800"', b'"\xed\xa0\x80"']
NO_VALUE = [MANY, NESTED, b'{"a": {"a": 1}}', *TEXTS]
INVALID_VALUES = {
    "text": [*NO_VALUE, *NUMBERS],
    "list": [*NO_VALUE, b"[[]]", b'[{"a": 1}]', *NUMBERS],
    "files": [*NO_VALUE, b'{"a": [1]}', b'{"": []}', b'{"a\\u0000": "x"}', *NUMBERS],
    "number": [*NO_VALUE, b'"1"', b"1.5", *NUMBERS],
    "flag": [*NO_VALUE, b'"true"', *NUMBERS],
    "time": [*NO_VALUE, *NUMBERS, *YEARS],
}


def with_raw_field(valid: dict[str, Any], field: str, value: bytes) -> bytes:
    """A JSON body with one field of raw bytes, which need not be valid JSON."""
    rest = orjson.dumps({name: content for name, content in valid.items() if name != field})
    return b"%s%s%s: %s}" % (rest[:-1], b"," * (len(rest) > 2), orjson.dumps(field), value)


async def create_rows(world: World) -> dict[str, list[str]]:
    """Create a release and a pending announcement, and return a snapshot of all rows."""
    assert (await world.ask("POST", "/api/releases/new/", {**RELEASE, "version": "1.0"})).status == 201
    await submit(world, "1.0")
    return await snapshot()


async def test_no_invalid_value_in_any_field_is_written_or_an_internal_error(world: World) -> None:
    before = await create_rows(world)
    for (method, path), (valid, fields) in WRITES.items():
        for field, kind in fields.items():
            for value in INVALID_VALUES[kind]:
                body = BytesIO(with_raw_field(valid, field, value))
                answer = await world.ask(method, path, data=body, headers={"Content-Type": "application/json"})
                assert (400 <= answer.status < 500, is_well_formed_error(answer)) == (True, True), (
                    path,
                    field,
                    value[:50],
                    answer,
                )
    assert await snapshot() == before


async def test_invalid_variables_of_queries_are_400(world: World) -> None:
    for name in ("first", "name"):
        for value in (MANY, NESTED, *NUMBERS, *TEXTS, b'{"a": 1}', b"1.5", b"true"):
            variables = with_raw_field({"name": "site"}, name, value)
            body = BytesIO(with_raw_field({"query": QUERY}, "variables", variables))
            answer = await world.ask("POST", "/graphql", data=body, headers={"Content-Type": "application/json"})
            assert (answer.status, is_well_formed_error(answer)) == (400, True), (name, value[:50], answer)


async def test_no_malformed_body_is_written_or_an_internal_error(world: World) -> None:
    before = await create_rows(world)
    for method, path in WRITES:
        for name, raw in MALFORMED.items():
            answer = await world.ask(method, path, data=BytesIO(raw), headers={"Content-Type": "application/json"})
            assert (answer.status, is_well_formed_error(answer)) == (400, True), (path, name)
        large = BytesIO(b" " * 10_000_000)
        answer = await world.ask(method, path, data=large, headers={"Content-Type": "application/json"})
        assert (answer.status, is_well_formed_error(answer)) == (413, True), path
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", ""):
            answer = await world.ask(method, path, data=b"{}", headers={"Content-Type": kind})
            assert (answer.status, is_well_formed_error(answer)) == (415, True), (path, kind)
    assert await snapshot() == before


async def test_a_wrong_method_is_405_in_every_dialect_and_writes_nothing(world: World) -> None:
    before = await create_rows(world)
    for path, valid in [
        ("/api/tokens", {"GET", "POST"}),
        ("/api/tokens/1", {"GET", "DELETE"}),
        (VERSION, {"GET", "PATCH"}),
        (f"{VERSION}/announcement/approve", {"POST"}),
        (f"{VERSION}/announcement/reject", {"POST"}),
        ("/api/announcements", {"GET"}),
        ("/api/releases/1/", {"GET"}),
        ("/api/releases/1/update_files/", {"PATCH"}),
        ("/graphql", {"POST"}),
        (f"{RELEASES}.json", {"GET", "POST"}),
        (f"{RELEASES}/1.json", {"GET", "DELETE"}),
        (f"{PROJECT}.json", {"GET", "PUT"}),
    ]:
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - valid:
            answer = await world.ask(method, path, {})
            assert (answer.status, is_well_formed_error(answer)) == (405, True), (method, path)
            assert set(answer.headers["Allow"].split(",")) - {"HEAD"} == valid
    assert await snapshot() == before


async def test_invalid_row_ids_in_paths_are_404(world: World) -> None:
    before = await create_rows(world)
    for number in ("0", "-1", str(2**31), str(2**64), str(2**65), "1.0", "1e3", "٣", "%00", "x" * 5000):
        for method, path in (
            ("GET", f"/api/tokens/{number}"),
            ("DELETE", f"/api/tokens/{number}"),
            ("GET", f"/api/releases/{number}/"),
            ("PATCH", f"/api/releases/{number}/update_files/"),
            ("DELETE", f"{RELEASES}/{number}.json"),
        ):
            answer = await world.ask(method, path, {"files": {}} if method == "PATCH" else None)
            assert (answer.status, is_well_formed_error(answer)) == (404, True), (method, path, answer.json)
    assert await snapshot() == before
