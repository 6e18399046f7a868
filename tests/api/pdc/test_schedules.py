"""Release schedules: what one is, what may be said of it, and what is refused."""

from typing import Any

import pytest

from tests.api.pdc.calls import NEW, SCHEDULES, SLAS, calendar, dates, day
from tests.api.pdc.goods import call, everything, got, made, said
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
    there = ", ".join(f"'{each}'" for each in SLAS)
    return {"sla": [f"'{name}' is not allowed value. Use one of {there}."]}


async def test_a_schedule_shows_its_keys_in_order_with_addresses_at_the_host_that_was_asked(world: World) -> None:
    await calendar(world)
    one = await got(world, f"{SCHEDULES}3/")
    assert list(one) == KEYS
    links = {
        "release_url": f"{world.url}/rest_api/v1/releases/foo-1.1-eus/",
        "sla_url": f"{world.url}/rest_api/v1/component-sla-types/1/",
    }
    assert one == {"id": 3, "release": "foo-1.1-eus", "sla": "gold", "date": day(), "active": True, **links}
    answer = await call(world, "GET", f"{SCHEDULES}3/", headers={"Host": "pdc.example.com:81"})
    assert answer.json["release_url"] == "http://pdc.example.com:81/rest_api/v1/releases/foo-1.1-eus/"
    for link in links.values():
        answer = await world.ask("GET", link.removeprefix(world.url))
        assert answer.status == 200


async def test_today_is_the_last_day_on_which_a_schedule_is_active(world: World) -> None:
    await calendar(world)
    rows = (await got(world, f"{SCHEDULES}?ordering=id"))["results"]
    assert [row["active"] for row in rows] == [date >= day() for _, _, date in dates()]
    assert [row["active"] for row in rows] == [False, True, True, False, False]
    for offset, active in ((-1, False), (0, True), (1, True)):
        status, value = await said(world, "PATCH", f"{SCHEDULES}1/", {"date": day(offset)})
        assert (status, value["active"]) == (200, active)


async def test_schedules_are_listed_by_date_earliest_first(world: World) -> None:
    await calendar(world)
    listed = await got(world, SCHEDULES)
    assert [row["date"] for row in listed["results"]] == sorted(date for _, _, date in dates())
    assert {key: listed[key] for key in ("count", "next", "previous")} == {"count": 5, "next": None, "previous": None}


async def test_values_are_taken_in_every_form_that_clients_send(world: World) -> None:
    await calendar(world)
    await made(world, "component-sla-types", [{"name": "99"}, {"name": "1.5"}, {"name": " x"}])
    for values, shown in (
        ({"date": "2099-1-1"}, {"date": "2099-01-01"}),
        ({"date": "0001-01-01"}, {"date": "0001-01-01", "active": False}),
        ({"date": "9999-12-31"}, {"date": "9999-12-31", "active": True}),
        ({"date": "2016-02-29"}, {"date": "2016-02-29"}),
        ({"release": "foo-1.1-eus", "sla": 99}, {"release": "foo-1.1-eus", "sla": "99"}),
        ({"sla": 1.5}, {"sla": "1.5"}),
        ({"sla": "x"}, {"sla": "x"}),
    ):
        status, value = await said(world, "PATCH", f"{SCHEDULES}1/", values)
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


async def test_what_is_wrong_with_a_schedule_is_told_by_field_and_nothing_is_written(world: World) -> None:
    await calendar(world)
    before = await everything(world)
    for values, told in WRONG:
        assert await said(world, "POST", SCHEDULES, {**NEW, **values}) == (400, told), values
        assert await said(world, "PUT", f"{SCHEDULES}1/", {**NEW, **values}) == (400, told), values
        assert await said(world, "PATCH", f"{SCHEDULES}1/", values) == (400, told), values
    assert await everything(world) == before


async def test_all_three_fields_are_required_unless_a_schedule_is_patched(world: World) -> None:
    await calendar(world)
    for missing in ([], ["release"], ["sla"], ["date"], ["release", "date"], list(NEW)):
        body = {name: value for name, value in NEW.items() if name not in missing}
        told = {name: [REQUIRED] for name in missing}
        if missing:
            assert await said(world, "PUT", f"{SCHEDULES}1/", body) == (400, told)
            assert await said(world, "POST", SCHEDULES, body) == (400, told)
    status, value = await said(world, "PATCH", f"{SCHEDULES}1/", {"date": "2001-01-01"})
    assert (status, value["release"], value["sla"], value["date"]) == (200, "foo-1.0", "gold", "2001-01-01")


