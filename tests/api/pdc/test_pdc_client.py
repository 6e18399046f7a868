"""The client library that is in use, unmodified. It waits for its answers, so that it runs beside the loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from tests.api.pdc.goods import BASE, FILES, RPM, got, made, stock
from tests.world import Serve, World

pdc_client = pytest.importorskip("pdc_client", exc_type=ImportError, reason="pdc-client needs libkrb5-dev to install")
BeanBagException = pdc_client.BeanBagException

Use = Callable[[Callable[[Any], Any]], Awaitable[Any]]
Heard = list[tuple[str, str]]


@pytest.fixture(autouse=True)
def straight(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy stands between."""
    monkeypatch.setenv("NO_PROXY", "*")


def using(world: World, server: str = "", **how: Any) -> Use:
    """A client with the admin's token; what is done with it is done in a thread."""

    def whole(act: Callable[[Any], Any]) -> Any:
        client = pdc_client.PDCClient(server or world.url + BASE, **{"token": world.token, **how})
        try:
            return act(client)
        finally:
            client.session.close()

    async def use(act: Callable[[Any], Any]) -> Any:
        return await asyncio.to_thread(whole, act)

    return use


@asynccontextmanager
async def overheard(world: World, serve: Serve, token: str = "") -> AsyncIterator[tuple[str, Heard]]:
    """A gate before our service that hears what is asked, and may know for itself who asks."""
    heard: Heard = []

    async def pass_on(request: web.Request) -> web.Response:
        heard.append((request.method, request.path_qs))
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
    app.router.add_route("*", "/{tail:.*}", pass_on)
    server = await serve(app)
    yield str(server.make_url(BASE)), heard


async def test_with_a_token_nothing_is_asked_at_the_start(world: World, aiohttp_server: Serve) -> None:
    async with overheard(world, aiohttp_server) as (url, heard):
        await using(world, server=url)(lambda client: None)
        assert heard == []
        page = await using(world, server=url)(lambda client: client["released-files"]._())
        assert page == {"count": 0, "next": None, "previous": None, "results": []}
        assert heard == [("GET", f"{BASE}/released-files/")]


async def test_without_a_token_one_is_asked_for_once(world: World, aiohttp_server: Serve) -> None:
    ask = [("GET", f"{BASE}/auth/token/obtain/")]
    async with overheard(world, aiohttp_server) as (url, heard):
        with pytest.raises(BeanBagException) as refused:
            await using(world, server=url, token=None)(lambda client: None)
        assert refused.value.response.status_code == 401
        assert refused.value.response.json() == {"detail": "Authentication credentials were not provided."}
        assert heard == ask
    async with overheard(world, aiohttp_server, world.token) as (url, heard):
        said = await using(world, server=url, token=None)(lambda client: client.session.headers["Authorization"])
        assert (said, heard) == (f"Token {world.token}", ask)
    async with overheard(world, aiohttp_server) as (url, heard):
        page = await using(world, server=url, token=None, develop=True)(lambda client: client.releases._())
        assert (page["count"], heard) == (0, [("GET", f"{BASE}/releases/")])


async def test_lists_are_read_page_by_page_in_each_of_the_librarys_ways(world: World, aiohttp_server: Serve) -> None:
    await stock(world)
    await made(world, "rpms", [{**RPM, "name": f"tool-{number}"} for number in range(40)])
    numbers = list(range(1, 44))
    async with overheard(world, aiohttp_server) as (url, heard):
        use = using(world, server=url)
        assert [each["id"] for each in await use(lambda client: list(client["rpms"].results()))] == numbers
        assert heard[:2] == [("GET", f"{BASE}/rpms?page=1"), ("GET", f"{BASE}/rpms/?page=1")] and len(heard) == 6
    use = using(world)
    assert [each["id"] for each in await use(lambda client: list(client.get_paged(client["rpms"]._)))] == numbers
    some = await use(lambda client: list(client["rpms"]._.results(name=["tool-1", "tool-2"])))
    assert [each["name"] for each in some] == ["tool-1", "tool-2"]
    small = using(world, page_size=7)
    assert [each["id"] for each in await small(lambda client: list(client["rpms"].results()))] == numbers
    assert len((await small(lambda client: client["rpms"]._(page=2)))["results"]) == 7
    whole = using(world, page_size=-1)
    for way in (
        lambda client: client["rpms"]._(),
        lambda client: list(client["rpms"].results()),
        lambda client: client.get_paged(client["rpms"]._),
    ):
        bare = await whole(way)
        assert isinstance(bare, list) and [each["id"] for each in bare] == numbers


