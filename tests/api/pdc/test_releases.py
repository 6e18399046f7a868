"""Releases in the PDC dialect: the same rows as in every dialect, identified by their release id."""

import asyncio
from typing import Any

import pytest

from bot.store.candidates import Candidate
from tests.api.helpers import create_project
from tests.api.pdc.content import (
    FILES,
    REPO,
    RPM,
    VARIANT,
    check_refused,
    create,
    create_content,
    get,
    send,
    send_request,
    snapshot,
)
from tests.api.rest.announcement_helpers import decide, submit
from tests.world import World

KEYS = [
    *("release_id", "short", "version", "name", "base_product", "active", "product_version", "release_type"),
    *("compose_set", "integrated_with", "sigkey", "allow_buildroot_push", "allowed_debuginfo_services"),
    *("allowed_push_targets", "bugzilla", "dist_git"),
]
READ_ONLY = {"release_id", *KEYS[4:5], *KEYS[8:]}
NEW = {"name": "Shop 1", "short": "shop", "version": "1.0", "release_type": "ga"}
NULL, REQUIRED, BLANK = "This field may not be null.", "This field is required.", "This field may not be blank."
BAD_SHORT = "Only accept lowercase letters, numbers or -"
CANNOT_CHANGE = "This cannot change: the release has candidates or is announced."
TYPES = "'aus', 'els', 'eus', 'fast', 'ga', 'updates'"


async def test_a_release_has_all_its_fields_in_order(world: World) -> None:
    await create_content(world)
    one = await create(world, "releases", NEW)
    assert list(one) == KEYS
    assert one == {
        **NEW,
        "release_id": "shop-1.0",
        "active": True,
        "base_product": None,
        "product_version": None,
        "compose_set": [],
        "integrated_with": None,
        "sigkey": None,
        "allow_buildroot_push": False,
        "allowed_debuginfo_services": [],
        "allowed_push_targets": [],
        "bugzilla": None,
        "dist_git": None,
    }
    listed = (await get(world, "releases/"))["results"]
    assert [each["release_id"] for each in listed] == ["bar-2.0", "foo-1.0", "foo-1.1-eus", "shop-1.0"]
    assert all(list(each) == KEYS for each in listed)
    answer = await send_request(world, "GET", "releases/foo-1.0/")
    assert answer.json == listed[1] and answer.json["product_version"] == "foo-1"
    assert answer.headers["Allow"] == "GET, PUT, PATCH, HEAD, OPTIONS"


@pytest.mark.parametrize("release_type", ["aus", "els", "eus", "fast", "ga", "updates"])
async def test_the_release_id_ends_in_the_type_unless_it_is_ga(world: World, release_type: str) -> None:
    one = await create(world, "releases", {**NEW, "release_type": release_type})
    assert one["release_id"] == "shop-1.0" + ("" if release_type == "ga" else f"-{release_type}")
    seen_elsewhere = await world.ask("GET", "/api/projects/shop/releases")
    assert len(seen_elsewhere.json) == (1 if release_type == "ga" else 0)


NO_TEXTS: list[Any] = [[], True, {}]
WRONG: list[tuple[dict[str, Any], Any]] = [
    *(({name: None}, {name: [NULL]}) for name in (*NEW, "active")),
    *(({name: " "}, {name: [BLANK]}) for name in ("name", "short", "version")),
    *(({name: value}, {name: ["Not a valid string."]}) for name in ("name", "short", "version") for value in NO_TEXTS),
    *(
        ({name: "x" * (longest + 1)}, {name: [f"Ensure this field has no more than {longest} characters."]})
        for name, longest in (("name", 255), ("version", 255), ("short", 100))
    ),
    *(
        ({"short": bad}, {"short": [BAD_SHORT]})
        for bad in ("Foo", "1foo", "foo_bar", "-foo", "foo-", "foo--bar", "f.o", "föö", 7)
    ),
    ({"name": "a\x1bb"}, {"name": ["Only accept printable text."]}),
    *(
        ({"version": bad}, {"version": ["Only accept printable text."]})
        for bad in ("1\n2", "1\x7f", "1\u202e2", "1\u00a02")
    ),
    ({"version": "<b>1</b>"}, {"version": ["`version` must be without HTML."]}),
    ({"release_type": ""}, {"release_type": [NULL]}),
    *(
        ({"release_type": bad}, {"release_type": [f"'{bad}' is not allowed value. Use one of {TYPES}."]})
        for bad in ("zz", "GA", "Ga", 5, ["ga"])
    ),
    ({"product_version": "foo-9"}, {"product_version": ["Object with product_version_id=foo-9 does not exist."]}),
    ({"product_version": ["x"]}, {"product_version": ["Not a valid string."]}),
    ({"active": "maybe"}, {"active": ['"maybe" is not a valid boolean.']}),
    ({"release_id": "x"}, {"detail": 'Can not update read only fields: "release_id".'}),
    (
        {"bugzilla": None, "dist_git": None, "sigkey": None},
        {"detail": 'Can not update read only fields: "sigkey", "bugzilla", "dist_git".'},
    ),
    ({"id": 1, "status": 30}, {"detail": 'Unknown fields: "id", "status".'}),
]


