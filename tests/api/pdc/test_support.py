"""What schedules and files rest on: products, SLAs, variants, repositories, packages and the closed lists."""

import asyncio
import time

import pytest

from tests.api.pdc.cases import ARCHES, CASES, REQUIRED, Case
from tests.api.pdc.goods import REPO, RPM, VARIANT, call, everything, got, made, refuses, said, stock
from tests.world import World

FIXED = {
    "release-types": (["short", "name", "suffix"], ["aus", "els", "eus", "fast", "ga", "updates"]),
    "release-variant-types": (["name"], ["variant", "optional", "addon", "layered-product", "module"]),
    "arches": (["name"], list(ARCHES)),
    "content-delivery-services": (["name", "description"], ["rhn", "pulp", "ftp"]),
    "content-delivery-repo-families": (["name", "description"], ["dist", "beta", "htb"]),
    "content-delivery-content-formats": (
        ["name", "description", "pdc_endpoint"],
        ["rpm", "iso", "kickstart", "comps", "docker", "dud"],
    ),
    "content-delivery-content-categories": (["name", "description"], ["binary", "debug", "source"]),
}
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


async def furnish(world: World) -> None:
    await stock(world)
    await made(world, "component-sla-types", [{"name": "gold"}, {"name": "bronze", "description": "a\nb"}])
    await made(world, "product-versions", {"name": "x", "version": "0", "product": "bar", "short": "taken"})
    await said(world, "POST", "component-sla-types/", {"name": "gold"})  # takes no number


@each
async def test_a_new_one_shows_all_its_keys_in_their_order(world: World, case: Case) -> None:
    await furnish(world)
    shown = await made(world, case.name, case.new)
    assert list(shown) == case.keys and shown == case.shown
    listed = await got(world, f"{case.name}/?page_size=0")
    assert shown in listed and all(list(one) == case.keys for one in listed)
    one = await call(world, "GET", case.path)
    assert one.json in listed and one.headers["Allow"] == case.allow.replace("POST, ", "")
    assert (await call(world, "GET", f"{case.name}/")).headers["Allow"] == case.allow


@each
async def test_wrong_values_are_refused_alike_however_they_come_and_leave_nothing(world: World, case: Case) -> None:
    await furnish(world)
    before = await everything(world)
    await refuses(world, case.name, case.path, case.new, case.wrong)
    for name in case.new:
        body = {key: value for key, value in case.new.items() if key != name}
        if name not in case.defaults and (case.name, name) != ("rpms", "srpm_nevra"):
            assert await said(world, "POST", f"{case.name}/", body) == (400, {name: [REQUIRED]})
            assert await said(world, "PUT", case.path, body) == (400, {name: [REQUIRED]})
    assert await everything(world) == before


@each
async def test_a_second_one_of_the_same_key_is_refused(world: World, case: Case) -> None:
    await furnish(world)
    before = await everything(world)
    same, refusal = case.second
    assert await said(world, "POST", f"{case.name}/", {**case.new, **same}) == (400, refusal)
    if case.name != "component-sla-types":
        assert await said(world, "PATCH", case.path, same) == (400, refusal)
    status, told = await said(world, "POST", f"{case.name}/", [case.new, case.new])
    assert (status, told["id_of_invalid_data"], told["invalid_data"]) == (400, 1, case.new)
    assert await everything(world) == before


@each
async def test_what_is_read_can_be_put_back_without_the_keys_that_are_read_only(world: World, case: Case) -> None:
    await furnish(world)
    await made(world, case.name, case.new)
    fixed = {"id"} if case.name != "release-variants" else set()
    fixed |= {"product_versions", "allowed_push_targets", "product_version_id", "releases", *CASES[5].keys[9:]}
    one = await got(world, case.path)
    body = {name: value for name, value in one.items() if name not in fixed}
    assert await said(world, "PUT", case.path, body) == (200, one)
    assert await said(world, "PATCH", case.path, body) == (200, one)
    required = {name: value for name, value in body.items() if name not in case.defaults}
    status, value = await said(world, "PUT", case.path, required)
    assert status == 200 and {name: value[name] for name in case.defaults} == case.defaults


@each
async def test_only_what_may_go_can_be_deleted(world: World, case: Case) -> None:
    await furnish(world)
    before = await everything(world)
    if "DELETE" in case.allow:
        assert (await call(world, "DELETE", case.path)).status == 204
        assert await said(world, "GET", case.path) == (404, {"detail": "Not found."})
        return
    for path in (f"{case.name}/", case.path):
        assert await said(world, "DELETE", path, [1]) == (405, {"detail": 'Method "DELETE" not allowed.'})
    assert await everything(world) == before


