"""Invalid values in every field of every call that writes: always 4xx in the dialect's form, and nothing is written."""

from io import BytesIO
from typing import Any

import orjson

from tests.api.helpers import snapshot
from tests.api.rest.announcement_helpers import PROJECT, RELEASES, URLS, submit
from tests.api.test_bad_input import MALFORMED, NATIVE, is_well_formed_error
from tests.world import World

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