async def test_invalid_values_are_refused_alike_by_every_method_and_nothing_is_written(world: World) -> None:
    await create_content(world)
    before = await snapshot(world)
    await check_refused(world, "releases", "releases/foo-1.0/", NEW, WRONG)
    assert await send(world, "POST", "releases/", {}) == (
        400,
        {name: [REQUIRED] for name in ("short", "version", "name", "release_type")},
    )
    for path in ("releases/", "releases/foo-1.0/"):
        assert await send(world, "DELETE", path) == (405, {"detail": 'Method "DELETE" not allowed.'})
    assert await snapshot(world) == before
    assert [each["name"] for each in (await world.ask("GET", "/api/projects")).json] == ["bar", "foo", "site"]


async def test_a_duplicate_is_refused(world: World) -> None:
    await create_content(world)
    before = await snapshot(world)
    again = {"short": "foo", "version": "1.0", "release_type": "ga", "name": "Again"}
    exists = {"detail": ["Release foo-1.0 already exists."]}
    assert await send(world, "POST", "releases/", again) == (400, exists)
    assert await send(world, "PATCH", "releases/foo-1.1-eus/", {"version": "1.0", "release_type": "ga"}) == (
        400,
        exists,
    )
    assert await send(world, "PUT", "releases/bar-2.0/", again) == (400, exists)
    assert await send(world, "POST", "releases/", {**again, "version": "1.1-eus"}) == (
        400,
        {"detail": ["Release foo-1.1-eus already exists."]},
    )
    status, error = await send(world, "POST", "releases/", [NEW, NEW])
    assert (status, error["id_of_invalid_data"], error["detail"]) == (400, 1, ["Release shop-1.0 already exists."])
    assert await snapshot(world) == before


async def test_the_release_id_of_another_projects_release_is_refused_and_named(world: World) -> None:
    await create_content(world)
    await create(world, "releases", {**NEW, "short": "foo-2", "version": "x"})
    before = await snapshot(world)
    taken = "The release id `foo-2-x` is that of the release x of the project `foo-2`."
    clash = {**NEW, "short": "foo", "version": "2-x"}
    assert await send(world, "POST", "releases/", clash) == (400, {"detail": [taken]})
    assert await send(world, "PATCH", "releases/foo-1.0/", {"version": "2-x"}) == (400, {"detail": [taken]})
    foo = await world.create_token("content:write", project="foo")
    unnamed = "The release id `foo-2-x` is that of a release of another project."
    assert await send(world, "POST", "releases/", clash, token=foo) == (400, {"detail": [unnamed]})
    status, error = await send(world, "POST", "releases/", [NEW, clash])
    assert (status, error["id_of_invalid_data"], error["detail"]) == (400, 1, [taken])
    assert await snapshot(world) == before


async def test_an_item_can_be_put_back_as_it_was_read_without_its_read_only_fields(world: World) -> None:
    await create_content(world)
    await world.cut("1.4.0-rc1")
    package = {"package": "site", "version": "9  lives < ten", "status": 30, "release_date": "2024-01-01"}
    assert (await world.ask("POST", "/api/releases/new", package)).status == 201
    for one in (await get(world, "releases/"))["results"]:
        path = f"releases/{one['release_id'].replace(' ', '%20').replace('<', '%3C')}/"
        body = {name: value for name, value in one.items() if name not in READ_ONLY}
        assert await send(world, "PUT", path, body) == (200, one)
        assert await send(world, "PATCH", path, body) == (200, one)
        status, value = await send(world, "PUT", path, {name: body[name] for name in NEW})
        assert (status, value["active"], value["product_version"]) == (200, True, None)


