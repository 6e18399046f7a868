"""The client library that is in use, unmodified. It blocks, so that it runs in a thread."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from tests.api.pdc.content import BASE, FILES, RPM, create, create_content, get
from tests.world import Serve, World

pdc_client = pytest.importorskip("pdc_client", exc_type=ImportError, reason="pdc-client needs libkrb5-dev to install")
BeanBagException = pdc_client.BeanBagException

UseClient = Callable[[Callable[[Any], Any]], Awaitable[Any]]
Requests = list[tuple[str, str]]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connect to the service without a proxy."""
    monkeypatch.setenv("NO_PROXY", "*")


def client_of(world: World, server: str = "", **options: Any) -> UseClient:
    """Run functions of a client with the admin's token in a thread."""

    def run(action: Callable[[Any], Any]) -> Any:
        client = pdc_client.PDCClient(server or world.url + BASE, **{"token": world.token, **options})
        try:
            return action(client)
        finally:
            client.session.close()

    async def use(action: Callable[[Any], Any]) -> Any:
        return await asyncio.to_thread(run, action)

    return use


@asynccontextmanager
async def recording_proxy(world: World, serve: Serve, token: str = "") -> AsyncIterator[tuple[str, Requests]]:
    """A proxy before our service that records requests and, with a token, authenticates them."""
    requests: Requests = []

    async def forward(request: web.Request) -> web.Response:
        requests.append((request.method, request.path_qs))
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        if token:
            headers["Authorization"] = f"Token {token}"
        url, body = world.url + request.path_qs, await request.read()
        async with world.session.request(
            request.method, url, headers=headers, data=body, allow_redirects=False
        ) as answer:
            kept = {name: answer.headers[name] for name in ("Content-Type", "Location") if name in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", forward)
    server = await serve(app)
    yield str(server.make_url(BASE)), requests


async def test_with_a_token_the_client_starts_without_a_request(world: World, aiohttp_server: Serve) -> None:
    async with recording_proxy(world, aiohttp_server) as (url, requests):
        await client_of(world, server=url)(lambda client: None)
        assert requests == []
        page = await client_of(world, server=url)(lambda client: client["released-files"]._())
        assert page == {"count": 0, "next": None, "previous": None, "results": []}
        assert requests == [("GET", f"{BASE}/released-files/")]


async def test_without_a_token_the_client_requests_one_once(world: World, aiohttp_server: Serve) -> None:
    ask = [("GET", f"{BASE}/auth/token/obtain/")]
    async with recording_proxy(world, aiohttp_server) as (url, requests):
        with pytest.raises(BeanBagException) as refused:
            await client_of(world, server=url, token=None)(lambda client: None)
        assert refused.value.response.status_code == 401
        assert refused.value.response.json() == {"detail": "Authentication credentials were not provided."}
        assert requests == ask
    async with recording_proxy(world, aiohttp_server, world.token) as (url, requests):
        header = await client_of(world, server=url, token=None)(lambda client: client.session.headers["Authorization"])
        assert (header, requests) == (f"Token {world.token}", ask)
    async with recording_proxy(world, aiohttp_server) as (url, requests):
        page = await client_of(world, server=url, token=None, develop=True)(lambda client: client.releases._())
        assert (page["count"], requests) == (0, [("GET", f"{BASE}/releases/")])


async def test_lists_are_read_page_by_page_by_every_method_of_the_library(world: World, aiohttp_server: Serve) -> None:
    await create_content(world)
    await create(world, "rpms", [{**RPM, "name": f"tool-{number}"} for number in range(40)])
    numbers = list(range(1, 44))
    async with recording_proxy(world, aiohttp_server) as (url, requests):
        use = client_of(world, server=url)
        assert [each["id"] for each in await use(lambda client: list(client["rpms"].results()))] == numbers
        assert requests[:2] == [("GET", f"{BASE}/rpms?page=1"), ("GET", f"{BASE}/rpms/?page=1")] and len(requests) == 6
    use = client_of(world)
    assert [each["id"] for each in await use(lambda client: list(client.get_paged(client["rpms"]._)))] == numbers
    some = await use(lambda client: list(client["rpms"]._.results(name=["tool-1", "tool-2"])))
    assert [each["name"] for each in some] == ["tool-1", "tool-2"]
    small = client_of(world, page_size=7)
    assert [each["id"] for each in await small(lambda client: list(client["rpms"].results()))] == numbers
    assert len((await small(lambda client: client["rpms"]._(page=2)))["results"]) == 7
    whole = client_of(world, page_size=-1)
    for read in (
        lambda client: client["rpms"]._(),
        lambda client: list(client["rpms"].results()),
        lambda client: client.get_paged(client["rpms"]._),
    ):
        bare = await whole(read)
        assert isinstance(bare, list) and [each["id"] for each in bare] == numbers


async def test_filters_work_as_the_library_sends_them(world: World, aiohttp_server: Serve) -> None:
    await create_content(world)

    async def found(**filters: Any) -> list[int]:
        page = await use(lambda client: client["released-files"]._(**filters))
        return [each["id"] for each in page["results"]]

    async with recording_proxy(world, aiohttp_server) as (url, requests):
        use = client_of(world, server=url)
        assert await found(obsolete=True) == [3, 4]
        assert await found(obsolete=False, zero_day_release=True) == [2]
        assert await found(arch=["aarch64", "s390x"]) == [2, 4]
        assert await found(release_id="foo-1.0", file_primary_key=[1, 2, 3], service=None) == [1, 2, 5]
        assert await found(release_date_after="2018-06-01", ordering="-id") == [5, 4]
        assert [path.partition("?")[2] for _, path in requests[:3]] == [
            *("obsolete=True", "obsolete=False&zero_day_release=True", "arch=aarch64&arch=s390x"),
        ]
    use = client_of(world)
    active = await use(lambda client: client["releases"]._(active=True, fields=["release_id"]))
    assert active["results"] == [{"release_id": "foo-1.0"}, {"release_id": "foo-1.1-eus"}]
    await create(world, "component-sla-types", {"name": "gold"})
    await create(world, "release-schedules", {"release": "foo-1.0", "sla": "gold", "date": "2001-01-01"})
    running = await use(lambda client: client["release-schedules"]._(active=True))
    over = await use(lambda client: client["release-schedules"]._(active=False, sla=["gold"]))
    assert (running["count"], over["count"]) == (0, 1)


async def test_an_item_is_created_changed_and_deleted(world: World) -> None:
    await create_content(world)
    use = client_of(world)
    new = {"file_primary_key": 2, "repo": {"id": 1}, "release_date": "2020-02-02", "obsolete": True}

    def work(client: Any) -> list[Any]:
        files = client["released-files"]
        number = files._(new)["id"]
        seen = [files[number]._()["obsolete"]]
        files[number]._ += {"zero_day_release": True}
        seen.append(files[number]._()["zero_day_release"])
        files[number]._ = {**new, "obsolete": False}
        seen += [files[number]._()["zero_day_release"], files[number]._()["obsolete"]]
        seen.append(files[number]._("PATCH", {"released_date": "2020-02-03"})["released_date"])
        seen.append(files[number]._("PUT", new)["released_date"])
        del files[number]._
        seen.append(files._()["count"])
        del files[1]._
        seen.append(files._("DELETE", [2]))
        return [*seen, files._()["count"]]

    assert await use(work) == [True, True, False, False, "2020-02-03", None, 5, None, 3]


@pytest.mark.parametrize("page_size", [None, -1])
async def test_items_are_created_changed_and_deleted_in_bulk(world: World, page_size: int | None) -> None:
    await create_content(world)
    use = client_of(world, page_size=page_size)
    new = [{"file_primary_key": 2, "repo": {"id": repo}, "release_date": "2020-02-02"} for repo in (1, 2)]

    def work(client: Any) -> None:
        files = client["released-files"]
        one, two = (each["id"] for each in files._(new))
        patched = files._("PATCH", {str(one): {"obsolete": True}, str(two): {"zero_day_release": True}})
        assert [patched[str(one)]["obsolete"], patched[str(two)]["zero_day_release"]] == [True, True]
        put = files._("PUT", {str(one): new[0]})
        assert list(put) == [str(one)] and put[str(one)]["obsolete"] is False
        assert files._("DELETE", [one, two]) is None

    await use(work)
    assert (await get(world, "released-files/"))["count"] == len(FILES)


async def test_a_comment_is_stored_in_the_change_log(world: World) -> None:
    await create_content(world)
    use = client_of(world)

    def work(client: Any) -> Any:
        client.set_comment("Because of bug 1234.")
        client["released-files"][1]._ += {"obsolete": True}
        client["released-files"]._("PATCH", {"2": {"obsolete": True}, "3": {"obsolete": False}})
        return client["changesets"]._(page_size=2)["results"]

    newest, before = await use(work)
    assert [each["comment"] for each in (newest, before)] == ["Because of bug 1234."] * 2
    assert [each["resource_id"] for each in newest["changes"]] == ["2", "3"] and newest["author"] == "root"
    [change] = before["changes"]
    assert (change["resource"], change["resource_id"]) == ("released-files", "1")
    assert (change["old_value"]["obsolete"], change["new_value"]["obsolete"]) == (False, True)


async def test_refusals_are_raised_with_the_response(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    await create_content(world)
    use = client_of(world)
    refusals: list[tuple[Callable[[Any], Any], int, Any]] = [
        (
            lambda client: client["released-files"]._(FILES[0]),
            400,
            {"detail": ["The fields file_primary_key, repo must make a unique set."]},
        ),
        (lambda client: client["released-files"][99]._(), 404, {"detail": "Not found."}),
        (lambda client: client["released-files"]._(foo=1), 400, {"detail": "Unknown query params: foo."}),
        (
            lambda client: client["released-files"]._("DELETE", [1, 99]),
            404,
            {"id_of_invalid_data": 99, "detail": "Not found."},
        ),
        (
            lambda client: client["releases"]["foo-1.0"]._("DELETE", None),
            405,
            {"detail": 'Method "DELETE" not allowed.'},
        ),
        (
            lambda client: client["released-files"][1]._("PATCH", {}),
            400,
            {"detail": "Partial update with no changes does not make much sense."},
        ),
    ]
    for action, status, body in refusals:
        with pytest.raises(BeanBagException) as refused:
            await use(action)
        assert (refused.value.response.status_code, refused.value.response.json()) == (status, body)
    with pytest.raises(BeanBagException) as refused:
        await client_of(world, token="0" * 40)(lambda client: client["released-files"]._())
    assert refused.value.response.json() == {"detail": "Invalid token."}
    assert (await get(world, "released-files/"))["count"] == len(FILES)
    assert "Traceback" not in capfd.readouterr().err


async def test_resources_are_reached_by_names_with_underscores(world: World) -> None:
    await create_content(world)
    use = client_of(world)
    repos = await use(lambda client: client.content_delivery_repos._(shadow=True))
    assert [each["name"] for each in repos["results"]] == ["foo-isos"]
    variant = await use(lambda client: client["release-variants"]["foo-1.0"]["Server"]._())
    assert variant["arches"] == ["aarch64", "x86_64"]
    await use(lambda client: client["releases"]["foo-1.0"]._("PATCH", {"active": False}))
    assert (await get(world, "releases/foo-1.0/"))["active"] is False


async def test_every_resource_that_the_root_lists_is_listed_by_the_library(world: World) -> None:
    await create_content(world)
    use = client_of(world)
    root = await use(lambda client: client._())
    resources = [name for name in root if not name.startswith("auth/")]
    assert len(resources) == len(root) - 2 == 17

    def list_all(client: Any) -> dict[str, list[Any]]:
        return {name: list(client[name].results(ordering="-id")) for name in resources}

    found = await use(list_all)
    counts = {name: (await get(world, f"{name}/?page_size=1"))["count"] for name in resources}
    assert {name: len(items) for name, items in found.items()} == counts
    assert (await use(lambda client: client["auth/token"].obtain._()))["token"] == world.token
    assert (await use(lambda client: client["auth/current-user"]._()))["username"] == "root"
