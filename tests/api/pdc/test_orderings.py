"""The names that lists can be ordered by: every column that PDC's database has, and every field that is shown."""

from typing import Any

from tests.api.pdc.content import create, create_content, get, send
from tests.world import World

COLUMNS = {
    "release-schedules": "id release sla date",
    "released-files": "id file_primary_key repo released_date release_date created_at updated_at zero_day_release "
    "obsolete",
    "releases": "id release_id short version name release_type base_product active product_version integrated_with "
    "sigkey allow_buildroot_push",
    "products": "id name short",
    "product-versions": "id name short version product product_version_id",
    "component-sla-types": "id name description",
    "release-variants": "id release variant_id variant_uid variant_name variant_type deleted variant_version "
    "variant_release",
    "content-delivery-repos": "id variant_arch service repo_family content_format content_category shadow name "
    "product_id",
    "rpms": "id name epoch version release arch srpm_name built_for_release srpm_nevra filename srpm_commit_hash "
    "srpm_commit_branch",
    "changesets": "id author requested_on committed_on comment",
    "release-types": "id short name suffix",
    "release-variant-types": "id name",
    "arches": "id name",
    "content-delivery-services": "id name description",
    "content-delivery-repo-families": "id name description",
    "content-delivery-content-formats": "id name pdc_endpoint description",
    "content-delivery-content-categories": "id name description",
}
"""The columns of PDC's tables, by resource."""

NESTED = {
    "release-schedules": {
        "release": "releases",
        "sla": "component-sla-types",
        "release__product_version": "product-versions",
        "release__product_version__product": "products",
        "release__release_type": "release-types",
    },
    "releases": {
        "product_version": "product-versions",
        "product_version__product": "products",
        "release_type": "release-types",
    },
    "product-versions": {"product": "products"},
    "release-variants": {
        "release": "releases",
        "release__product_version": "product-versions",
        "variant_type": "release-variant-types",
        "type": "release-variant-types",
    },
    "content-delivery-repos": {
        "variant_arch__variant": "release-variants",
        "variant_arch__variant__release": "releases",
        "variant_arch__variant__release__product_version__product": "products",
        "variant_arch__variant__variant_type": "release-variant-types",
        "variant_arch__arch": "arches",
        "service": "content-delivery-services",
        "repo_family": "content-delivery-repo-families",
        "content_format": "content-delivery-content-formats",
        "content_category": "content-delivery-content-categories",
    },
    "released-files": {
        "repo": "content-delivery-repos",
        "repo__variant_arch__variant": "release-variants",
        "repo__variant_arch__variant__release": "releases",
        "repo__variant_arch__variant__release__product_version__product": "products",
        "repo__variant_arch__arch": "arches",
        "repo__service": "content-delivery-services",
    },
}
"""The rows that rows refer to, by resource: paths in PDC's database, and the resources of these rows."""


async def test_every_column_is_a_name_to_order_by_in_both_directions(world: World) -> None:
    await create_content(world)
    for resource, columns in COLUMNS.items():
        for name in columns.split():
            for ordering in (name, f"-{name}", f"{name},-{name}"):
                status, value = await send(world, "GET", f"{resource}/?ordering={ordering}")
                assert status == 200, (resource, ordering, value)


async def test_so_is_every_column_of_the_rows_that_a_row_refers_to(world: World) -> None:
    await create_content(world)
    for resource, paths in NESTED.items():
        for path, other in paths.items():
            names = ",".join(f"-{path}__{name}" for name in COLUMNS[other].split())
            status, value = await send(world, "GET", f"{resource}/?ordering={names}&page_size=0")
            assert status == 200, (resource, path, value)


async def test_every_shown_field_with_a_column_is_one_too(world: World) -> None:
    await create_content(world)
    await create(world, "component-sla-types", {"name": "gold"})
    await create(world, "release-schedules", {"release": "foo-1.0", "sla": "gold", "date": "2030-01-01"})
    computed = {"active", "product_versions", "releases", "allowed_push_targets", "compose_set", "bugzilla", "dist_git"}
    computed |= {
        "allowed_debuginfo_services",
        "linked_releases",
        "linked_composes",
        "dependencies",
        "duration",
        "changes",
    }
    computed |= {"build", "package", "file"}
    for resource in COLUMNS:
        (first, *_) = (await get(world, f"{resource}/"))["results"]
        for name in set(first) - computed:
            status, value = await send(world, "GET", f"{resource}/?ordering={name}")
            assert status == 200, (resource, name, value)


async def first_values(world: World, path: str) -> list[Any]:
    """The first field of each item in a list."""
    return [next(iter(item.values())) for item in await get(world, f"{path}&page_size=0")]