async def test_the_closed_lists_are_as_clients_know_them_and_cannot_be_written(world: World) -> None:
    for name, (keys, words) in FIXED.items():
        listed = await got(world, f"{name}/?page_size=0")
        assert [one[keys[0]] for one in listed] == words
        assert all(list(one) == keys and all(one[key] for key in keys[:2]) for one in listed)
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = await call(world, method, f"{name}/", {"name": "x"})
            assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    formats = await got(world, "content-delivery-content-formats/?fields=name,pdc_endpoint")
    assert {one["name"]: one["pdc_endpoint"] for one in formats["results"]} == {
        **dict.fromkeys(FIXED["content-delivery-content-formats"][1]),
        "rpm": "rpms",
    }
    suffixes = await got(world, "release-types/?page_size=0")
    assert {one["short"]: one["suffix"] for one in suffixes} == {
        **{short: f"-{short}" for short in FIXED["release-types"][1]},
        "ga": "",
    }


async def test_each_list_takes_its_own_filters_and_refuses_others(world: World) -> None:
    await furnish(world)
    found = {
        "component-sla-types/?name=gold": ["gold"],
        "component-sla-types/?name=gold&name=bronze": ["gold", "bronze"],
        "component-sla-types/?name=Gold": [],
        "component-sla-types/?name=": [],
        "component-sla-types/?ordering=name": ["bronze", "gold"],
        "products/?short=foo&short=x": ["Foo"],
        "products/?active=False": [],
        "products/?active=True&ordering=-name": ["Foo", "Bar"],
        "product-versions/?product_version_id=foo-1": ["Foo 1"],
        "product-versions/?short=taken": ["x"],
        "product-versions/?ordering=product__short&version=1": ["Foo 1"],
        "content-delivery-repos/?release_id=foo-1.0&arch=x86_64": ["foo-rpms", "foo-isos"],
        "content-delivery-repos/?content_format=iso&content_format=dud": ["foo-isos"],
        "content-delivery-repos/?shadow=True": ["foo-isos"],
        "content-delivery-repos/?product_id=3000000000": ["Bar"],
        "content-delivery-repos/?variant_uid=Client&repo_family=beta": ["foo-eus"],
        "content-delivery-repos/?ordering=-variant_arch__variant__release__release_id,name": [
            *("foo-eus", "foo-debug", "foo-isos", "foo-rpms", "Bar"),
        ],
        "rpms/?epoch=0": ["bash", "zlib-devel"],
        "rpms/?epoch=3000000000&arch=src": ["bash"],
        "rpms/?srpm_name=zlib": ["zlib-devel"],
        "rpms/?filename=bash-5.2-1.src.rpm": ["bash"],
        "release-variants/?release=foo-1.0": ["Server"],
        "release-variants/?uid=Client": ["Server"],
        "release-variants/?type=addon&id=Server": ["Server"],
    }
    names = {path: [one["name"] for one in (await got(world, path))["results"]] for path in found}
    assert names == found
    for resource, names_taken in (
        ("component-sla-types", "description"),
        ("products", "product"),
        ("rpms", "id"),
        ("content-delivery-repos", "id"),
        ("release-variants", "arches"),
        ("arches", "name"),
    ):
        assert await said(world, "GET", f"{resource}/?{names_taken}=1") == (
            400,
            {"detail": f"Unknown query params: {names_taken}."},
        )


async def test_a_long_hostile_short_is_refused_at_once(world: World) -> None:
    for hostile in ("a" * 199 + "!", "a-" * 99 + "!", "a" * 900_000, "a-" * 400_000 + "!"):
        begun = time.monotonic()
        assert (await said(world, "POST", "products/", {"name": "x", "short": hostile}))[0] == 400
        assert time.monotonic() - begun < 2


async def test_an_sla_keeps_its_name_for_ever(world: World) -> None:
    await furnish(world)
    refusal = (400, {"name": ["You may not modify the SLA's name due to policy"]})
    before = await everything(world)
    assert await said(world, "PATCH", "component-sla-types/1/", {"name": "x"}) == refusal
    assert await said(world, "PUT", "component-sla-types/1/", {"name": "bronze"}) == refusal
    status, told = await said(world, "PATCH", "component-sla-types/", {"2": {"description": "d"}, "1": {"name": "x"}})
    assert (status, told["id_of_invalid_data"], told["detail"]) == (400, "1", refusal[1])
    assert await everything(world) == before
    status, told = await said(world, "PUT", "component-sla-types/1/", {"name": " gold ", "description": " two\nlines "})
    assert (status, told) == (200, {"id": 1, "name": "gold", "description": "two\nlines"})


