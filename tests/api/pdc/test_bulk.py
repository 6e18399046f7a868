"""Many schedules at once: all of them or none, taken one by one, the first that is wrong named."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest

from bot.operations.records import GRANT
from bot.store.audit import AuditEntry
from bot.store.database import exclusive_transaction
from tests.api.pdc.calls import NEW, SCHEDULES, calendar
from tests.api.pdc.goods import REPO, call, everything, got, made, said, stock
from tests.world import World

UNIQUE = ["The fields release, sla must make a unique set."]
EMPTY = "Partial update with no changes does not make much sense."
NO_MAPPING = {"detail": "Bulk update needs a mapping."}
NO_LIST = {"detail": "Bulk delete needs a list of identifiers."}
BAD_DATE = {"date": ["Date has wrong format. Use one of these formats instead: YYYY[-MM[-DD]]."]}
GONE = "Not found."
TAKEN = {"release": "foo-1.0", "sla": "gold", "date": "2030-03-03"}
BAD = {**NEW, "date": "bad"}
OTHER = {**NEW, "release": "foo-1.1-eus"}
THIRD = {**NEW, "release": "foo-1.1-eus", "sla": "bronze"}


def refused(key: object, detail: object, item: object = None) -> dict[str, Any]:
    """The body of a refusal."""
    return {"id_of_invalid_data": key, "detail": detail, **({"invalid_data": item} if item else {})}


async def test_a_list_is_made_in_order_and_an_empty_one_is_an_answer_too(world: World) -> None:
    await calendar(world)
    assert await said(world, "POST", SCHEDULES, []) == (201, [])
    status, value = await said(world, "POST", SCHEDULES, [OTHER, NEW, THIRD])
    assert (status, [row["id"] for row in value]) == (201, [6, 7, 8])
    assert [{name: row[name] for name in NEW} for row in value] == [OTHER, NEW, THIRD]
    assert value == (await got(world, f"{SCHEDULES}?ordering=id"))["results"][5:]


async def test_a_mapping_changes_what_its_keys_name_and_is_answered_with_the_same_keys(world: World) -> None:
    await calendar(world)
    status, value = await said(world, "PATCH", SCHEDULES, {"3": {"date": "2001-01-01"}, "01": {"sla": "bronze"}})
    assert (status, list(value)) == (200, ["3", "01"])
    assert (value["3"]["id"], value["3"]["date"], value["01"]["id"], value["01"]["sla"]) == (
        *(3, "2001-01-01"),
        *(1, "bronze"),
    )
    status, value = await said(world, "PUT", SCHEDULES, {"5": NEW, "1": THIRD})
    assert (status, list(value)) == (200, ["5", "1"])
    assert value == {number: await got(world, f"{SCHEDULES}{number}/") for number in ("5", "1")}
    assert await said(world, "PUT", SCHEDULES, {}) == (200, {})
    assert await said(world, "PUT", SCHEDULES, data=b"") == (200, {})


async def test_a_list_of_identifiers_is_deleted_each_once(world: World) -> None:
    await calendar(world)
    assert await said(world, "DELETE", SCHEDULES, []) == (204, None)
    assert await said(world, "DELETE", SCHEDULES, [1, 1, "3", "3"]) == (204, None)
    assert [row["id"] for row in (await got(world, SCHEDULES))["results"]] == [5, 4, 2]
    await made(world, "releases", {"name": "x", "short": "x", "version": "1", "release_type": "ga"})
    variant = {"id": "S", "uid": "S", "name": "S", "type": "variant", "arches": ["src"], "release": "x-1"}
    await made(world, "release-variants", [variant, {**variant, "uid": "T"}])
    assert await said(world, "DELETE", "release-variants/", ["x-1/S", "x-1/U"]) == (404, refused("x-1/U", GONE))
    assert await said(world, "DELETE", "release-variants/", ["x-1/S", "x-1/T"]) == (204, None)


WRONG: list[tuple[str, Any, tuple[int, Any]]] = [
    ("POST", [{}], (400, refused(0, {name: ["This field is required."] for name in NEW}))),
    ("POST", [None], (400, refused(0, ["No data provided"]))),
    ("POST", [[]], (400, refused(0, "Invalid data. Expected an object, but got list."))),
    ("POST", [NEW, "x"], (400, refused(1, "Invalid data. Expected an object, but got str.", "x"))),
    ("POST", [1], (400, refused(0, "Invalid data. Expected an object, but got int.", 1))),
    ("POST", [[NEW]], (400, refused(0, "Invalid data. Expected an object, but got list.", [NEW]))),
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
    ("PUT", {"1": "x"}, (400, refused("1", "Invalid data. Expected an object, but got str.", "x"))),
    ("PATCH", {"1": {"date": "2001-01-01"}, "77": {"date": "bad"}}, (404, refused("77", GONE, {"date": "bad"}))),
    ("PATCH", {"abc": {"date": "bad"}, "1": {"foo": 1}}, (404, refused("abc", GONE, {"date": "bad"}))),
    ("PATCH", {"1": {"foo": 1}, "77": {"a": 1}}, (400, refused("1", 'Unknown fields: "foo".', {"foo": 1}))),
    ("PATCH", {"1": {"date": "bad"}, "2": {"sla": "gold"}}, (400, refused("1", BAD_DATE, {"date": "bad"}))),
    ("PATCH", {"2": {"sla": "gold"}, "1": {"date": "bad"}}, (400, refused("2", UNIQUE, {"sla": "gold"}))),
    ("PUT", {"3": NEW, "4": NEW}, (400, refused("4", UNIQUE, NEW))),
    ("PATCH", {"1": {"sla": "silver"}, "2": {"sla": "gold"}}, (400, refused("1", UNIQUE, {"sla": "silver"}))),
    ("PATCH", {"1": {"date": "2001-01-01"}, "01": {"sla": "bronze"}}, (404, refused("01", GONE, {"sla": "bronze"}))),
    ("PATCH", {"1": {"date": "2001-01-01"}, "": {"sla": "gold"}}, (404, refused("", GONE, {"sla": "gold"}))),
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
    ("DELETE", [1, 77, 78], (404, refused(77, GONE))),
    ("DELETE", [1, "abc"], (404, refused("abc", GONE))),
    ("DELETE", [1, "1"], (404, refused("1", GONE))),
    ("DELETE", ["1", 1, 2], (404, refused(1, GONE))),
    ("DELETE", [" 1", "1"], (404, refused("1", GONE))),
    ("DELETE", [0, -1], (404, refused(0, GONE))),
    ("DELETE", [2**63], (404, refused(2**63, GONE))),
    ("DELETE", ["", 1], (404, refused("", GONE))),
]


async def test_one_that_is_wrong_is_named_and_nothing_at_all_is_written(world: World) -> None:
    await calendar(world)
    before, acts = await everything(world), await AuditEntry.all().count()
    for method, body, told in WRONG:
        more: Mapping[str, Any] = {"data": b""} if body is None else {"json": body}
        assert await said(world, method, SCHEDULES, **more) == told, (method, body)
    assert await everything(world) == before
    assert await AuditEntry.all().count() == acts


async def test_what_one_of_many_leaves_the_next_may_take(world: World) -> None:
    await calendar(world)
    moves = {"1": {"sla": "bronze"}, "2": {"sla": "gold", "date": "2001-01-01"}}
    status, value = await said(world, "PATCH", SCHEDULES, moves)
    assert (status, value["1"]["sla"], value["2"]["sla"]) == (200, "bronze", "gold")
    # 1 goes away with other fields than 2 is moved by, and 3 follows 2 with those of 1
    chain = {
        "1": {"release": "bar-2.0", "sla": "silver"},
        "2": {"sla": "bronze"},
        "3": {"release": "foo-1.0", "sla": "gold"},
    }
    status, value = await said(world, "PATCH", SCHEDULES, chain)
    assert (status, [(row["release"], row["sla"]) for row in value.values()]) == (
        200,
        [("bar-2.0", "silver"), ("foo-1.0", "bronze"), ("foo-1.0", "gold")],
    )


async def test_filters_hold_for_each_of_many(world: World) -> None:
    await calendar(world)
    dates = {"1": {"date": "2001-01-01"}, "2": {"date": "2001-01-01"}}
    told = refused("2", GONE, {"date": "2001-01-01"})
    assert await said(world, "PATCH", f"{SCHEDULES}?sla=gold", dates) == (404, told)
    assert await said(world, "DELETE", f"{SCHEDULES}?sla=gold", [1, 2]) == (404, refused(2, GONE))
    assert (await got(world, SCHEDULES))["count"] == 5
    assert (await said(world, "DELETE", f"{SCHEDULES}?sla=gold", [1, 5]))[0] == 204


async def test_at_most_ten_thousand_are_taken_at_once(world: World) -> None:
    await calendar(world)
    before = await everything(world)
    limit = "At most 10,000 items are taken at once; these are 10,001."
    for method, body in (
        ("POST", [NEW] * 10_001),
        ("PUT", {str(number): NEW for number in range(10_001)}),
        ("PATCH", {str(number): {"date": "2001-01-01"} for number in range(10_001)}),
        ("DELETE", list(range(10_001))),
    ):
        assert await said(world, method, SCHEDULES, body) == (400, {"detail": limit}), method
    assert await said(world, "DELETE", SCHEDULES, [1] * 9_000 + [77]) == (404, refused(77, GONE))
    assert await said(world, "POST", SCHEDULES, [0] * 100_000) == (
        400,
        {"detail": "At most 10,000 items are taken at once; these are 100,000."},
    )
    assert await everything(world) == before


async def test_ten_thousand_are_made_changed_and_deleted_at_once(world: World) -> None:
    names = [f"sla {number}" for number in range(10_000)]
    rows = await made(world, "component-sla-types", [{"name": name} for name in names])
    assert [row["name"] for row in rows] == names
    first = rows[0]["id"]
    texts = {str(row["id"]): {"description": f"of {row['name']}"} for row in rows}
    status, value = await said(world, "PATCH", "component-sla-types/", texts)
    assert (status, len(value), value[str(first)]["description"]) == (200, 10_000, "of sla 0")
    assert (await call(world, "DELETE", "component-sla-types/", [row["id"] for row in rows])).status == 204
    assert (await got(world, "component-sla-types/"))["count"] == 0


async def test_of_very_many_new_ones_the_first_that_is_not_unique_is_named(world: World) -> None:
    await calendar(world)
    before = await everything(world)
    items = [{"name": f"sla {number}"} for number in range(150)]
    refusal = {"name": ["sla with this name already exists."]}
    for index, name in ((149, "sla 0"), (120, "gold"), (0, "gold")):
        given = [*items[:index], {"name": name}, *items[index + 1 :]]
        told = {"id_of_invalid_data": index, "detail": refusal, "invalid_data": {"name": name}}
        assert await said(world, "POST", "component-sla-types/", given) == (400, told)
    assert await everything(world) == before
    assert len(await made(world, "component-sla-types", items)) == 150


@pytest.mark.parametrize("count", [2, 8])
async def test_of_several_that_make_the_same_at_once_one_does(world: World, count: int) -> None:
    await calendar(world)
    lists = [[OTHER, NEW], [NEW, OTHER]] * (count // 2)  # those that begin elsewhere must not wait for each other
    answers = await asyncio.gather(*(call(world, "POST", SCHEDULES, items) for items in lists))
    statuses = sorted(answer.status for answer in answers)
    assert statuses[0] == 201 and set(statuses[1:]) <= {400, 409}
    assert all("detail" in answer.json for answer in answers if answer.status > 201)
    assert (await got(world, SCHEDULES))["count"] == 7
    newest = (await got(world, "changesets/?resource=release-schedules"))["results"]
    assert [len(each["changes"]) for each in newest] == [2, 5]


async def test_of_several_that_change_the_same_at_once_every_one_is_logged_with_what_it_found(world: World) -> None:
    await calendar(world)
    days = [f"2001-01-{number:02}" for number in range(1, 9)]
    answers = await asyncio.gather(*(call(world, "PATCH", f"{SCHEDULES}1/", {"date": date}) for date in days))
    assert [answer.status for answer in answers] == [200] * 8
    log = (await got(world, "changesets/?resource=release-schedules&page_size=8"))["results"]
    changes = [each["changes"][0] for each in reversed(log)]
    found, left = ([change[name]["date"] for change in changes] for name in ("old_value", "new_value"))
    assert found == ["2017-09-01", *left[:-1]] and sorted(left) == days
    assert (await got(world, f"{SCHEDULES}1/"))["date"] == left[-1]


async def test_of_several_changes_that_depend_on_what_they_find_one_is_made(world: World) -> None:
    await calendar(world)
    days = [f"2001-01-{number:02}" for number in range(1, 6)]
    found = "release-schedules/1/?date=2017-09-01"
    answers = await asyncio.gather(*(said(world, "PATCH", found, {"date": date}) for date in days))
    assert sorted(status for status, _ in answers) == [200, 404, 404, 404, 404]


async def test_writers_of_rows_that_refer_to_each_other_do_not_stop_each_other(world: World) -> None:
    await stock(world)
    variant = "release-variants/foo-1.0/Server/"
    for number in range(4):
        repos = [{**REPO, "name": f"{number} {name}"} for name in range(30)]
        ids = [each["id"] for each in await made(world, "content-delivery-repos", repos)]
        moved = {str(each): {"arch": "aarch64"} for each in reversed(ids)}
        files = [{"file_primary_key": 3, "repo": {"id": each}, "release_date": "2020-01-01"} for each in ids]
        answers = await asyncio.gather(
            said(world, "PATCH", "content-delivery-repos/", moved),
            said(world, "POST", "released-files/", files),
            said(world, "PATCH", variant, {"name": f"Server {number}"}),
            said(world, "PATCH", "rpms/3/", {"filename": f"{number}.rpm"}),
            said(world, "PATCH", "releases/foo-1.0/", {"name": f"Foo {number}"}),
        )
        assert [status for status, _ in answers] == [200, 201, 200, 200, 200]


async def test_who_waits_to_write_takes_nothing_from_those_who_read(world: World) -> None:
    await calendar(world)
    async with exclusive_transaction(GRANT):
        begun = time.monotonic()
        waiting = [
            asyncio.create_task(said(world, "PATCH", f"{SCHEDULES}{1 + number % 5}/", {"date": "2001-01-01"}))
            for number in range(14)
        ]
        await asyncio.sleep(0.2)
        assert (await call(world, "GET", "products/", token="")).status == 200
        assert time.monotonic() - begun < 5 and not any(task.done() for task in waiting)
    assert {status for status, _ in await asyncio.gather(*waiting)} == {200}


async def test_of_a_change_and_a_deletion_at_once_both_end_well(world: World) -> None:
    await calendar(world)
    for number in (1, 2, 3):
        changed, deleted = await asyncio.gather(
            said(world, "PATCH", f"{SCHEDULES}{number}/", {"date": "2001-01-01"}),
            said(world, "DELETE", f"{SCHEDULES}{number}/"),
        )
        assert deleted == (204, None)
        assert changed[0] == 200 or changed == (404, {"detail": GONE})
    assert (await got(world, SCHEDULES))["count"] == 2