async def test_a_release_that_was_cut_has_schedules_variants_and_files_too(world: World) -> None:
    assert (await world.cut("1.4.0-rc1")).status == 201
    one = await get(world, "releases/site-1.4.0/")
    assert list(one) == KEYS
    assert (one["short"], one["version"], one["release_type"], one["active"]) == ("site", "1.4.0", "ga", True)
    assert one["name"] == "site 1.4.0" and (await get(world, "releases/?name=site%201.4.0"))["count"] == 1
    await create(world, "component-sla-types", {"name": "gold"})
    schedule = await create(world, "release-schedules", {"release": "site-1.4.0", "sla": "gold", "date": "2099-01-01"})
    assert schedule["release_url"] == f"{world.url}/rest_api/v1/releases/site-1.4.0/"
    await create(world, "release-variants", {**VARIANT, "release": "site-1.4.0"})
    await create(world, "content-delivery-repos", {**REPO, "release_id": "site-1.4.0"})
    await create(world, "rpms", RPM)
    assert (await create(world, "released-files", FILES[0]))["repo"]["release_id"] == "site-1.4.0"
    status, one = await send(world, "PATCH", "releases/site-1.4.0/", {"name": "The Site", "active": False})
    assert (status, one["name"], one["active"]) == (200, "The Site", False)
    assert (await world.candidate("1.4.0-rc1"))["status"] == "ready"


REPO_RPM = {
    "name": "bash",
    "epoch": 0,
    "version": "5.2",
    "release": "1",
    "arch": "x86_64",
    "srpm_name": "bash",
    "srpm_nevra": "bash-0:5.2-1.src",
}


async def test_a_release_created_here_can_be_cut_once_its_project_has_a_repository(world: World) -> None:
    await create(world, "releases", NEW)
    listed = await world.ask("GET", "/api/projects/shop/releases")
    assert [each["version"] for each in listed.json] == ["1.0"]
    path = "/api/releases/shop/releases/1.0-rc1"
    body = {"repo": "acme/site", "commit": world.github.head()}
    refused = await world.ask("POST", path, body)
    assert (refused.status, refused.error) == (400, "Release project has no repository")
    settings = {"repo": "acme/site", "tag_prefix": "shop/rc/", "trigger_tag_prefix": "shop-v"}
    assert (await world.ask("PATCH", "/api/projects/shop", settings)).status == 200
    assert (await world.ask("POST", path, body)).status == 201
    assert (await get(world, "releases/"))["count"] == 1
    assert await send(world, "PATCH", "releases/shop-1.0/", {"version": "2.0"}) == (400, {"version": [CANNOT_CHANGE]})


async def test_an_unknown_short_creates_a_project_and_a_known_one_is_found(world: World) -> None:
    await create_project(world, "Web Shop")
    await create(world, "releases", {**NEW, "short": "web-shop"})
    assert (await world.ask("GET", "/api/projects/Web%20Shop/releases")).json[0]["version"] == "1.0"
    await create(world, "releases", [{**NEW, "short": "new"}, {**NEW, "short": "new", "version": "1.1"}])
    assert (await world.ask("GET", "/api/projects/new")).json["permalink"] == "new"
    assert len(await world.audit("project.create")) == 3
    await create_project(world, "other", permalink="something")
    assert await send(world, "POST", "releases/", {**NEW, "short": "other"}) == (
        400,
        {"short": ["The project `other` has another short, `something`."]},
    )


async def test_a_project_with_releases_keeps_its_permalink(world: World) -> None:
    await create_project(world, "Shop")
    assert (await world.ask("PATCH", "/api/projects/Shop", {"permalink": "store"})).json["permalink"] == "store"
    await create(world, "releases", {**NEW, "short": "store"})
    refused = await world.ask("PATCH", "/api/projects/Shop", {"permalink": "shop", "version_scheme": "semver"})
    assert (refused.status, refused.json["detail"]) == (
        409,
        "The project has releases, whose ids contain its permalink, so the permalink cannot be changed.",
    )
    shown = (await world.ask("PATCH", "/api/projects/Shop", {"permalink": "store", "name": "Store"})).json
    assert (shown["name"], shown["version_scheme"]) == ("Store", "any")
    assert (await get(world, "releases/store-1.0/"))["short"] == "store"


