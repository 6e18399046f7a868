"""Release schedules: fields, accepted and refused values."""

from typing import Any

import pytest

from tests.api.pdc.content import create, get, send, send_request, snapshot
from tests.api.pdc.schedules import NEW, SCHEDULES, SLAS, create_schedules, iso_date, schedule_dates
from tests.world import World

KEYS = ["id", "release", "sla", "date", "active", "release_url", "sla_url"]
NULL, REQUIRED, NO_TEXT = "This field may not be null.", "This field is required.", "Not a valid string."
BAD_DATE = "Date has wrong format. Use one of these formats instead: YYYY[-MM[-DD]]."
UNIQUE = {"detail": ["The fields release, sla must make a unique set."]}
NOT_FOUND = {"detail": "Not found."}
EMPTY = {"detail": "Partial update with no changes does not make much sense."}


def no_release(name: object) -> dict[str, Any]:
    return {"release": [f"Object with release_id={name} does not exist."]}


def no_sla(name: object) -> dict[str, Any]:
    names = ", ".join(f"'{each}'" for each in SLAS)
    return {"sla": [f"'{name}' is not allowed value. Use one of {names}."]}


async def test_a_schedule_has_its_fields_in_order_and_links_to_the_host_of_the_request(world: World) -> None:
    await create_schedules(world)
    one = await get(world, f"{SCHEDULES}3/")
    assert list(one) == KEYS
    links = {
        "release_url": f"{world.url}/rest_api/v1/releases/foo-1.1-eus/",
        "sla_url": f"{world.url}/rest_api/v1/component-sla-types/1/",
    }
    assert one == {"id": 3, "release": "foo-1.1-eus", "sla": "gold", "date": iso_date(), "active": True, **links}
    answer = await send_request(world, "GET", f"{SCHEDULES}3/", headers={"Host": "pdc.example.com:81"})
    assert answer.json["release_url"] == "http://pdc.example.com:81/rest_api/v1/releases/foo-1.1-eus/"
    for link in links.values():
        answer = await world.ask("GET", link.removeprefix(world.url))
        assert answer.status == 200


async def test_a_schedule_is_active_until_the_end_of_its_date(world: World) -> None:
    await create_schedules(world)
    rows = (await get(world, f"{SCHEDULES}?ordering=id"))["results"]
    assert [row["active"] for row in rows] == [date >= iso_date() for _, _, date in schedule_dates()]
    assert [row["active"] for row in rows] == [False, True, True, False, False]
    for offset, active in ((-1, False), (0, True), (1, True)):
        status, value = await send(world, "PATCH", f"{SCHEDULES}1/", {"date": iso_date(offset)})
        assert (status, value["active"]) == (200, active)


async def test_schedules_are_listed_by_date_earliest_first(world: World) -> None:
    await create_schedules(world)
    listed = await get(world, SCHEDULES)
    assert [row["date"] for row in listed["results"]] == sorted(date for _, _, date in schedule_dates())
    assert {key: listed[key] for key in ("count", "next", "previous")} == {"count": 5, "next": None, "previous": None}


async def test_values_are_accepted_in_every_form_that_clients_send(world: World) -> None:
    await create_schedules(world)
    await create(world, "component-sla-types", [{"name": "99"}, {"name": "1.5"}, {"name": " x"}])
    for values, shown in (
        ({"date": "2099-1-1"}, {"date": "2099-01-01"}),
        ({"date": "0001-01-01"}, {"date": "0001-01-01", "active": False}),
        ({"date": "9999-12-31"}, {"date": "9999-12-31", "active": True}),
        ({"date": "2016-02-29"}, {"date": "2016-02-29"}),
        ({"release": "foo-1.1-eus", "sla": 99}, {"release": "foo-1.1-eus", "sla": "99"}),
        ({"sla": 1.5}, {"sla": "1.5"}),
        ({"sla": "x"}, {"sla": "x"}),
    ):
        status, value = await send(world, "PATCH", f"{SCHEDULES}1/", values)
        assert (status, {name: value[name] for name in shown}) == (200, shown), values


