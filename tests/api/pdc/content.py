"""Content for tests of the PDC dialect, and requests to it."""

from collections.abc import Sequence
from typing import Any

from tests.world import Response, World

BASE = "/rest_api/v1"
RefusedValues = Sequence[tuple[dict[str, Any], Any]]

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


async def send_request(world: World, method: str, path: str, body: Any = None, **options: Any) -> Response:
    """Send a request below the base of the dialect."""
    return await world.ask(method, f"{BASE}/{path}", body, **{"allow_redirects": False, **options})


async def send(world: World, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
    """Send a request; return the status and body of the response."""
    answer = await send_request(world, method, path, body, **options)
    return answer.status, answer.json


async def get(world: World, path: str) -> Any:
    """Read a path, which has to succeed."""
    status, value = await send(world, "GET", path)
    assert status == 200, (path, value)
    return value


async def create(world: World, resource: str, body: Any) -> Any:
    """Create items, which has to succeed."""
    status, value = await send(world, "POST", f"{resource}/", body)
    assert status == 201, (resource, value)
    return value


async def create_content(world: World) -> None:
    """Create products, releases, variants, repositories, packages and five files."""
    await create(world, "products", [{"name": "Foo", "short": "foo"}, {"name": "Bar", "short": "bar"}])
    await create(world, "product-versions", {"name": "Foo 1", "version": "1", "product": "foo"})
    for resource, items in (
        ("releases", RELEASES),
        ("release-variants", VARIANTS),
        ("content-delivery-repos", REPOS),
        ("rpms", RPMS),
        ("released-files", FILES),
    ):
        await create(world, resource, items)


async def snapshot(world: World) -> dict[str, Any]:
    """All items of the writable resources, and the number of change sets."""
    resources = (
        *("products", "product-versions", "releases", "component-sla-types", "release-schedules"),
        *("release-variants", "content-delivery-repos", "rpms", "released-files"),
    )
    rows = {name: await get(world, f"{name}/?page_size=0") for name in resources}
    changesets = await get(world, "changesets/?page_size=1")
    return {**rows, "changesets": changesets["count"]}


async def check_refused(world: World, resource: str, path: str, new: dict[str, Any], refused: RefusedValues) -> None:
    """Check that values are refused with their errors: in a PATCH of the item at `path`, and in whole items."""
    for index, (values, refusal) in enumerate(refused):
        whole = {**new, **values}
        assert await send(world, "PATCH", path, values) == (400, refusal), values
        if index % 3 == 0:
            assert await send(world, "POST", f"{resource}/", whole) == (400, refusal), values
        elif index % 3 == 1:
            assert await send(world, "PUT", path, whole) == (400, refusal), values
        else:
            expected = {"id_of_invalid_data": 1, "detail": refusal.get("detail", refusal), "invalid_data": whole}
            assert await send(world, "POST", f"{resource}/", [new, whole]) == (400, expected), values