async def test_an_archived_project_gets_no_new_releases(world: World) -> None:
    await create_content(world)
    assert (await world.ask("PATCH", "/api/projects/foo", {"archived": True})).status == 200
    archived = {"detail": ["Release project is archived"]}
    assert await send(world, "POST", "releases/", {**NEW, "short": "foo"}) == (400, archived)
    assert await send(world, "PATCH", "releases/bar-2.0/", {"short": "foo"}) == (400, archived)
    assert (await send(world, "PATCH", "releases/foo-1.0/", {"active": False}))[0] == 200


async def test_a_new_version_short_or_type_renames_a_release_and_everything_that_refers_to_it_follows(
    world: World,
) -> None:
    await create_content(world)
    await create(world, "component-sla-types", {"name": "gold"})
    await create(world, "release-schedules", {"release": "foo-1.0", "sla": "gold", "date": "2099-01-01"})
    name = "foo-1.0"
    for values, becomes in (
        ({"version": "3.0"}, "foo-3.0"),
        ({"release_type": "fast"}, "foo-3.0-fast"),
        ({"short": "elsewhere"}, "elsewhere-3.0-fast"),
        ({"version": "1.0", "short": "foo", "release_type": "ga"}, "foo-1.0"),
    ):
        status, value = await send(world, "PATCH", f"releases/{name}/", values)
        assert (status, value["release_id"]) == (200, becomes)
        assert await send(world, "GET", f"releases/{name}/") == (404, {"detail": "Not found."})
        name = becomes
        schedule = await get(world, "release-schedules/1/")
        assert schedule["release"] == name and schedule["release_url"].endswith(f"/rest_api/v1/releases/{name}/")
        assert (await get(world, f"release-schedules/?release={name}"))["count"] == 1
        assert (await get(world, f"release-variants/{name}/Server/"))["release"] == name
        assert (await get(world, "content-delivery-repos/1/"))["release_id"] == name
        assert (await get(world, f"released-files/?release_id={name}"))["count"] == 3
        assert (await get(world, "product-versions/foo-1/"))["releases"] == [name]
    newest = (await get(world, "changesets/?resource=releases&page_size=1"))["results"][0]["changes"][0]
    old, new = newest["old_value"], newest["new_value"]
    assert [old[name] for name in ("short", "version", "release_type")] == ["elsewhere", "3.0", "fast"]
    assert [new[name] for name in ("short", "version", "release_type")] == ["foo", "1.0", "ga"]


async def test_releases_are_renamed_in_order_or_not_at_all(world: World) -> None:
    await create_content(world)
    bodies: dict[str, Any] = {"foo-1.0": {"version": "3.0"}, "bar-2.0": {"short": "foo", "version": "1.0"}}
    status, value = await send(world, "PATCH", "releases/", bodies)
    assert status == 200, value
    assert [each["release_id"] for each in value.values()] == ["foo-3.0", "foo-1.0"] and list(value) == list(bodies)
    before = await snapshot(world)
    status, value = await send(world, "PATCH", "releases/", {"foo-3.0": {"name": "x"}, "bar-2.0": {"name": "y"}})
    assert (status, value["id_of_invalid_data"]) == (404, "bar-2.0")
    assert await snapshot(world) == before


async def test_a_release_id_that_others_refer_to_is_fixed(world: World) -> None:
    """Candidates, deployments and approved announcements fix it; a submitted announcement does not."""
    await world.cut("1.0-rc1")
    assert (await world.deploy("1.0-rc1")).status == 201
    await world.settle()
    await submit(world, "2.0")
    assert (await decide(world, "2.0", "approve")).status == 200
    await submit(world, "3.0")
    await create(world, "releases", {**NEW, "short": "site", "version": "3.0"})
    before = await snapshot(world)
    for name in ("site-1.0", "site-2.0"):
        for field, value in (("version", "9"), ("short", "other"), ("release_type", "eus")):
            refusal = (400, {field: [CANNOT_CHANGE]})
            assert await send(world, "PATCH", f"releases/{name}/", {field: value}) == refusal
            whole = {"name": "x", "short": "site", "version": name[5:], "release_type": "ga", field: value}
            assert await send(world, "PUT", f"releases/{name}/", whole) == refusal
            status, error = await send(
                world, "PATCH", "releases/", {"site-3.0": {"version": "4.0"}, name: {field: value}}
            )
            assert (status, error["id_of_invalid_data"], error["detail"]) == (400, name, refusal[1])
    assert await snapshot(world) == before
    assert (await send(world, "PATCH", "releases/site-1.0/", {"version": "1.0", "name": "One"}))[0] == 200
    assert (await send(world, "PATCH", "releases/site-3.0/", {"version": "4.0"}))[0] == 200


