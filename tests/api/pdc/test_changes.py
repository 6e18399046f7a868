"""The change log: what each request changed, by whom, when and why."""

from datetime import datetime, timedelta
from typing import Any

from tests.api.pdc.content import create, create_content, get, send, send_request
from tests.api.pdc.schedules import NEW, SCHEDULES, create_schedules
from tests.world import World

KEYS = ["id", "author", "requested_on", "committed_on", "duration", "comment", "changes"]
DAY = {"date": "2031-01-01"}


async def newest(world: World) -> Any:
    """The newest change set."""
    return (await get(world, "changesets/?page_size=1"))["results"][0]


def change(number: int, old: Any, new: Any) -> dict[str, Any]:
    return {"resource": "release-schedules", "resource_id": str(number), "old_value": old, "new_value": new}


async def test_every_write_is_one_change_set_with_old_and_new_values(world: World) -> None:
    await create_schedules(world)
    first = {"release": "foo-1.0", "sla": "gold", "date": "2017-09-01"}
    second = {"release": "foo-1.0", "sla": "silver", "date": "2099-01-01"}
    for method, path, body, changes in (
        ("POST", SCHEDULES, NEW, [change(6, None, NEW)]),
        ("PATCH", f"{SCHEDULES}1/", DAY, [change(1, first, {**first, **DAY})]),
        ("PUT", f"{SCHEDULES}1/", first, [change(1, {**first, **DAY}, first)]),
        ("PUT", f"{SCHEDULES}1/", first, [change(1, first, first)]),
        (
            *("PATCH", SCHEDULES, {"2": DAY, "1": DAY}),
            [change(2, second, {**second, **DAY}), change(1, first, {**first, **DAY})],
        ),
        ("DELETE", SCHEDULES, [6, "2"], [change(6, NEW, None), change(2, {**second, **DAY}, None)]),
        ("DELETE", f"{SCHEDULES}1/", None, [change(1, {**first, **DAY}, None)]),
    ):
        before = (await newest(world))["id"]
        assert (await send(world, method, path, body))[0] < 300
        change_set = await newest(world)
        assert (change_set["id"], change_set["author"], change_set["changes"]) == (before + 1, "root", changes), (
            method,
            path,
        )


async def test_a_change_set_has_its_fields_in_order_and_a_duration(world: World) -> None:
    await create(world, "component-sla-types", {"name": "gold"})
    one = await newest(world)
    assert list(one) == KEYS
    start, end = (datetime.fromisoformat(one[name]) for name in ("requested_on", "committed_on"))
    assert one["requested_on"].endswith("Z") and start <= end < start + timedelta(minutes=1)
    assert one["duration"] == str(end - start)
    assert await get(world, f"changesets/{one['id']}/") == one
    values = {"name": "gold", "description": ""}
    assert one["changes"] == [
        {"resource": "component-sla-types", "resource_id": "1", "old_value": None, "new_value": values}
    ]
    assert list(one["changes"][0]) == ["resource", "resource_id", "old_value", "new_value"]


async def test_the_change_comment_of_the_caller_is_stored(world: World) -> None:
    await create_schedules(world)
    for header, kept in (
        ({}, None),
        ({"PDC-Change-Comment": "End of life moved, see #17"}, "End of life moved, see #17"),
        ({"pdc-change-comment": "später – 日本"}, "später – 日本"),
        ({"PDC-Change-Comment": ""}, ""),
        ({"PDC-Change-Comment": "x" * 7000}, "x" * 7000),
        ({"PDC-Change-Comment": "<script>alert(1)</script>"}, "<script>alert(1)</script>"),
    ):
        answer = await send_request(world, "PATCH", f"{SCHEDULES}1/", DAY, headers=header)
        assert answer.status == 200
        assert (await newest(world))["comment"] == kept