async def test_an_sla_takes_its_schedules_along(world: World) -> None:
    await furnish(world)
    schedules = [{"release": "foo-1.0", "sla": sla, "date": "2099-01-01"} for sla in ("gold", "bronze")]
    await made(world, "release-schedules", schedules)
    assert (await call(world, "DELETE", "component-sla-types/1/")).status == 204
    assert [one["sla"] for one in (await got(world, "release-schedules/"))["results"]] == ["bronze"]


async def test_a_product_may_be_called_otherwise_and_its_versions_keep_their_own_name(world: World) -> None:
    await furnish(world)
    assert (await said(world, "PATCH", "products/foo/", {"short": "new"}))[0] == 200
    assert (await got(world, "products/new/"))["product_versions"] == ["foo-1"]
    version = await got(world, "product-versions/foo-1/")
    assert (version["product"], version["short"], version["releases"]) == ("new", "foo", ["foo-1.0"])
    status, version = await said(world, "PATCH", "product-versions/foo-1/", {"version": "1.5"})
    assert (status, version["product_version_id"]) == (200, "foo-1.5")
    assert (await got(world, "releases/foo-1.0/"))["product_version"] == "foo-1.5"
    body = {"name": "New", "version": "2", "product": "new"}  # not said, `short` is that of the product
    status, version = await said(world, "PUT", "product-versions/foo-1.5/", body)
    assert (status, version["short"], version["product_version_id"]) == (200, "new", "new-2")
    assert (await got(world, "releases/?product_version=new-2"))["count"] == 1


async def test_the_versions_of_a_product_are_all_shown(world: World) -> None:
    await furnish(world)
    await made(world, "product-versions", [{"name": "x", "version": f"9.{n}", "product": "bar"} for n in range(30)])
    versions = {one["short"]: one["product_versions"] for one in (await got(world, "products/"))["results"]}
    assert versions["foo"] == ["foo-1"] and len(versions["bar"]) == 31


async def test_an_architecture_that_has_repositories_stays_in_its_variant(world: World) -> None:
    await furnish(world)
    before = await everything(world)
    path = "release-variants/foo-1.0/Server/"
    refusal = {"arches": ["This variant has repositories for aarch64, x86_64: delete them first."]}
    assert await said(world, "PATCH", path, {"arches": ["s390x"]}) == (400, refusal)
    assert await said(world, "PUT", path, {**VARIANT, "release": "foo-1.0", "arches": []}) == (400, refusal)
    assert await everything(world) == before
    status, value = await said(world, "PATCH", path, {"arches": ["x86_64", "s390x", "aarch64"]})
    assert (status, value["arches"]) == (200, ["aarch64", "s390x", "x86_64"])
    assert (await call(world, "DELETE", "content-delivery-repos/2/")).status == 204
    status, value = await said(world, "PATCH", path, {"arches": ["x86_64"]})
    assert (status, value["arches"]) == (200, ["x86_64"])


async def test_what_a_repository_shows_follows_its_variant(world: World) -> None:
    await furnish(world)
    status, value = await said(world, "PATCH", "release-variants/foo-1.0/Server/", {"uid": "Workstation"})
    assert (status, value["uid"]) == (200, "Workstation")
    assert (await got(world, "content-delivery-repos/1/"))["variant_uid"] == "Workstation"
    assert (await got(world, "released-files/1/"))["repo"]["variant_uid"] == "Workstation"
    assert (await got(world, "released-files/?variant_uid=Workstation"))["count"] == 3
    assert await said(world, "GET", "release-variants/foo-1.0/Server/") == (404, {"detail": "Not found."})
    status, value = await said(world, "PATCH", "content-delivery-repos/1/", {"name": "other", "product_id": None})
    assert (status, value["variant_uid"], value["name"]) == (200, "Workstation", "other")
    moved = {"release_id": "bar-2.0", "variant_uid": "Server", "arch": "s390x"}
    status, value = await said(world, "PATCH", "content-delivery-repos/1/", moved)
    assert status == 200 and {name: value[name] for name in moved} == moved
    assert (await got(world, "released-files/?release_id=bar-2.0"))["count"] == 3