async def test_lists_are_ordered_by_what_a_name_stands_for(world: World) -> None:
    await create_content(world)
    expected = {
        "release-variants/?fields=uid&ordering=release,variant_uid": ["Server", "Server", "Client"],
        "release-variants/?fields=uid&ordering=variant_type__id,-release": ["Server", "Server", "Client"],
        "release-variants/?fields=release&ordering=deleted,-release": ["foo-1.1-eus", "foo-1.0", "bar-2.0"],
        "releases/?fields=release_id&ordering=-sigkey,-release_id": ["foo-1.1-eus", "foo-1.0", "bar-2.0"],
        "releases/?fields=release_id&ordering=release_type__suffix,-release_id": ["foo-1.0", "bar-2.0", "foo-1.1-eus"],
        "releases/?fields=release_id&ordering=-id": ["bar-2.0", "foo-1.1-eus", "foo-1.0"],
        "products/?fields=short&ordering=id": ["foo", "bar"],
        "content-delivery-repos/?fields=id&ordering=-variant_arch,id": [1, 5, 4, 2, 3],
        "content-delivery-repos/?fields=id&ordering=service__id,-id": [3, 5, 2, 1, 4],
        "content-delivery-repos/?fields=id&ordering=service__description,id": [4, 1, 2, 5, 3],
        "content-delivery-repos/?fields=id&ordering=content_category__name,id": [1, 3, 5, 2, 4],
        "released-files/?fields=id&ordering=-repo__variant_arch,id": [1, 5, 4, 2, 3],
        "released-files/?fields=id&ordering=repo__service__id,id": [3, 1, 2, 5, 4],
        "released-files/?fields=id&ordering=-repo__variant_arch__arch__id,id": [1, 3, 5, 4, 2],
    }
    assert {path: await first_values(world, path) for path in expected} == expected


async def test_releases_are_ordered_by_the_names_that_are_shown(world: World) -> None:
    await create_content(world)
    await world.cut("3.0-rc1")  # without a name of its own: site 3.0
    for ordering in ("name", "-name"):
        names = [row["name"] for row in (await get(world, f"releases/?ordering={ordering}"))["results"]]
        assert names == sorted(["Foo 1", "Foo 1.1 EUS", "Bar 2", "site 3.0"], key=str.lower, reverse=ordering[0] == "-")
    rows = [{"release": "site-3.0", "sla": "gold", "date": "2030-01-01"}]
    rows += [{"release": "foo-1.0", "sla": "gold", "date": "2030-01-02"}]
    await create(world, "component-sla-types", {"name": "gold"})
    await create(world, "release-schedules", rows)
    found = (await get(world, "release-schedules/?ordering=release__name"))["results"]
    assert [row["release"] for row in found] == ["foo-1.0", "site-3.0"]


async def test_vocabularies_are_ordered_too(world: World) -> None:
    expected = {
        "content-delivery-services/?ordering=name": ["ftp", "pulp", "rhn"],
        "content-delivery-services/?ordering=-name": ["rhn", "pulp", "ftp"],
        "content-delivery-services/?ordering=description": ["ftp", "pulp", "rhn"],
        "content-delivery-services/?ordering=id": ["rhn", "pulp", "ftp"],
        "content-delivery-repo-families/?ordering=-id": ["htb", "beta", "dist"],
        "content-delivery-content-formats/?ordering=pdc_endpoint,-id": [
            *("dud", "docker", "comps", "kickstart", "iso", "rpm")
        ],
        "content-delivery-content-formats/?ordering=-pdc_endpoint,name&fields=name": [
            *("rpm", "comps", "docker", "dud", "iso", "kickstart")
        ],
        "release-types/?ordering=suffix,short&fields=short": ["ga", "aus", "els", "eus", "fast", "updates"],
        "release-types/?ordering=-name,id": ["updates", "ga", "fast", "eus", "els", "aus"],
    }
    assert {path: await first_values(world, path) for path in expected} == expected
    page = await get(world, "arches/?ordering=-name&page_size=2&page=2")
    assert [item["name"] for item in page["results"]] == ["sparcv9v", "sparcv9"]
    refused = {
        "": "Unknown query key: [''] not in fields: ['id', 'name']",
        "foo,name": "Unknown query key: ['foo'] not in fields: ['id', 'name']",
        "name__x": "Cannot resolve keyword 'x' into field. Join on 'name' not permitted.",
        "foo__x": "Unknown ordering key: foo",
    }
    for ordering, sentence in refused.items():
        assert await send(world, "GET", f"arches/?ordering={ordering}") == (400, {"detail": sentence})


async def test_unknown_names_of_rows_that_a_row_refers_to_are_refused(world: World) -> None:
    for name, part in {
        "variant_arch__foo": "foo",
        "variant_arch__variant__foo": "foo",
        "variant_arch__variant__release__foo__bar": "foo",
        "variant_arch__arch__foo": "foo",
        "service__foo": "foo",
        "variant_arch__": "",
    }.items():
        answer = await send(world, "GET", f"content-delivery-repos/?ordering={name}")
        assert answer == (400, {"detail": f"Unknown ordering key: {part}"}), name
