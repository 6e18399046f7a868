"""Invalid requests: always 4xx in the dialect's form, never an internal error, never a hang."""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api.helpers import SITE, count_rows, cut_path, env_path, field_values, status_and_error
from tests.world import Response, World

DEPLOYMENTS = env_path("/deployments")
NATIVE = "/api/projects"
DEEP = 100_000


PYTHON = re.compile(r"Input should|instance of|dictionary|tuple|\bNone\b|\bstr\b|\bdict\b|Value error|<class")


def is_well_formed_error(answer: Response) -> bool:
    """Whether an error response has its dialect's form, and says nothing of Python."""
    return _has_form(answer) and not PYTHON.search(json.dumps(answer.json))


def _has_form(answer: Response) -> bool:
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
) -> Response:
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
