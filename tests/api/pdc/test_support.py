"""The supporting resources: products, SLAs, variants, repositories, packages and vocabularies."""

import asyncio
import time

import pytest

from tests.api.pdc.content import (
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
from tests.api.pdc.resource_cases import ARCHES, REQUIRED, RESOURCE_CASES, ResourceCase
from tests.world import World

VOCABULARIES = {
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
for_each_case = pytest.mark.parametrize("case", RESOURCE_CASES, ids=lambda case: case.resource)


async def create_all_content(world: World) -> None:
    await create_content(world)
    await create(world, "component-sla-types", [{"name": "gold"}, {"name": "bronze", "description": "a\nb"}])
    await create(world, "product-versions", {"name": "x", "version": "0", "product": "bar", "short": "taken"})
    await send(world, "POST", "component-sla-types/", {"name": "gold"})  # refused: does not use up an id


@for_each_case
async def test_a_new_item_has_all_its_fields_in_order(world: World, case: ResourceCase) -> None:
    await create_all_content(world)
    shown = await create(world, case.resource, case.new)
    assert list(shown) == case.fields and shown == case.created
    listed = await get(world, f"{case.resource}/?page_size=0")
    assert shown in listed and all(list(one) == case.fields for one in listed)
    one = await send_request(world, "GET", case.path)
    assert one.json in listed and one.headers["Allow"] == case.allow.replace("POST, ", "")
    assert (await send_request(world, "GET", f"{case.resource}/")).headers["Allow"] == case.allow


@for_each_case
async def test_invalid_values_are_refused_alike_by_every_method_and_nothing_is_written(
    world: World, case: ResourceCase
) -> None:
    await create_all_content(world)
    before = await snapshot(world)
    await check_refused(world, case.resource, case.path, case.new, case.refused)
    for name in case.new:
        body = {key: value for key, value in case.new.items() if key != name}
        if name not in case.defaults and (case.resource, name) != ("rpms", "srpm_nevra"):
            assert await send(world, "POST", f"{case.resource}/", body) == (400, {name: [REQUIRED]})
            assert await send(world, "PUT", case.path, body) == (400, {name: [REQUIRED]})
    assert await snapshot(world) == before


@for_each_case
async def test_a_duplicate_is_refused(world: World, case: ResourceCase) -> None:
    await create_all_content(world)
    before = await snapshot(world)
    same, refusal = case.duplicate
    assert await send(world, "POST", f"{case.resource}/", {**case.new, **same}) == (400, refusal)
    if case.resource != "component-sla-types":
        assert await send(world, "PATCH", case.path, same) == (400, refusal)
    status, error = await send(world, "POST", f"{case.resource}/", [case.new, case.new])
    assert (status, error["id_of_invalid_data"], error["invalid_data"]) == (400, 1, case.new)
    assert await snapshot(world) == before


@for_each_case
async def test_an_item_can_be_put_back_as_it_was_read_without_its_read_only_fields(
    world: World, case: ResourceCase
) -> None:
    await create_all_content(world)
    await create(world, case.resource, case.new)
    fixed = {"id"} if case.resource != "release-variants" else set()
    fixed |= {
        "product_versions",
        "allowed_push_targets",
        "product_version_id",
        "releases",
        *RESOURCE_CASES[5].fields[9:],
    }
    one = await get(world, case.path)
    body = {name: value for name, value in one.items() if name not in fixed}
    assert await send(world, "PUT", case.path, body) == (200, one)
    assert await send(world, "PATCH", case.path, body) == (200, one)
    required = {name: value for name, value in body.items() if name not in case.defaults}
    status, value = await send(world, "PUT", case.path, required)
    assert status == 200 and {name: value[name] for name in case.defaults} == case.defaults


@for_each_case
async def test_items_are_deleted_only_where_the_resource_allows(world: World, case: ResourceCase) -> None:
    await create_all_content(world)
    before = await snapshot(world)
    if "DELETE" in case.allow:
        assert (await send_request(world, "DELETE", case.path)).status == 204
        assert await send(world, "GET", case.path) == (404, {"detail": "Not found."})
        return
    for path in (f"{case.resource}/", case.path):
        assert await send(world, "DELETE", path, [1]) == (405, {"detail": 'Method "DELETE" not allowed.'})
    assert await snapshot(world) == before


async def test_vocabularies_are_as_clients_know_them_and_read_only(world: World) -> None:
    for name, (keys, words) in VOCABULARIES.items():
        listed = await get(world, f"{name}/?page_size=0")
        assert [one[keys[0]] for one in listed] == words
        assert all(list(one) == keys and all(one[key] for key in keys[:2]) for one in listed)
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = await send_request(world, method, f"{name}/", {"name": "x"})
            assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    formats = await get(world, "content-delivery-content-formats/?fields=name,pdc_endpoint")
    assert {one["name"]: one["pdc_endpoint"] for one in formats["results"]} == {
        **dict.fromkeys(VOCABULARIES["content-delivery-content-formats"][1]),
        "rpm": "rpms",
    }
    suffixes = await get(world, "release-types/?page_size=0")
    assert {one["short"]: one["suffix"] for one in suffixes} == {
        **{short: f"-{short}" for short in VOCABULARIES["release-types"][1]},
        "ga": "",
    }


async def test_each_resource_has_its_own_filters_and_refuses_others(world: World) -> None:
    await create_all_content(world)
    found = {
        "component-sla-types/?name=gold": ["gold"],
        "component-sla-types/?name=gold&name=bronze": ["gold", "bronze"],
        "component-sla-types/?name=Gold": [],
        "component-sla-types/?name=": [],
        "component-sla-types/?description=a%0Ab": ["bronze"],
        "component-sla-types/?description=": ["gold", "bronze"],
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
    names = {path: [one["name"] for one in (await get(world, path))["results"]] for path in found}
    assert names == found
    for resource, names_taken in (
        ("component-sla-types", "descriptions"),
        ("products", "product"),
        ("rpms", "id"),
        ("content-delivery-repos", "id"),
        ("release-variants", "arches"),
        ("arches", "name"),
    ):
        assert await send(world, "GET", f"{resource}/?{names_taken}=1") == (
            400,
            {"detail": f"Unknown query params: {names_taken}."},
        )


async def test_a_long_hostile_short_is_refused_quickly(world: World) -> None:
    for hostile in ("a" * 199 + "!", "a-" * 99 + "!", "a" * 900_000, "a-" * 400_000 + "!"):
        start = time.monotonic()
        assert (await send(world, "POST", "products/", {"name": "x", "short": hostile}))[0] == 400
        assert time.monotonic() - start < 2


async def test_an_sla_cannot_be_renamed(world: World) -> None:
    await create_all_content(world)
    refusal = (400, {"name": ["You may not modify the SLA's name due to policy"]})
    before = await snapshot(world)
    assert await send(world, "PATCH", "component-sla-types/1/", {"name": "x"}) == refusal
    assert await send(world, "PUT", "component-sla-types/1/", {"name": "bronze"}) == refusal
    status, error = await send(world, "PATCH", "component-sla-types/", {"2": {"description": "d"}, "1": {"name": "x"}})
    assert (status, error["id_of_invalid_data"], error["detail"]) == (400, "1", refusal[1])
    assert await snapshot(world) == before
    status, value = await send(
        world, "PUT", "component-sla-types/1/", {"name": " gold ", "description": " two\nlines "}
    )
    assert (status, value) == (200, {"id": 1, "name": "gold", "description": "two\nlines"})


async def test_an_sla_is_deleted_with_its_schedules(world: World) -> None:
    await create_all_content(world)
    schedules = [{"release": "foo-1.0", "sla": sla, "date": "2099-01-01"} for sla in ("gold", "bronze")]
    await create(world, "release-schedules", schedules)
    assert (await send_request(world, "DELETE", "component-sla-types/1/")).status == 204
    assert [one["sla"] for one in (await get(world, "release-schedules/"))["results"]] == ["bronze"]


async def test_a_product_can_be_renamed_and_its_versions_keep_their_short(world: World) -> None:
    await create_all_content(world)
    assert (await send(world, "PATCH", "products/foo/", {"short": "new"}))[0] == 200
    assert (await get(world, "products/new/"))["product_versions"] == ["foo-1"]
    version = await get(world, "product-versions/foo-1/")
    assert (version["product"], version["short"], version["releases"]) == ("new", "foo", ["foo-1.0"])
    status, version = await send(world, "PATCH", "product-versions/foo-1/", {"version": "1.5"})
    assert (status, version["product_version_id"]) == (200, "foo-1.5")
    assert (await get(world, "releases/foo-1.0/"))["product_version"] == "foo-1.5"
    body = {"name": "New", "version": "2", "product": "new"}  # `short` defaults to that of the product
    status, version = await send(world, "PUT", "product-versions/foo-1.5/", body)
    assert (status, version["short"], version["product_version_id"]) == (200, "new", "new-2")
    assert (await get(world, "releases/?product_version=new-2"))["count"] == 1


async def test_all_versions_of_a_product_are_shown(world: World) -> None:
    await create_all_content(world)
    await create(world, "product-versions", [{"name": "x", "version": f"9.{n}", "product": "bar"} for n in range(30)])
    versions = {one["short"]: one["product_versions"] for one in (await get(world, "products/"))["results"]}
    assert versions["foo"] == ["foo-1"] and len(versions["bar"]) == 31


async def test_an_architecture_with_repositories_cannot_be_removed_from_its_variant(world: World) -> None:
    await create_all_content(world)
    before = await snapshot(world)
    path = "release-variants/foo-1.0/Server/"
    refusal = {"arches": ["This variant has repositories for aarch64, x86_64: delete them first."]}
    assert await send(world, "PATCH", path, {"arches": ["s390x"]}) == (400, refusal)
    assert await send(world, "PUT", path, {**VARIANT, "release": "foo-1.0", "arches": []}) == (400, refusal)
    assert await snapshot(world) == before
    status, value = await send(world, "PATCH", path, {"arches": ["x86_64", "s390x", "aarch64"]})
    assert (status, value["arches"]) == (200, ["aarch64", "s390x", "x86_64"])
    assert (await send_request(world, "DELETE", "content-delivery-repos/2/")).status == 204
    status, value = await send(world, "PATCH", path, {"arches": ["x86_64"]})
    assert (status, value["arches"]) == (200, ["x86_64"])


async def test_a_repository_follows_its_renamed_variant(world: World) -> None:
    await create_all_content(world)
    status, value = await send(world, "PATCH", "release-variants/foo-1.0/Server/", {"uid": "Workstation"})
    assert (status, value["uid"]) == (200, "Workstation")
    assert (await get(world, "content-delivery-repos/1/"))["variant_uid"] == "Workstation"
    assert (await get(world, "released-files/1/"))["repo"]["variant_uid"] == "Workstation"
    assert (await get(world, "released-files/?variant_uid=Workstation"))["count"] == 3
    assert await send(world, "GET", "release-variants/foo-1.0/Server/") == (404, {"detail": "Not found."})
    status, value = await send(world, "PATCH", "content-delivery-repos/1/", {"name": "other", "product_id": None})
    assert (status, value["variant_uid"], value["name"]) == (200, "Workstation", "other")
    moved = {"release_id": "bar-2.0", "variant_uid": "Server", "arch": "s390x"}
    status, value = await send(world, "PATCH", "content-delivery-repos/1/", moved)
    assert status == 200 and {name: value[name] for name in moved} == moved
    assert (await get(world, "released-files/?release_id=bar-2.0"))["count"] == 3


async def test_a_variant_is_found_by_its_release_and_uid_whatever_characters_they_have(world: World) -> None:
    await create_all_content(world)
    await create(world, "releases", {"name": "x", "short": "foo", "version": "a/b c%", "release_type": "ga"})
    await create(world, "release-variants", {**VARIANT, "release": "foo-a/b c%", "uid": "ü.json x%2F"})
    path = "release-variants/foo-a%2Fb%20c%25/%C3%BC.json%20x%252F/"
    assert (await get(world, path))["uid"] == "ü.json x%2F"
    status, value = await send(world, "PATCH", "release-variants/", {"foo-a/b c%/ü.json x%2F": {"name": "n"}})
    assert (status, value["foo-a/b c%/ü.json x%2F"]["name"]) == (200, "n")
    assert (await send_request(world, "DELETE", "release-variants/", ["foo-a/b c%/ü.json x%2F"])).status == 204
    for path in ("release-variants/foo-1.0/", "release-variants/foo-1.0/Server/x/"):
        assert (await send_request(world, "GET", path)).status == 404


async def test_a_package_has_the_default_file_name_unless_one_is_sent(world: World) -> None:
    await create_all_content(world)
    assert (await get(world, "rpms/2/"))["srpm_nevra"] is None
    status, value = await send(world, "PATCH", "rpms/1/", {"version": "6"})
    assert (status, value["filename"]) == (200, "bash-6-1.x86_64.rpm")
    assert (await get(world, "released-files/1/"))["file"] == "bash-6-1.x86_64.rpm"
    status, value = await send(world, "PATCH", "rpms/1/", {"filename": "mine.rpm"})
    assert (status, value["filename"]) == (200, "mine.rpm")
    status, value = await send(world, "PATCH", "rpms/1/", {"version": "7"})
    assert (status, value["filename"]) == (200, "mine.rpm")
    status, value = await send(world, "PUT", "rpms/1/", RPM)
    assert (status, value["filename"]) == (200, "bash-5.2-1.x86_64.rpm")
    status, value = await send(world, "PATCH", "rpms/1/", {"arch": "src", "srpm_nevra": "", "epoch": 2**63 - 1})
    assert (status, value["srpm_nevra"], value["filename"], value["epoch"]) == (
        200,
        None,
        "bash-5.2-1.src.rpm",
        2**63 - 1,
    )
    assert await send(world, "PATCH", "rpms/1/", {"arch": "nosrc"}) == (
        400,
        {"detail": ["RPM's srpm_nevra should be empty if and only if arch is src"]},
    )


async def test_an_architecture_is_removed_or_used_concurrently_but_never_both(world: World) -> None:
    await create_content(world)
    for number in range(6):
        uid = f"v{number}"
        await create(
            world, "release-variants", {**VARIANT, "release": "foo-1.0", "uid": uid, "arches": ["src", "x86_64"]}
        )
        repo = {**REPO, "variant_uid": uid, "arch": "src"}
        answers = await asyncio.gather(
            send_request(world, "POST", "content-delivery-repos/", repo),
            send_request(world, "PATCH", f"release-variants/foo-1.0/{uid}/", {"arches": ["x86_64"]}),
        )
        assert [answer.status for answer in answers] in ([201, 400], [400, 200])
        variant = await get(world, f"release-variants/foo-1.0/{uid}/")
        assert ("src" in variant["arches"]) == (answers[0].status == 201)


async def test_a_row_deleted_while_others_refer_to_it_is_deleted_with_them_or_not_found(world: World) -> None:
    await create_content(world)
    for number in range(6):
        uid = f"v{number}"
        await create(world, "release-variants", {**VARIANT, "release": "foo-1.0", "uid": uid})
        repo = (await create(world, "content-delivery-repos", {**REPO, "variant_uid": uid}))["id"]
        file = {"file_primary_key": 1, "repo": {"id": repo}, "release_date": "2020-02-02"}
        answers = await asyncio.gather(
            send_request(world, "POST", "content-delivery-repos/", {**REPO, "variant_uid": uid, "name": "more"}),
            send_request(world, "POST", "released-files/", file),
            send_request(world, "DELETE", f"release-variants/foo-1.0/{uid}/"),
        )
        assert answers[2].status == 204 and {answer.status for answer in answers[:2]} <= {201, 400, 409}
    assert (await get(world, "content-delivery-repos/"))["count"] == 5
    assert (await get(world, "released-files/"))["count"] == 5