async def test_filters_come_as_the_library_sends_them(world: World, aiohttp_server: Serve) -> None:
    await stock(world)

    async def found(**filters: Any) -> list[int]:
        page = await use(lambda client: client["released-files"]._(**filters))
        return [each["id"] for each in page["results"]]

    async with overheard(world, aiohttp_server) as (url, heard):
        use = using(world, server=url)
        assert await found(obsolete=True) == [3, 4]
        assert await found(obsolete=False, zero_day_release=True) == [2]
        assert await found(arch=["aarch64", "s390x"]) == [2, 4]
        assert await found(release_id="foo-1.0", file_primary_key=[1, 2, 3], service=None) == [1, 2, 5]
        assert await found(release_date_after="2018-06-01", ordering="-id") == [5, 4]
        assert [path.partition("?")[2] for _, path in heard[:3]] == [
            *("obsolete=True", "obsolete=False&zero_day_release=True", "arch=aarch64&arch=s390x"),
        ]
    use = using(world)
    active = await use(lambda client: client["releases"]._(active=True, fields=["release_id"]))
    assert active["results"] == [{"release_id": "foo-1.0"}, {"release_id": "foo-1.1-eus"}]
    await made(world, "component-sla-types", {"name": "gold"})
    await made(world, "release-schedules", {"release": "foo-1.0", "sla": "gold", "date": "2001-01-01"})
    running = await use(lambda client: client["release-schedules"]._(active=True))
    over = await use(lambda client: client["release-schedules"]._(active=False, sla=["gold"]))
    assert (running["count"], over["count"]) == (0, 1)


async def test_one_is_made_changed_and_deleted(world: World) -> None:
    await stock(world)
    use = using(world)
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
async def test_many_are_made_changed_and_deleted(world: World, page_size: int | None) -> None:
    await stock(world)
    use = using(world, page_size=page_size)
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
    assert (await got(world, "released-files/"))["count"] == len(FILES)


async def test_a_comment_goes_into_the_change_log(world: World) -> None:
    await stock(world)
    use = using(world)

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


async def test_what_is_refused_is_raised_with_the_answer(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    await stock(world)
    use = using(world)
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
    for act, status, body in refusals:
        with pytest.raises(BeanBagException) as refused:
            await use(act)
        assert (refused.value.response.status_code, refused.value.response.json()) == (status, body)
    with pytest.raises(BeanBagException) as refused:
        await using(world, token="0" * 40)(lambda client: client["released-files"]._())
    assert refused.value.response.json() == {"detail": "Invalid token."}
    assert (await got(world, "released-files/"))["count"] == len(FILES)
    assert "Traceback" not in capfd.readouterr().err


async def test_what_others_kept_in_other_resources_is_reached_by_names_with_underscores(world: World) -> None:
    await stock(world)
    use = using(world)
    repos = await use(lambda client: client.content_delivery_repos._(shadow=True))
    assert [each["name"] for each in repos["results"]] == ["foo-isos"]
    variant = await use(lambda client: client["release-variants"]["foo-1.0"]["Server"]._())
    assert variant["arches"] == ["aarch64", "x86_64"]
    await use(lambda client: client["releases"]["foo-1.0"]._("PATCH", {"active": False}))
    assert (await got(world, "releases/foo-1.0/"))["active"] is False
