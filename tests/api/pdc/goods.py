"""What tests of the content network put on its shelves, and how they ask for it."""

from collections.abc import Sequence
from typing import Any

from tests.world import Response, World

BASE = "/rest_api/v1"
Wrong = Sequence[tuple[dict[str, Any], Any]]

RELEASES: list[dict[str, Any]] = [
    {"short": "foo", "version": "1.0", "release_type": "ga", "name": "Foo 1", "product_version": "foo-1"},
    {"short": "foo", "version": "1.1", "release_type": "eus", "name": "Foo 1.1 EUS"},
    {"short": "bar", "version": "2.0", "release_type": "ga", "name": "Bar 2", "active": False},
]
VARIANT: dict[str, Any] = {"id": "Server", "uid": "Server", "name": "Server", "type": "variant", "arches": ["x86_64"]}
VARIANTS = [
    {**VARIANT, "release": "foo-1.0", "arches": ["x86_64", "aarch64"]},
    {**VARIANT, "release": "foo-1.1-eus", "uid": "Client", "type": "addon"},
    {**VARIANT, "release": "bar-2.0", "arches": ["s390x"]},
]
REPO: dict[str, Any] = {
    "release_id": "foo-1.0",
    "variant_uid": "Server",
    "arch": "x86_64",
    "service": "pulp",
    "repo_family": "dist",
    "content_format": "rpm",
    "content_category": "binary",
    "name": "foo-rpms",
}
REPOS: list[dict[str, Any]] = [
    REPO,
    {**REPO, "arch": "aarch64", "content_category": "debug", "name": "foo-debug"},
    {
        **REPO,
        "release_id": "foo-1.1-eus",
        "variant_uid": "Client",
        "service": "rhn",
        "repo_family": "beta",
        "name": "foo-eus",
    },
    {
        **REPO,
        "release_id": "bar-2.0",
        "arch": "s390x",
        "service": "ftp",
        "repo_family": "htb",
        "content_category": "source",
        "name": "Bar",
        "product_id": 3_000_000_000,
    },
    {**REPO, "content_format": "iso", "name": "foo-isos", "shadow": True},
]
RPM: dict[str, Any] = {
    "name": "bash",
    "epoch": 0,
    "version": "5.2",
    "release": "1",
    "arch": "x86_64",
    "srpm_name": "bash",
    "srpm_nevra": "bash-0:5.2-1.src",
}
RPMS = [
    RPM,
    {**RPM, "arch": "src", "srpm_nevra": None, "epoch": 3_000_000_000},
    {**RPM, "name": "zlib-devel", "srpm_name": "zlib", "srpm_nevra": "zlib-0:5.2-1.src"},
]
FILES: list[dict[str, Any]] = [
    {"file_primary_key": 1, "repo": {"id": 1}, "release_date": "2017-01-01"},
    {
        "file_primary_key": 1,
        "repo": {"id": 2},
        "release_date": "2017-01-02",
        "released_date": "2017-02-01",
        "zero_day_release": True,
    },
    {
        "file_primary_key": 1,
        "repo": {"id": 3},
        "release_date": "2017-01-02",
        "released_date": "2017-02-02",
        "obsolete": True,
    },
    {
        "file_primary_key": 2,
        "repo": {"id": 4},
        "release_date": "2018-06-01",
        "released_date": "2016-06-01",
        "obsolete": True,
        "zero_day_release": True,
    },
    {"file_primary_key": 3, "repo": {"id": 1}, "release_date": "2019-01-01"},
]


async def call(world: World, method: str, path: str, body: Any = None, **more: Any) -> Response:
    """One request below the base of the dialects."""
    return await world.ask(method, f"{BASE}/{path}", body, **{"allow_redirects": False, **more})


async def said(world: World, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
    """Status and body of the answer to one request."""
    answer = await call(world, method, path, body, **more)
    return answer.status, answer.json


async def got(world: World, path: str) -> Any:
    """What is read, which has to be there."""
    status, value = await said(world, "GET", path)
    assert status == 200, (path, value)
    return value


async def made(world: World, resource: str, body: Any) -> Any:
    """What is made, which has to be accepted."""
    status, value = await said(world, "POST", f"{resource}/", body)
    assert status == 201, (resource, value)
    return value


async def stock(world: World) -> None:
    """Products, releases, variants, repositories, packages and five files."""
    await made(world, "products", [{"name": "Foo", "short": "foo"}, {"name": "Bar", "short": "bar"}])
    await made(world, "product-versions", {"name": "Foo 1", "version": "1", "product": "foo"})
    for resource, items in (
        ("releases", RELEASES),
        ("release-variants", VARIANTS),
        ("content-delivery-repos", REPOS),
        ("rpms", RPMS),
        ("released-files", FILES),
    ):
        await made(world, resource, items)


async def everything(world: World) -> dict[str, Any]:
    """All rows of the writable resources, and how many change sets there are."""
    resources = (
        *("products", "product-versions", "releases", "component-sla-types", "release-schedules"),
        *("release-variants", "content-delivery-repos", "rpms", "released-files"),
    )
    rows = {name: await got(world, f"{name}/?page_size=0") for name in resources}
    changesets = await got(world, "changesets/?page_size=1")
    return {**rows, "changesets": changesets["count"]}


async def refuses(world: World, resource: str, path: str, new: dict[str, Any], wrong: Wrong) -> None:
    """Every wrong value is refused in its words: in a change of the item at `path`, and one way or another whole."""
    for index, (values, refusal) in enumerate(wrong):
        whole = {**new, **values}
        assert await said(world, "PATCH", path, values) == (400, refusal), values
        if index % 3 == 0:
            assert await said(world, "POST", f"{resource}/", whole) == (400, refusal), values
        elif index % 3 == 1:
            assert await said(world, "PUT", path, whole) == (400, refusal), values
        else:
            told = {"id_of_invalid_data": 1, "detail": refusal.get("detail", refusal), "invalid_data": whole}
            assert await said(world, "POST", f"{resource}/", [new, whole]) == (400, told), values