BAD_DATES: list[Any] = [
    *("20990101", "2099-01-01T00:00:00", "2099-01-01Z", " 2099-01-01", "2099-01-01 ", "2099-01-01\n", "", " "),
    *("2099-02-30", "2099-13-01", "2099-00-01", "2099-01-00", "0000-01-01", "10000-01-01", "99-01-01", "-2099-01-01"),
    *("1/9/2017", "2099", "2099-01", "2099/01/01", "٢٠٩٩-01-01", "x", 20990101, 2099.0, True, False, [], {}),
    *(["2099-01-01"], {"date": "2099-01-01"}, 2**65, -1),
]
NO_TEXTS: list[Any] = [True, [], ["gold"], {}]
WRONG: list[tuple[dict[str, Any], Any]] = [
    *(({name: None}, {name: [NULL]}) for name in NEW),
    *(({name: ""}, {name: [NULL]}) for name in ("release", "sla")),
    *(({"date": date}, {"date": [BAD_DATE]}) for date in BAD_DATES),
    *(({"release": name}, no_release(name)) for name in ("nope", "FOO-1.0", "foo-1.0 ", " foo-1.0", "1", "é", "'")),
    *(({"release": number}, no_release(number)) for number in (1, -1, 1.5, 0)),
    *(({"sla": name}, no_sla(name)) for name in ("nope", "Gold", " gold", "1", "é", "'; DROP TABLE slas; --")),
    ({"sla": 2}, no_sla(2)),
    *(({name: value}, {name: [NO_TEXT]}) for name in ("release", "sla") for value in NO_TEXTS),
    ({"release": "x", "sla": "y", "date": "z"}, {**no_release("x"), **no_sla("y"), "date": [BAD_DATE]}),
    ({"foo": 1}, {"detail": 'Unknown fields: "foo".'}),
    ({"é": 1}, {"detail": 'Unknown fields: "é".'}),
    ({"Release": 1}, {"detail": 'Unknown fields: "Release".'}),
    ({"release_id": 1, "sla_id": 2}, {"detail": 'Unknown fields: "release_id", "sla_id".'}),
    ({"foo": 1, "id": 1, "date": "bad"}, {"detail": 'Unknown fields: "foo".'}),
    *(({name: 1}, {"detail": f'Can not update read only fields: "{name}".'}) for name in KEYS if name not in NEW),
    ({"id": 1, "active": True}, {"detail": 'Can not update read only fields: "id", "active".'}),
    ({"id": None, "date": "bad", "sla": None}, {"detail": 'Can not update read only fields: "id".'}),
]


async def test_errors_in_a_schedule_are_reported_by_field_and_nothing_is_written(world: World) -> None:
    await create_schedules(world)
    before = await snapshot(world)
    for values, expected in WRONG:
        assert await send(world, "POST", SCHEDULES, {**NEW, **values}) == (400, expected), values
        assert await send(world, "PUT", f"{SCHEDULES}1/", {**NEW, **values}) == (400, expected), values
        assert await send(world, "PATCH", f"{SCHEDULES}1/", values) == (400, expected), values
    assert await snapshot(world) == before


async def test_all_three_fields_are_required_unless_a_schedule_is_patched(world: World) -> None:
    await create_schedules(world)
    for missing in ([], ["release"], ["sla"], ["date"], ["release", "date"], list(NEW)):
        body = {name: value for name, value in NEW.items() if name not in missing}
        expected = {name: [REQUIRED] for name in missing}
        if missing:
            assert await send(world, "PUT", f"{SCHEDULES}1/", body) == (400, expected)
            assert await send(world, "POST", SCHEDULES, body) == (400, expected)
    status, value = await send(world, "PATCH", f"{SCHEDULES}1/", {"date": "2001-01-01"})
    assert (status, value["release"], value["sla"], value["date"]) == (200, "foo-1.0", "gold", "2001-01-01")


async def test_a_release_has_at_most_one_schedule_for_an_sla(world: World) -> None:
    await create_schedules(world)
    before = await snapshot(world)
    taken = {"release": "foo-1.0", "sla": "gold", "date": "2031-01-01"}
    assert await send(world, "POST", SCHEDULES, taken) == (400, UNIQUE)
    assert await send(world, "PUT", f"{SCHEDULES}2/", taken) == (400, UNIQUE)
    assert await send(world, "PATCH", f"{SCHEDULES}2/", {"sla": "gold"}) == (400, UNIQUE)
    assert await send(world, "PATCH", f"{SCHEDULES}3/", {"release": "foo-1.0"}) == (400, UNIQUE)
    assert await snapshot(world) == before
    status, value = await send(world, "PUT", f"{SCHEDULES}1/", taken)
    assert (status, value["date"]) == (200, "2031-01-01")
    assert (await send(world, "PATCH", f"{SCHEDULES}1/", {"sla": "gold"}))[0] == 200
    assert (await send(world, "DELETE", f"{SCHEDULES}1/"))[0] == 204
    assert (await send(world, "POST", SCHEDULES, taken))[0] == 201