async def test_a_variant_is_known_by_its_release_and_uid_whatever_they_hold(world: World) -> None:
    await furnish(world)
    await made(world, "releases", {"name": "x", "short": "foo", "version": "a/b c%", "release_type": "ga"})
    await made(world, "release-variants", {**VARIANT, "release": "foo-a/b c%", "uid": "ü.json x%2F"})
    path = "release-variants/foo-a%2Fb%20c%25/%C3%BC.json%20x%252F/"
    assert (await got(world, path))["uid"] == "ü.json x%2F"
    status, value = await said(world, "PATCH", "release-variants/", {"foo-a/b c%/ü.json x%2F": {"name": "n"}})
    assert (status, value["foo-a/b c%/ü.json x%2F"]["name"]) == (200, "n")
    assert (await call(world, "DELETE", "release-variants/", ["foo-a/b c%/ü.json x%2F"])).status == 204
    for path in ("release-variants/foo-1.0/", "release-variants/foo-1.0/Server/x/"):
        assert (await call(world, "GET", path)).status == 404


async def test_a_package_is_called_as_usual_unless_a_name_is_given(world: World) -> None:
    await furnish(world)
    assert (await got(world, "rpms/2/"))["srpm_nevra"] is None
    status, value = await said(world, "PATCH", "rpms/1/", {"version": "6"})
    assert (status, value["filename"]) == (200, "bash-6-1.x86_64.rpm")
    assert (await got(world, "released-files/1/"))["file"] == "bash-6-1.x86_64.rpm"
    status, value = await said(world, "PATCH", "rpms/1/", {"filename": "mine.rpm"})
    assert (status, value["filename"]) == (200, "mine.rpm")
    status, value = await said(world, "PATCH", "rpms/1/", {"version": "7"})
    assert (status, value["filename"]) == (200, "mine.rpm")
    status, value = await said(world, "PUT", "rpms/1/", RPM)
    assert (status, value["filename"]) == (200, "bash-5.2-1.x86_64.rpm")
    status, value = await said(world, "PATCH", "rpms/1/", {"arch": "src", "srpm_nevra": "", "epoch": 2**63 - 1})
    assert (status, value["srpm_nevra"], value["filename"], value["epoch"]) == (
        200,
        None,
        "bash-5.2-1.src.rpm",
        2**63 - 1,
    )
    assert await said(world, "PATCH", "rpms/1/", {"arch": "nosrc"}) == (
        400,
        {"detail": ["RPM's srpm_nevra should be empty if and only if arch is src"]},
    )


async def test_an_architecture_is_taken_from_a_variant_or_used_but_never_both(world: World) -> None:
    await stock(world)
    for number in range(6):
        uid = f"v{number}"
        await made(
            world, "release-variants", {**VARIANT, "release": "foo-1.0", "uid": uid, "arches": ["src", "x86_64"]}
        )
        repo = {**REPO, "variant_uid": uid, "arch": "src"}
        answers = await asyncio.gather(
            call(world, "POST", "content-delivery-repos/", repo),
            call(world, "PATCH", f"release-variants/foo-1.0/{uid}/", {"arches": ["x86_64"]}),
        )
        assert [answer.status for answer in answers] in ([201, 400], [400, 200])
        variant = await got(world, f"release-variants/foo-1.0/{uid}/")
        assert ("src" in variant["arches"]) == (answers[0].status == 201)


async def test_what_goes_while_something_is_made_of_it_takes_that_along_or_is_missed(world: World) -> None:
    await stock(world)
    for number in range(6):
        uid = f"v{number}"
        await made(world, "release-variants", {**VARIANT, "release": "foo-1.0", "uid": uid})
        repo = (await made(world, "content-delivery-repos", {**REPO, "variant_uid": uid}))["id"]
        file = {"file_primary_key": 1, "repo": {"id": repo}, "release_date": "2020-02-02"}
        answers = await asyncio.gather(
            call(world, "POST", "content-delivery-repos/", {**REPO, "variant_uid": uid, "name": "more"}),
            call(world, "POST", "released-files/", file),
            call(world, "DELETE", f"release-variants/foo-1.0/{uid}/"),
        )
        assert answers[2].status == 204 and {answer.status for answer in answers[:2]} <= {201, 400, 409}
    assert (await got(world, "content-delivery-repos/"))["count"] == 5
    assert (await got(world, "released-files/"))["count"] == 5