async def test_releases_are_found_by_filters(world: World) -> None:
    await create_content(world)
    found = {
        "release_id=foo-1.0&release_id=bar-2.0": ["bar-2.0", "foo-1.0"],
        "release_id=FOO-1.0": [],
        "short=foo": ["foo-1.0", "foo-1.1-eus"],
        "version=2.0": ["bar-2.0"],
        "name=Foo%201": ["foo-1.0"],
        "release_type=eus": ["foo-1.1-eus"],
        "release_type=": [],
        "active=True": ["foo-1.0", "foo-1.1-eus"],
        "active=0": ["bar-2.0"],
        "product_version=foo-1": ["foo-1.0"],
        "ordering=-version": ["bar-2.0", "foo-1.1-eus", "foo-1.0"],
        "ordering=short,-release_type": ["bar-2.0", "foo-1.0", "foo-1.1-eus"],
        "ordering=-name": ["foo-1.1-eus", "foo-1.0", "bar-2.0"],
        "short=foo&ordering=-product_version__product__short,-id&product_version=foo-1": ["foo-1.0"],
    }
    names = {
        query: [one["release_id"] for one in (await get(world, f"releases/?{query}"))["results"]] for query in found
    }
    assert names == found
    assert await send(world, "GET", "releases/?id=1") == (400, {"detail": "Unknown query params: id."})


async def test_a_release_is_found_by_its_id_whatever_characters_that_has(world: World) -> None:
    await create(world, "releases", [{**NEW, "version": version} for version in ("a/b", "ü %2F.json", "?x=1#y", ".")])
    for path, version in (
        ("shop-a%2Fb/", "a/b"),
        ("shop-%C3%BC%20%252F.json/", "ü %2F.json"),
        ("shop-%3Fx%3D1%23y/", "?x=1#y"),
        ("shop-.", "."),
    ):
        answer = await send_request(world, "GET", f"releases/{path}")
        if not path.endswith("/"):
            assert (answer.status, answer.headers["Location"]) == (301, f"/rest_api/v1/releases/{path}/")
            answer = await send_request(world, "GET", f"releases/{path}/")
        assert (answer.status, answer.json["version"]) == (200, version)
    for nowhere in ("shop-a/b/", "shop-A%2Fb/", "%00/", "shop-1.0%00/", "%ED%A0%80/", "x" * 5000 + "/"):
        assert (await send_request(world, "GET", f"releases/{nowhere}")).status == 404, nowhere
        assert (await send_request(world, "PATCH", f"releases/{nowhere}", {"name": "x"})).status == 404, nowhere


async def test_a_release_is_cut_or_renamed_concurrently_but_never_both(world: World) -> None:
    for number in range(8):
        was, becomes = f"1.{number}", f"2.{number}"
        await create(world, "releases", {**NEW, "short": "site", "version": was})
        change = send_request(world, "PATCH", f"releases/site-{was}/", {"version": becomes})
        cut = world.cut(f"{was}-rc1")
        answers = await asyncio.gather(*((change, cut) if number % 2 else (cut, change)))
        assert {answer.status for answer in answers} <= {200, 201, 400}
    for candidate in await Candidate.all().select_related("release"):
        assert candidate.version == f"{candidate.release.version}-rc1"
        assert candidate.release.release_id == f"site-{candidate.release.version}"
    assert await Candidate.all().count() == 8


async def test_of_concurrent_requests_that_create_a_project_one_succeeds(world: World) -> None:
    bodies = [{**NEW, "version": f"1.{number}"} for number in range(6)]
    answers = await asyncio.gather(*(send_request(world, "POST", "releases/", body) for body in bodies))
    assert {answer.status for answer in answers} - {201} <= {409}
    assert (await get(world, "releases/"))["count"] == [answer.status for answer in answers].count(201) > 0
    assert all("Send it again" in answer.json["detail"] for answer in answers if answer.status == 409)