async def test_an_item_can_be_put_back_as_it_was_read_only_without_its_read_only_fields(world: World) -> None:
    await create_schedules(world)
    one = await get(world, f"{SCHEDULES}1/")
    whole = {"detail": 'Can not update read only fields: "id", "active", "release_url", "sla_url".'}
    assert await send(world, "PUT", f"{SCHEDULES}1/", one) == (400, whole)
    assert await send(world, "PUT", f"{SCHEDULES}1/", {name: one[name] for name in NEW}) == (200, one)


@pytest.mark.parametrize("body", [{}, [], None, 0, "", False])
async def test_an_empty_patch_is_refused_with_a_warning_even_for_a_missing_item(world: World, body: Any) -> None:
    await create(world, "component-sla-types", {"name": "gold"})
    for number in ("1", "77", "abc"):
        sent: dict[str, Any] = {"data": b""} if body is None else {"json": body}
        answer = await send_request(world, "PATCH", f"component-sla-types/{number}/", **sent)
        assert (answer.status, answer.json) == (400, EMPTY)
        assert answer.headers["pdc-warning"] == EMPTY["detail"]
    answer = await send_request(world, "PATCH", "component-sla-types/", {})
    assert (answer.status, answer.json, "pdc-warning" in answer.headers) == (400, EMPTY, False)


async def test_an_unknown_id_is_not_found_by_any_method(world: World) -> None:
    await create_schedules(world)
    before = await snapshot(world)
    for number in ("77", "abc", "1.5", "-1", "0", "1e0", "%C2%B9", str(2**31), str(2**63), str(2**65), "9" * 5000):
        path = f"{SCHEDULES}{number}/"
        for method, body in (("GET", None), ("PUT", NEW), ("PATCH", {"date": "bad"}), ("DELETE", None)):
            assert await send(world, method, path, body) == (404, NOT_FOUND), (method, number)
    assert await send(world, "PUT", f"{SCHEDULES}77/", {"foo": 1}) == (404, NOT_FOUND)
    assert await snapshot(world) == before
    assert (await get(world, f"{SCHEDULES}1%20/"))["id"] == 1
    assert (await get(world, f"{SCHEDULES}%201/"))["id"] == 1


async def test_a_schedule_is_deleted_once(world: World) -> None:
    await create_schedules(world)
    answer = await send_request(world, "DELETE", f"{SCHEDULES}1/", headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json, answer.headers.get("Content-Length", "0")) == (204, None, "0")
    assert await send(world, "DELETE", f"{SCHEDULES}1/") == (404, NOT_FOUND)
    assert (await get(world, SCHEDULES))["count"] == 4


async def test_schedules_are_deleted_with_their_sla_and_follow_a_renamed_release(world: World) -> None:
    await create_schedules(world)
    assert (await send(world, "DELETE", "component-sla-types/1/"))[0] == 204
    assert [row["id"] for row in (await get(world, f"{SCHEDULES}?ordering=id"))["results"]] == [2, 4]
    assert (await send(world, "PATCH", "releases/bar-2.0/", {"version": "2.1"}))[0] == 200
    one = await get(world, f"{SCHEDULES}4/")
    assert (one["release"], one["release_url"]) == ("bar-2.1", f"{world.url}/rest_api/v1/releases/bar-2.1/")
    expected = {"detail": 'Method "DELETE" not allowed.'}
    assert await send(world, "DELETE", "releases/bar-2.1/") == (405, expected)


async def test_filters_apply_to_single_schedules_and_paging_does_not(world: World) -> None:
    await create_schedules(world)
    hidden, shown = "?active=1", "?active=0&page=99&page_size=-1&ordering=-date"
    old = {**NEW, "date": "2001-01-01"}
    for method, body in (("GET", None), ("PUT", old), ("PATCH", {"date": "2001-01-02"}), ("DELETE", None)):
        assert await send(world, method, f"{SCHEDULES}1/{hidden}", body) == (404, NOT_FOUND)
        assert (await send(world, method, f"{SCHEDULES}1/{shown}", body))[0] in (200, 204)
    assert (await send(world, "GET", f"{SCHEDULES}2/?sla=gold")) == (404, NOT_FOUND)
    status, value = await send(world, "PATCH", f"{SCHEDULES}2/?active=1&sla=silver", {"date": "2001-01-01"})
    assert (status, value["active"]) == (200, False)  # as it is now, though the filter would leave it out
