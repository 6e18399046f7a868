"""Hostile values: they are accepted or refused in the form of the dialect, and never half written."""

from typing import Any
from urllib.parse import quote

from tests.api.pdc.content import FILES, RELEASES, create, create_content, get, send, send_request, snapshot
from tests.api.pdc.resource_cases import RESOURCE_CASES
from tests.world import World

ITEMS: list[tuple[str, str, dict[str, Any]]] = [
    ("released-files", "released-files/1/", FILES[0]),
    ("releases", "releases/foo-1.0/", RELEASES[0]),
    *((case.resource, case.path, {**case.new, **case.defaults}) for case in RESOURCE_CASES),
]
VALUES: list[Any] = [
    *(2**31, 2**63, -(2**63), 2**64, 1e308, -0.0, "9" * 4000, "1e400"),
    *("{}", "$1", "%s", "'; --", "\\", "💥", "\u202e", "\x07", "a\nb", "é" * 500, "../..", "NaN"),
    *([], [[[[[[[[]]]]]]]], [None], {}, {"id": {"id": 1}}, {"id": [1]}, {"": None}, True),
]
KEY_FIELDS = ("short", "version", "uid", "release", "release_type", "name")  # fields that the path is made of
DERIVED = ("updated_at", "build", "package", "file")  # read-only, derived from other fields
QUERIES = ("", "{}", "%s", "'", "9" * 400, "-1", "💥", "1e9", "\x07", "x" * 3000, "2017-01-01", "/", "true")


async def test_no_value_of_a_field_causes_a_fault(world: World) -> None:
    await create_content(world)
    await create(world, "component-sla-types", {"name": "gold"})
    before = await snapshot(world)
    for name, _, new in ITEMS:
        for index, field in enumerate(new):
            for value in VALUES[index % 3 :: 3]:
                answer = await send_request(world, "POST", f"{name}/", [{**new, field: value}, {"unknown": value}])
                assert 400 <= answer.status < 500, (name, field, value)
                assert answer.json["id_of_invalid_data"] in (0, 1), (name, field, value)
        assert await snapshot(world) == before, name


async def test_accepted_values_can_be_read_back(world: World) -> None:
    await create_content(world)
    await create(world, "component-sla-types", {"name": "gold"})
    for name, path, new in ITEMS:
        for field in [field for field in new if field not in KEY_FIELDS]:
            for value in VALUES:
                answer = await send_request(world, "PATCH", path, {field: value})
                assert answer.status == 200 or 400 <= answer.status < 500, (name, field, value)
                if answer.status == 200:
                    assert await get(world, path) == answer.json
    await snapshot(world)


async def test_no_value_of_a_filter_causes_a_fault(world: World) -> None:
    await create_content(world)
    for name, _, _ in ITEMS:
        status, page = await send(world, "OPTIONS", f"{name}/")
        assert status == 200
        for parameter in [*page["actions"]["POST"], "ordering", "page", "page_size", "fields", "exclude_fields"]:
            for value in QUERIES:
                answer = await send_request(
                    world, "GET", f"{name}/?{parameter}={quote(value)}&{parameter}=&{parameter}=1"
                )
                assert answer.status in (200, 400, 404), (name, parameter, value)
                assert answer.headers["Content-Type"] == "application/json"


async def test_no_body_causes_a_fault(world: World) -> None:
    await create_content(world)
    before = await snapshot(world)
    bodies: list[Any] = [None, True, 5, 1.5, "x", [None], [5], ["x"], [[]], [[[]]], {"1": None}, {"1": 5}, {"1": []}]
    for name, path, _ in ITEMS:
        for body in bodies:
            for method, target in (("POST", f"{name}/"), ("PUT", f"{name}/"), ("PATCH", f"{name}/"), ("PUT", path)):
                headers = {"Content-Type": "application/json"}
                data = b"null" if body is None else None
                answer = await send_request(world, method, target, body, data=data, headers=headers)
                assert 400 <= answer.status < 500 and "detail" in answer.json, (method, target, body, answer)
    assert await snapshot(world) == before


async def test_an_excluded_field_keeps_its_value(world: World) -> None:
    await create_content(world)
    await create(world, "component-sla-types", {"name": "gold"})
    for name, path, _ in ITEMS:
        status, options = await send(world, "OPTIONS", path)
        writable = [field for field, metadata in options["actions"]["PUT"].items() if not metadata["read_only"]]
        before = await get(world, path)
        for hidden in writable:
            body = {field: before[field] for field in writable if field != hidden and before[field] is not None}
            if "repo" in body:
                body["repo"] = {"id": body["repo"]["id"]}
            if name == "product-versions":
                body.pop("short", None)
            status, updated = await send(world, "PUT", f"{path}?exclude_fields={hidden}", body)
            assert status == 200, (name, hidden, updated)
            left = [field for field in before if field not in (hidden, *DERIVED)]
            assert {field: updated[field] for field in left} == {field: before[field] for field in left}, (name, hidden)