async def test_requests_that_change_nothing_leave_no_change_set(world: World) -> None:
    await create_schedules(world)
    before = (await get(world, "changesets/"))["count"]
    for method, path, body in (
        ("POST", SCHEDULES, []),
        ("PUT", SCHEDULES, {}),
        ("DELETE", SCHEDULES, []),
        ("GET", SCHEDULES, None),
        ("OPTIONS", SCHEDULES, None),
        ("POST", SCHEDULES, [NEW, NEW]),
        ("PATCH", SCHEDULES, {"1": DAY, "77": DAY}),
        ("DELETE", SCHEDULES, [1, 77]),
        ("DELETE", f"{SCHEDULES}77/", None),
        ("PATCH", f"{SCHEDULES}1/", {"date": "bad"}),
    ):
        await send(world, method, path, body, headers={"PDC-Change-Comment": "no"})
    assert (await get(world, "changesets/"))["count"] == before
    assert (await get(world, SCHEDULES))["count"] == 5


async def test_change_sets_are_listed_newest_first_and_filtered_by_author_and_resource(world: World) -> None:
    await create_schedules(world)
    token = await world.create_token("content:write", user="pipeline")
    for date in ("2001-01-01", "2002-02-02"):
        assert (await send(world, "PATCH", f"{SCHEDULES}1/", {"date": date}, token=token))[0] == 200
    listed = (await get(world, "changesets/"))["results"]
    assert [each["id"] for each in listed] == list(range(len(listed), 0, -1))
    assert [each["author"] for each in listed] == ["pipeline"] * 2 + ["root"] * (len(listed) - 2)
    for query, count in (
        ("author=pipeline", 2),
        ("author=nobody", 0),
        ("author=pipeline&author=root", len(listed)),
        ("resource=release-schedules", 3),
        ("resource=products&resource=releases", 2),
        ("author=pipeline&resource=products", 0),
    ):
        assert (await get(world, f"changesets/?{query}"))["count"] == count, query
    by_age = (await get(world, "changesets/?ordering=committed_on&fields=id"))["results"]
    assert [each["id"] for each in by_age] == [each["id"] for each in reversed(listed)]


async def test_the_change_log_is_read_only_and_for_callers_who_read_all_projects(world: World) -> None:
    await create_schedules(world)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in ("changesets/", "changesets/1/"):
            assert (await send(world, method, path, {}))[0] == 405
    reader, writer = await world.create_token("content:read"), await world.create_token("content:write")
    one = await world.create_token("content:read", "admin", project="foo")
    statuses = [(await send(world, "GET", "changesets/", token=token))[0] for token in (reader, writer, one, "")]
    assert statuses == [200, 403, 403, 401]


async def test_values_in_the_change_log_equal_those_in_responses_on_every_database(world: World) -> None:
    await create_content(world)
    sets = (await get(world, "changesets/?ordering=id"))["results"]
    last = {each["changes"][0]["resource"]: each["changes"][0]["new_value"] for each in sets}
    for resource, path in (
        ("products", "products/foo/"),
        ("product-versions", "product-versions/foo-1/"),
        ("releases", "releases/foo-1.0/"),
        ("release-variants", "release-variants/foo-1.0/Server/"),
        ("content-delivery-repos", "content-delivery-repos/1/"),
        ("rpms", "rpms/1/"),
        ("released-files", "released-files/1/"),
    ):
        shown = await get(world, path)
        assert last[resource] == {name: shown[name] for name in last[resource]}, resource
        assert len(last[resource]) > 2


async def test_the_audit_log_refers_to_every_change_set(world: World) -> None:
    await create_schedules(world)
    await send(world, "PATCH", SCHEDULES, {"1": DAY, "2": DAY})
    count = (await get(world, "changesets/"))["count"]
    entries = await world.audit("records.apply")
    assert [entry.after for entry in entries] == [{"changeset": number} for number in range(1, count + 1)]
    last = entries[-1]
    assert (last.actor, last.channel) == ("root", "rest")
    assert last.subject == f"change set {count}, 2 of release-schedules"
