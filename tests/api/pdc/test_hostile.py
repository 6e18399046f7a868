"""Whatever is sent for these resources, it is taken or refused in their own form, and never half written."""

from typing import Any
from urllib.parse import quote

from tests.api.pdc.cases import CASES
from tests.api.pdc.goods import FILES, RELEASES, call, everything, got, made, said, stock
from tests.world import World

ITEMS: list[tuple[str, str, dict[str, Any]]] = [
    ("released-files", "released-files/1/", FILES[0]),
    ("releases", "releases/foo-1.0/", RELEASES[0]),
    *((case.name, case.path, {**case.new, **case.defaults}) for case in CASES),
]
VALUES: list[Any] = [
    *(2**31, 2**63, -(2**63), 2**64, 1e308, -0.0, "9" * 4000, "1e400"),
    *("{}", "$1", "%s", "'; --", "\\", "💥", "\u202e", "\x07", "a\nb", "é" * 500, "../..", "NaN"),
    *([], [[[[[[[[]]]]]]]], [None], {}, {"id": {"id": 1}}, {"id": [1]}, {"": None}, True),
]
NAMING = ("short", "version", "uid", "release", "release_type", "name")  # what the path is made of
OTHERWISE = ("updated_at", "build", "package", "file")  # not to be written, and shown as other fields are
QUERIES = ("", "{}", "%s", "'", "9" * 400, "-1", "💥", "1e9", "\x07", "x" * 3000, "2017-01-01", "/", "true")


async def test_no_value_of_a_field_breaks_anything(world: World) -> None:
    await stock(world)
    await made(world, "component-sla-types", {"name": "gold"})
    before = await everything(world)
    for name, _, new in ITEMS:
        for place, field in enumerate(new):
            for value in VALUES[place % 3 :: 3]:
                answer = await call(world, "POST", f"{name}/", [{**new, field: value}, {"unknown": value}])
                assert 400 <= answer.status < 500, (name, field, value)
                assert answer.json["id_of_invalid_data"] in (0, 1), (name, field, value)
        assert await everything(world) == before, name


async def test_whatever_is_taken_can_be_read_and_filtered_again(world: World) -> None:
    await stock(world)
    await made(world, "component-sla-types", {"name": "gold"})
    for name, path, new in ITEMS:
        for field in [field for field in new if field not in NAMING]:
            for value in VALUES:
                answer = await call(world, "PATCH", path, {field: value})
                assert answer.status == 200 or 400 <= answer.status < 500, (name, field, value)
                if answer.status == 200:
                    assert await got(world, path) == answer.json
    await everything(world)


async def test_no_value_of_a_filter_breaks_anything(world: World) -> None:
    await stock(world)
    for name, _, _ in ITEMS:
        status, page = await said(world, "OPTIONS", f"{name}/")
        assert status == 200
        for parameter in [*page["actions"]["POST"], "ordering", "page", "page_size", "fields", "exclude_fields"]:
            for value in QUERIES:
                answer = await call(world, "GET", f"{name}/?{parameter}={quote(value)}&{parameter}=&{parameter}=1")
                assert answer.status in (200, 400, 404), (name, parameter, value)
                assert answer.headers["Content-Type"] == "application/json"


async def test_no_body_is_too_odd(world: World) -> None:
    await stock(world)
    before = await everything(world)
    bodies: list[Any] = [None, True, 5, 1.5, "x", [None], [5], ["x"], [[]], [[[]]], {"1": None}, {"1": 5}, {"1": []}]
    for name, path, _ in ITEMS:
        for body in bodies:
            for method, where in (("POST", f"{name}/"), ("PUT", f"{name}/"), ("PATCH", f"{name}/"), ("PUT", path)):
                headers = {"Content-Type": "application/json"}
                data = b"null" if body is None else None
                answer = await call(world, method, where, body, data=data, headers=headers)
                assert 400 <= answer.status < 500 and "detail" in answer.json, (method, where, body, answer)
    assert await everything(world) == before


async def test_any_field_may_be_hidden_from_a_change_and_then_stays(world: World) -> None:
    await stock(world)
    await made(world, "component-sla-types", {"name": "gold"})
    for name, path, _ in ITEMS:
        status, told = await said(world, "OPTIONS", path)
        writable = [field for field, about in told["actions"]["PUT"].items() if not about["read_only"]]
        there = await got(world, path)
        for hidden in writable:
            body = {field: there[field] for field in writable if field != hidden and there[field] is not None}
            if "repo" in body:
                body["repo"] = {"id": body["repo"]["id"]}
            if name == "product-versions":
                body.pop("short", None)
            status, shown = await said(world, "PUT", f"{path}?exclude_fields={hidden}", body)
            assert status == 200, (name, hidden, shown)
            left = [field for field in there if field not in (hidden, *OTHERWISE)]
            assert {field: shown[field] for field in left} == {field: there[field] for field in left}, (name, hidden)
