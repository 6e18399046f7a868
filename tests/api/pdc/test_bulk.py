"""Bulk requests: all items or none, and errors that name the first invalid one."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest

from bot.operations.records import GRANT
from bot.store.audit import AuditEntry
from bot.store.database import exclusive_transaction
from tests.api.pdc.content import REPO, create, create_content, get, send, send_request, snapshot
from tests.api.pdc.schedules import NEW, SCHEDULES, create_schedules
from tests.world import World

UNIQUE = ["The fields release, sla must make a unique set."]
EMPTY = "Partial update with no changes does not make much sense."
NO_MAPPING = {"detail": "Bulk update needs a mapping."}
NO_LIST = {"detail": "Bulk delete needs a list of identifiers."}
BAD_DATE = {"date": ["Date has wrong format. Use one of these formats instead: YYYY[-MM[-DD]]."]}
NOT_FOUND = "Not found."
TAKEN = {"release": "foo-1.0", "sla": "gold", "date": "2030-03-03"}
BAD = {**NEW, "date": "bad"}
OTHER = {**NEW, "release": "foo-1.1-eus"}
THIRD = {**NEW, "release": "foo-1.1-eus", "sla": "bronze"}


def refused(key: object, detail: object, item: object = None) -> dict[str, Any]:
    """The body of an error that names an item."""
    return {"id_of_invalid_data": key, "detail": detail, **({"invalid_data": item} if item else {})}


async def test_items_of_a_list_are_created_in_order_and_an_empty_list_is_accepted(world: World) -> None:
    await create_schedules(world)
    assert await send(world, "POST", SCHEDULES, []) == (201, [])
    status, value = await send(world, "POST", SCHEDULES, [OTHER, NEW, THIRD])
    assert (status, [row["id"] for row in value]) == (201, [6, 7, 8])
    assert [{name: row[name] for name in NEW} for row in value] == [OTHER, NEW, THIRD]
    assert value == (await get(world, f"{SCHEDULES}?ordering=id"))["results"][5:]


async def test_a_mapping_changes_the_items_of_its_keys_and_returns_the_same_keys(world: World) -> None:
    await create_schedules(world)
    status, value = await send(world, "PATCH", SCHEDULES, {"3": {"date": "2001-01-01"}, "01": {"sla": "bronze"}})
    assert (status, list(value)) == (200, ["3", "01"])
    assert (value["3"]["id"], value["3"]["date"], value["01"]["id"], value["01"]["sla"]) == (
        *(3, "2001-01-01"),
        *(1, "bronze"),
    )
    status, value = await send(world, "PUT", SCHEDULES, {"5": NEW, "1": THIRD})
    assert (status, list(value)) == (200, ["5", "1"])
    assert value == {number: await get(world, f"{SCHEDULES}{number}/") for number in ("5", "1")}
    assert await send(world, "PUT", SCHEDULES, {}) == (200, {})
    assert await send(world, "PUT", SCHEDULES, data=b"") == (200, {})


async def test_items_are_deleted_by_a_list_of_identifiers_with_duplicates(world: World) -> None:
    await create_schedules(world)
    assert await send(world, "DELETE", SCHEDULES, []) == (204, None)
    assert await send(world, "DELETE", SCHEDULES, [1, 1, "3", "3"]) == (204, None)
    assert [row["id"] for row in (await get(world, SCHEDULES))["results"]] == [5, 4, 2]
    await create(world, "releases", {"name": "x", "short": "x", "version": "1", "release_type": "ga"})
    variant = {"id": "S", "uid": "S", "name": "S", "type": "variant", "arches": ["src"], "release": "x-1"}
    await create(world, "release-variants", [variant, {**variant, "uid": "T"}])
    assert await send(world, "DELETE", "release-variants/", ["x-1/S", "x-1/U"]) == (404, refused("x-1/U", NOT_FOUND))
    assert await send(world, "DELETE", "release-variants/", ["x-1/S", "x-1/T"]) == (204, None)


WRONG: list[tuple[str, Any, tuple[int, Any]]] = [
    ("POST", [{}], (400, refused(0, {name: ["This field is required."] for name in NEW}))),
    ("POST", [None], (400, refused(0, ["No data provided"]))),
    ("POST", [[]], (400, refused(0, "Invalid data. Expected an object, but got a list."))),
    ("POST", [NEW, "x"], (400, refused(1, "Invalid data. Expected an object, but got text.", "x"))),
    ("POST", [1], (400, refused(0, "Invalid data. Expected an object, but got a number.", 1))),
    ("POST", [[NEW]], (400, refused(0, "Invalid data. Expected an object, but got a list.", [NEW]))),
    ("POST", [NEW, BAD], (400, refused(1, BAD_DATE, BAD))),
    ("POST", [NEW, {**NEW, "id": 1}], (400, refused(1, 'Can not update read only fields: "id".', {**NEW, "id": 1}))),
    ("POST", [{"foo": 1}, BAD], (400, refused(0, 'Unknown fields: "foo".', {"foo": 1}))),
    ("POST", [NEW, NEW], (400, refused(1, UNIQUE, NEW))),
    ("POST", [OTHER, TAKEN, BAD], (400, refused(1, UNIQUE, TAKEN))),
    ("POST", [OTHER, BAD, TAKEN], (400, refused(1, BAD_DATE, BAD))),
    ("POST", [NEW, OTHER, NEW, TAKEN], (400, refused(2, UNIQUE, NEW))),
    ("PATCH", {}, (400, {"detail": EMPTY})),
    ("PATCH", [], (400, {"detail": EMPTY})),
    ("PATCH", None, (400, {"detail": EMPTY})),
    ("PATCH", [NEW], (400, NO_MAPPING)),
    ("PATCH", "1", (400, NO_MAPPING)),
    ("PUT", [], (400, NO_MAPPING)),
    ("PUT", [NEW], (400, NO_MAPPING)),
    ("PUT", "text", (400, NO_MAPPING)),
    ("PUT", 1, (400, NO_MAPPING)),
    ("PATCH", {"1": {}}, (400, refused("1", EMPTY))),
    ("PATCH", {"77": {}}, (400, refused("77", EMPTY))),
    ("PATCH", {"1": None}, (400, refused("1", EMPTY))),
    ("PUT", {"1": None}, (400, refused("1", ["No data provided"]))),
    ("PUT", {"1": {}}, (400, refused("1", {name: ["This field is required."] for name in NEW}))),
    ("PUT", {"1": "x"}, (400, refused("1", "Invalid data. Expected an object, but got text.", "x"))),
    ("PATCH", {"1": {"date": "2001-01-01"}, "77": {"date": "bad"}}, (404, refused("77", NOT_FOUND, {"date": "bad"}))),
    ("PATCH", {"abc": {"date": "bad"}, "1": {"foo": 1}}, (404, refused("abc", NOT_FOUND, {"date": "bad"}))),
    ("PATCH", {"1": {"foo": 1}, "77": {"a": 1}}, (400, refused("1", 'Unknown fields: "foo".', {"foo": 1}))),
    ("PATCH", {"1": {"date": "bad"}, "2": {"sla": "gold"}}, (400, refused("1", BAD_DATE, {"date": "bad"}))),
    ("PATCH", {"2": {"sla": "gold"}, "1": {"date": "bad"}}, (400, refused("2", UNIQUE, {"sla": "gold"}))),
    ("PUT", {"3": NEW, "4": NEW}, (400, refused("4", UNIQUE, NEW))),
    ("PATCH", {"1": {"sla": "silver"}, "2": {"sla": "gold"}}, (400, refused("1", UNIQUE, {"sla": "silver"}))),
    (
        "PATCH",
        {"1": {"date": "2001-01-01"}, "01": {"sla": "bronze"}},
        (404, refused("01", NOT_FOUND, {"sla": "bronze"})),
    ),
    ("PATCH", {"1": {"date": "2001-01-01"}, "": {"sla": "gold"}}, (404, refused("", NOT_FOUND, {"sla": "gold"}))),
    ("DELETE", None, (400, NO_LIST)),
    ("DELETE", {}, (400, NO_LIST)),
    ("DELETE", {"1": 1}, (400, NO_LIST)),
    ("DELETE", "1", (400, NO_LIST)),
    ("DELETE", 1, (400, NO_LIST)),
    ("DELETE", [1, None], (400, {"detail": '"None" is not a valid identifier.'})),
    ("DELETE", [77, [1]], (400, {"detail": '"[1]" is not a valid identifier.'})),
    ("DELETE", [1, 1.5], (400, {"detail": '"1.5" is not a valid identifier.'})),
    ("DELETE", [1, {}], (400, {"detail": '"{}" is not a valid identifier.'})),
    ("DELETE", [True], (400, {"detail": '"True" is not a valid identifier.'})),
    ("DELETE", [1, 77, 78], (404, refused(77, NOT_FOUND))),
    ("DELETE", [1, "abc"], (404, refused("abc", NOT_FOUND))),
    ("DELETE", [1, "1"], (404, refused("1", NOT_FOUND))),
    ("DELETE", ["1", 1, 2], (404, refused(1, NOT_FOUND))),
    ("DELETE", [" 1", "1"], (404, refused("1", NOT_FOUND))),
    ("DELETE", [0, -1], (404, refused(0, NOT_FOUND))),
    ("DELETE", [2**63], (404, refused(2**63, NOT_FOUND))),
    ("DELETE", ["", 1], (404, refused("", NOT_FOUND))),
]


async def test_the_first_invalid_item_is_named_and_nothing_is_written(world: World) -> None:
    await create_schedules(world)
    before, acts = await snapshot(world), await AuditEntry.all().count()
    for method, body, expected in WRONG:
        more: Mapping[str, Any] = {"data": b""} if body is None else {"json": body}
        assert await send(world, method, SCHEDULES, **more) == expected, (method, body)
    assert await snapshot(world) == before
    assert await AuditEntry.all().count() == acts


async def test_an_item_may_take_the_key_that_an_earlier_one_gave_up(world: World) -> None:
    await create_schedules(world)
    moves = {"1": {"sla": "bronze"}, "2": {"sla": "gold", "date": "2001-01-01"}}
    status, value = await send(world, "PATCH", SCHEDULES, moves)
    assert (status, value["1"]["sla"], value["2"]["sla"]) == (200, "bronze", "gold")
    # 1 goes away with other fields than 2 is moved by, and 3 follows 2 with those of 1
    chain = {
        "1": {"release": "bar-2.0", "sla": "silver"},
        "2": {"sla": "bronze"},
        "3": {"release": "foo-1.0", "sla": "gold"},
    }
    status, value = await send(world, "PATCH", SCHEDULES, chain)
    assert (status, [(row["release"], row["sla"]) for row in value.values()]) == (
        200,
        [("bar-2.0", "silver"), ("foo-1.0", "bronze"), ("foo-1.0", "gold")],
    )


async def test_filters_apply_to_each_item_of_a_bulk_request(world: World) -> None:
    await create_schedules(world)
    dates = {"1": {"date": "2001-01-01"}, "2": {"date": "2001-01-01"}}
    expected = refused("2", NOT_FOUND, {"date": "2001-01-01"})
    assert await send(world, "PATCH", f"{SCHEDULES}?sla=gold", dates) == (404, expected)
    assert await send(world, "DELETE", f"{SCHEDULES}?sla=gold", [1, 2]) == (404, refused(2, NOT_FOUND))
    assert (await get(world, SCHEDULES))["count"] == 5
    assert (await send(world, "DELETE", f"{SCHEDULES}?sla=gold", [1, 5]))[0] == 204


async def test_at_most_ten_thousand_items_are_accepted_at_once(world: World) -> None:
    await create_schedules(world)
    before = await snapshot(world)
    limit = "At most 10,000 items are taken at once; these are 10,001."
    for method, body in (
        ("POST", [NEW] * 10_001),
        ("PUT", {str(number): NEW for number in range(10_001)}),
        ("PATCH", {str(number): {"date": "2001-01-01"} for number in range(10_001)}),
        ("DELETE", list(range(10_001))),
    ):
        assert await send(world, method, SCHEDULES, body) == (400, {"detail": limit}), method
    assert await send(world, "DELETE", SCHEDULES, [1] * 9_000 + [77]) == (404, refused(77, NOT_FOUND))
    assert await send(world, "POST", SCHEDULES, [0] * 100_000) == (
        400,
        {"detail": "At most 10,000 items are taken at once; these are 100,000."},
    )
    assert await snapshot(world) == before


async def test_ten_thousand_items_are_created_changed_and_deleted_at_once(world: World) -> None:
    names = [f"sla {number}" for number in range(10_000)]
    rows = await create(world, "component-sla-types", [{"name": name} for name in names])
    assert [row["name"] for row in rows] == names
    first = rows[0]["id"]
    texts = {str(row["id"]): {"description": f"of {row['name']}"} for row in rows}
    status, value = await send(world, "PATCH", "component-sla-types/", texts)
    assert (status, len(value), value[str(first)]["description"]) == (200, 10_000, "of sla 0")
    assert (await send_request(world, "DELETE", "component-sla-types/", [row["id"] for row in rows])).status == 204
    assert (await get(world, "component-sla-types/"))["count"] == 0


async def test_in_a_large_insert_the_first_duplicate_is_named(world: World) -> None:
    await create_schedules(world)
    before = await snapshot(world)
    items = [{"name": f"sla {number}"} for number in range(150)]
    refusal = {"name": ["sla with this name already exists."]}
    for index, name in ((149, "sla 0"), (120, "gold"), (0, "gold")):
        with_duplicate = [*items[:index], {"name": name}, *items[index + 1 :]]
        expected = {"id_of_invalid_data": index, "detail": refusal, "invalid_data": {"name": name}}
        assert await send(world, "POST", "component-sla-types/", with_duplicate) == (400, expected)
    assert await snapshot(world) == before
    assert len(await create(world, "component-sla-types", items)) == 150


@pytest.mark.parametrize("count", [2, 8])
async def test_of_concurrent_requests_that_create_the_same_items_one_succeeds(world: World, count: int) -> None:
    await create_schedules(world)
    lists = [[OTHER, NEW], [NEW, OTHER]] * (count // 2)  # those that begin elsewhere must not wait for each other
    answers = await asyncio.gather(*(send_request(world, "POST", SCHEDULES, items) for items in lists))
    statuses = sorted(answer.status for answer in answers)
    assert statuses[0] == 201 and set(statuses[1:]) <= {400, 409}
    assert all("detail" in answer.json for answer in answers if answer.status > 201)
    assert (await get(world, SCHEDULES))["count"] == 7
    newest = (await get(world, "changesets/?resource=release-schedules"))["results"]
    assert [len(each["changes"]) for each in newest] == [2, 5]


async def test_concurrent_changes_of_an_item_are_each_logged_with_the_previous_value(world: World) -> None:
    await create_schedules(world)
    days = [f"2001-01-{number:02}" for number in range(1, 9)]
    answers = await asyncio.gather(*(send_request(world, "PATCH", f"{SCHEDULES}1/", {"date": date}) for date in days))
    assert [answer.status for answer in answers] == [200] * 8
    log = (await get(world, "changesets/?resource=release-schedules&page_size=8"))["results"]
    changes = [each["changes"][0] for each in reversed(log)]
    found, left = ([change[name]["date"] for change in changes] for name in ("old_value", "new_value"))
    assert found == ["2017-09-01", *left[:-1]] and sorted(left) == days
    assert (await get(world, f"{SCHEDULES}1/"))["date"] == left[-1]


async def test_of_concurrent_changes_with_the_same_condition_one_succeeds(world: World) -> None:
    await create_schedules(world)
    days = [f"2001-01-{number:02}" for number in range(1, 6)]
    found = "release-schedules/1/?date=2017-09-01"
    answers = await asyncio.gather(*(send(world, "PATCH", found, {"date": date}) for date in days))
    assert sorted(status for status, _ in answers) == [200, 404, 404, 404, 404]


async def test_concurrent_writers_of_rows_that_refer_to_each_other_do_not_deadlock(world: World) -> None:
    await create_content(world)
    variant = "release-variants/foo-1.0/Server/"
    for number in range(4):
        repos = [{**REPO, "name": f"{number} {name}"} for name in range(30)]
        ids = [each["id"] for each in await create(world, "content-delivery-repos", repos)]
        moved = {str(each): {"arch": "aarch64"} for each in reversed(ids)}
        files = [{"file_primary_key": 3, "repo": {"id": each}, "release_date": "2020-01-01"} for each in ids]
        answers = await asyncio.gather(
            send(world, "PATCH", "content-delivery-repos/", moved),
            send(world, "POST", "released-files/", files),
            send(world, "PATCH", variant, {"name": f"Server {number}"}),
            send(world, "PATCH", "rpms/3/", {"filename": f"{number}.rpm"}),
            send(world, "PATCH", "releases/foo-1.0/", {"name": f"Foo {number}"}),
        )
        assert [status for status, _ in answers] == [200, 201, 200, 200, 200]


async def test_waiting_writers_do_not_block_readers(world: World) -> None:
    await create_schedules(world)
    async with exclusive_transaction(GRANT):
        start = time.monotonic()
        waiting = [
            asyncio.create_task(send(world, "PATCH", f"{SCHEDULES}{1 + number % 5}/", {"date": "2001-01-01"}))
            for number in range(14)
        ]
        await asyncio.sleep(0.2)
        assert (await send_request(world, "GET", "products/", token="")).status == 200
        assert time.monotonic() - start < 5 and not any(task.done() for task in waiting)
    assert {status for status, _ in await asyncio.gather(*waiting)} == {200}


async def test_a_concurrent_change_and_deletion_both_succeed_or_the_change_is_not_found(world: World) -> None:
    await create_schedules(world)
    for number in (1, 2, 3):
        changed, deleted = await asyncio.gather(
            send(world, "PATCH", f"{SCHEDULES}{number}/", {"date": "2001-01-01"}),
            send(world, "DELETE", f"{SCHEDULES}{number}/"),
        )
        assert deleted == (204, None)
        assert changed[0] == 200 or changed == (404, {"detail": NOT_FOUND})
    assert (await get(world, SCHEDULES))["count"] == 2