async def test_a_release_has_one_schedule_for_an_sla(world: World) -> None:
    await calendar(world)
    before = await everything(world)
    taken = {"release": "foo-1.0", "sla": "gold", "date": "2031-01-01"}
    assert await said(world, "POST", SCHEDULES, taken) == (400, UNIQUE)
    assert await said(world, "PUT", f"{SCHEDULES}2/", taken) == (400, UNIQUE)
    assert await said(world, "PATCH", f"{SCHEDULES}2/", {"sla": "gold"}) == (400, UNIQUE)
    assert await said(world, "PATCH", f"{SCHEDULES}3/", {"release": "foo-1.0"}) == (400, UNIQUE)
    assert await everything(world) == before
    status, value = await said(world, "PUT", f"{SCHEDULES}1/", taken)
    assert (status, value["date"]) == (200, "2031-01-01")
    assert (await said(world, "PATCH", f"{SCHEDULES}1/", {"sla": "gold"}))[0] == 200
    assert (await said(world, "DELETE", f"{SCHEDULES}1/"))[0] == 204
    assert (await said(world, "POST", SCHEDULES, taken))[0] == 201


async def test_what_is_read_can_be_put_back_only_without_the_keys_that_are_read_only(world: World) -> None:
    await calendar(world)
    one = await got(world, f"{SCHEDULES}1/")
    whole = {"detail": 'Can not update read only fields: "id", "active", "release_url", "sla_url".'}
    assert await said(world, "PUT", f"{SCHEDULES}1/", one) == (400, whole)
    assert await said(world, "PUT", f"{SCHEDULES}1/", {name: one[name] for name in NEW}) == (200, one)


@pytest.mark.parametrize("body", [{}, [], None, 0, "", False])
async def test_an_empty_patch_is_refused_with_a_warning_even_of_what_is_not_there(world: World, body: Any) -> None:
    await made(world, "component-sla-types", {"name": "gold"})
    for number in ("1", "77", "abc"):
        sent: dict[str, Any] = {"data": b""} if body is None else {"json": body}
        answer = await call(world, "PATCH", f"component-sla-types/{number}/", **sent)
        assert (answer.status, answer.json) == (400, EMPTY)
        assert answer.headers["pdc-warning"] == EMPTY["detail"]
    answer = await call(world, "PATCH", "component-sla-types/", {})
    assert (answer.status, answer.json, "pdc-warning" in answer.headers) == (400, EMPTY, False)


async def test_nothing_is_made_changed_or_deleted_under_an_id_that_is_not_there(world: World) -> None:
    await calendar(world)
    before = await everything(world)
    for number in ("77", "abc", "1.5", "-1", "0", "1e0", "%C2%B9", str(2**31), str(2**63), str(2**65), "9" * 5000):
        path = f"{SCHEDULES}{number}/"
        for method, body in (("GET", None), ("PUT", NEW), ("PATCH", {"date": "bad"}), ("DELETE", None)):
            assert await said(world, method, path, body) == (404, NOT_FOUND), (method, number)
    assert await said(world, "PUT", f"{SCHEDULES}77/", {"foo": 1}) == (404, NOT_FOUND)
    assert await everything(world) == before
    assert (await got(world, f"{SCHEDULES}1%20/"))["id"] == 1
    assert (await got(world, f"{SCHEDULES}%201/"))["id"] == 1


async def test_a_schedule_is_deleted_once(world: World) -> None:
    await calendar(world)
    answer = await call(world, "DELETE", f"{SCHEDULES}1/", headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json, answer.headers.get("Content-Length", "0")) == (204, None, "0")
    assert await said(world, "DELETE", f"{SCHEDULES}1/") == (404, NOT_FOUND)
    assert (await got(world, SCHEDULES))["count"] == 4


async def test_schedules_go_with_their_sla_and_follow_their_release(world: World) -> None:
    await calendar(world)
    assert (await said(world, "DELETE", "component-sla-types/1/"))[0] == 204
    assert [row["id"] for row in (await got(world, f"{SCHEDULES}?ordering=id"))["results"]] == [2, 4]
    assert (await said(world, "PATCH", "releases/bar-2.0/", {"version": "2.1"}))[0] == 200
    one = await got(world, f"{SCHEDULES}4/")
    assert (one["release"], one["release_url"]) == ("bar-2.1", f"{world.url}/rest_api/v1/releases/bar-2.1/")
    told = {"detail": 'Method "DELETE" not allowed.'}
    assert await said(world, "DELETE", "releases/bar-2.1/") == (405, told)


async def test_filters_hold_for_one_schedule_too_and_pages_do_not_matter(world: World) -> None:
    await calendar(world)
    hidden, shown = "?active=1", "?active=0&page=99&page_size=-1&ordering=-date"
    old = {**NEW, "date": "2001-01-01"}
    for method, body in (("GET", None), ("PUT", old), ("PATCH", {"date": "2001-01-02"}), ("DELETE", None)):
        assert await said(world, method, f"{SCHEDULES}1/{hidden}", body) == (404, NOT_FOUND)
        assert (await said(world, method, f"{SCHEDULES}1/{shown}", body))[0] in (200, 204)
    assert (await said(world, "GET", f"{SCHEDULES}2/?sla=gold")) == (404, NOT_FOUND)
    status, value = await said(world, "PATCH", f"{SCHEDULES}2/?active=1&sla=silver", {"date": "2001-01-01"})
    assert (status, value["active"]) == (200, False)  # as it is now, though the filter would leave it out
