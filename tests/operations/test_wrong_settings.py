"""A wrong App id, key, API address or proxy is told in words wherever GitHub is needed, not as a missing repository."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from structlog.testing import capture_logs

from bot.errors import Unavailable
from bot.github.app import AppKeys
from bot.github.app import GitHub as GitHubClient
from bot.github.wrong_settings import ADDRESS
from bot.operations import jobs as job_types
from bot.operations import users
from bot.queue.jobs import enqueue
from bot.rules.ids import InstallationId
from sandbox import GitHub
from sandbox.credentials import key_pair
from server.app import SERVICE, create_app
from server.app_watch import AppWatch
from tests.cli.conftest import replaced_environment
from tests.world import Serve, World, settings_for

PROJECT = {"name": "shop", "repo": "acme/site"}
NO_SUCH_APP = "GitHub knows no App with our id: Integration not found"
WRONG_KEY = "GitHub refuses our App id or key: A JSON web token could not be decoded"


def other_key() -> str:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@asynccontextmanager
async def started(source: Path, database_url: str, serve: Serve, **settings: Any) -> AsyncIterator[World]:
    """A service with these settings, without projects; GitHub is a sandbox unless the settings name another."""
    github = await GitHub.create(source)
    try:
        api = await serve(github.app)
        app = create_app(settings_for(github, str(api.make_url("/")), database_url, **settings), schedule=False)
        server = await serve(app)
        async with aiohttp.ClientSession() as session:
            world = World(github, app[SERVICE], str(server.make_url("/")).rstrip("/"), session)
            _, world.token = await users.create_token(await world.context(), "root", grants=["admin"])
            yield world
    finally:
        await github.close()


async def answering(serve: Serve, **response: Any) -> str:
    """The URL of a server that always gives the same response."""

    async def respond(request: web.Request) -> web.Response:
        return web.Response(**response)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", respond)
    return str((await serve(app)).make_url("/"))


async def check(world: World) -> dict[str, Any]:
    """Ask GitHub about the App as at the start; returns what /readyz says, which is always 200."""
    await AppWatch(world.service.github).check()
    response = await world.ask("GET", "/readyz", token="")
    assert (response.status, response.json["status"], response.json["problems"]) == (200, "ok", {})
    return dict(response.json.get("warnings", {}))


async def assert_told_everywhere(world: World, sentence: str) -> None:
    """A caller gets 503 with the sentence, and a job waits with it as its reason."""
    response = await world.ask("POST", "/api/projects", PROJECT)
    assert (response.status, response.json["detail"].startswith(sentence)) == (503, True), response.json
    assert int(response.headers["Retry-After"]) > 0
    await enqueue(job_types.SweepDeliveries())
    await world.service.worker.settle()
    (row,) = await world.jobs("sweep_deliveries")
    assert (row["state"], row["attempts"]) == ("queued", 0)
    assert row["error"].startswith(sentence), row["error"]


# --- the App's id and key


async def test_a_wrong_app_id_is_told_in_githubs_words_everywhere(
    source: Path, database_url: str, aiohttp_server: Serve
) -> None:
    async with started(source, database_url, aiohttp_server, github_app_id="4711") as world:
        with capture_logs() as logs:
            warnings = await check(world)
        assert warnings["github"].startswith(NO_SUCH_APP) and "LONGSHORE_GITHUB_APP_ID" in warnings["github"]
        assert [(line["event"], line["log_level"], line["problem"]) for line in logs if "problem" in line] == [
            ("app not confirmed", "error", NO_SUCH_APP)
        ]
        await assert_told_everywhere(world, NO_SUCH_APP)


async def test_the_key_of_another_app_is_told_everywhere(
    source: Path, database_url: str, aiohttp_server: Serve
) -> None:
    async with started(source, database_url, aiohttp_server, github_private_key=other_key()) as world:
        assert (await check(world))["github"].startswith(WRONG_KEY)
        await assert_told_everywhere(world, WRONG_KEY)


async def test_a_clock_that_githubs_time_cannot_correct_is_no_wrong_key(
    source: Path, database_url: str, aiohttp_server: Serve
) -> None:
    late = "'Expiration time' claim ('exp') is too far in the future"
    body = f'{{"message": "{late}"}}'
    url = await answering(aiohttp_server, text=body, content_type="application/json", status=401)
    async with started(source, database_url, aiohttp_server, github_api_url=url) as world:
        warning = (await check(world))["github"]
        assert warning == f"GitHub refuses the times of our requests: {late} (the clock of this machine must be right)"


async def test_a_warning_ends_when_github_accepts_the_app_again(world: World) -> None:
    body = '{"message": "A JSON web token could not be decoded"}'
    world.github.faults.fail(path="*/installation", status=401, body=body)
    assert (await world.ask("POST", "/api/projects", PROJECT)).json["detail"] == WRONG_KEY
    assert (await world.ask("GET", "/readyz")).json["warnings"]["github"].startswith(WRONG_KEY)
    assert (await world.ask("POST", "/api/projects", PROJECT)).status == 201
    assert "warnings" not in (await world.ask("GET", "/readyz")).json


async def test_the_client_id_of_the_app_is_as_good_as_its_id(
    source: Path, database_url: str, aiohttp_server: Serve
) -> None:
    async with started(source, database_url, aiohttp_server, github_app_id="Iv23liSandbox0Longsh") as world:
        with capture_logs() as logs:
            assert await check(world) == {}
        assert ("app confirmed", world.github.app_slug) in [(line["event"], line.get("slug")) for line in logs]


async def test_an_app_that_is_deleted_later_is_no_missing_repository(world: World) -> None:
    await world.cut("1.0-rc1")
    app_id, world.github.state.app_id, world.github.state.client_id = world.github.state.app_id, 1, "Iv1"
    world.service.github.forget(InstallationId(world.github.installation_id))
    for response in (await world.cut("1.0-rc2"), await world.ask("POST", "/api/projects", PROJECT)):
        assert response.status == 503 and NO_SUCH_APP in str(response.json)
    details = {"reason": NO_SUCH_APP, "remedy": "LONGSHORE_GITHUB_APP_ID must be the id or client id of the App"}
    answer = await world.cut("1.0-rc2")
    assert (answer.error, answer.json["details"]) == ("GitHub is unavailable", details)
    await world.deploy("1.0-rc1")
    number = await world.github.pull_request()
    await world.github.comment(number, "/release status")
    await world.settle()
    assert NO_SUCH_APP in (await world.ask("GET", "/readyz")).json["warnings"]["github"]
    assert await world.statuses() == [("1.0-rc1", "pending")]
    assert await world.attempts("dispatch") == await world.attempts("command") == [0]
    assert all(NO_SUCH_APP in row["error"] for row in await world.jobs("command"))
    world.github.state.app_id = app_id
    assert await check(world) == {}
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 1
    assert len(world.replies(number)) == 1


async def test_an_answer_about_another_app_is_reported(source: Path, database_url: str, aiohttp_server: Serve) -> None:
    url = await answering(
        aiohttp_server, text='{"id": 7, "client_id": "Iv1", "slug": "other"}', content_type="application/json"
    )
    async with started(source, database_url, aiohttp_server, github_api_url=url) as world:
        assert (await check(world))["github"].startswith("GitHub takes us for another App: other")


async def test_the_start_waits_neither_for_github_nor_fails_without_it(
    source: Path, database_url: str, aiohttp_server: Serve
) -> None:
    async with started(source, database_url, aiohttp_server) as world:
        world.github.faults.down()
        watch = AppWatch(world.service.github)
        with capture_logs() as logs:
            assert [await watch.check(), await watch.check()] == [False, False]
        assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["app not confirmed"]
        assert "warnings" not in (await world.ask("GET", "/readyz")).json
        world.github.faults.up()
        assert await watch.check()


# --- the address of the API

HTML = "<!doctype html><title>GitHub Enterprise</title>"
NOT_THE_API: dict[str, dict[str, Any]] = {
    "a page": {"text": HTML, "content_type": "text/html"},
    "a page that is not found": {"text": HTML, "content_type": "text/html", "status": 404},
    "a page that is forbidden": {"text": HTML, "content_type": "text/html", "status": 403},
    "a page that wants credentials": {"text": HTML, "content_type": "text/html", "status": 401},
    "a page that is not acceptable": {"text": HTML, "content_type": "text/html", "status": 406},
    "a redirect to a login": {"status": 302, "headers": {"Location": "/login?return_to=%2Fapp"}},
    "a redirect to another host": {"status": 302, "headers": {"Location": "https://sso.example.com/"}},
    "a redirect to https": {"status": 301, "headers": {"Location": "https://127.0.0.1/app"}},
}


@pytest.mark.parametrize("response", NOT_THE_API.values(), ids=list(NOT_THE_API))
async def test_an_address_that_is_not_the_apis_is_told_everywhere_with_what_to_add(
    source: Path, database_url: str, aiohttp_server: Serve, response: dict[str, Any]
) -> None:
    url = await answering(aiohttp_server, **response)
    async with started(source, database_url, aiohttp_server, github_api_url=url) as world:
        assert (await check(world))["github"].startswith(ADDRESS)
        assert "https://HOST/api/v3" in ADDRESS and "LONGSHORE_GITHUB_API_URL" in ADDRESS
        await assert_told_everywhere(world, ADDRESS)


OTHER_APIS: dict[str, dict[str, Any]] = {
    "JSON that is not found": {"text": '{"message": "Not Found"}', "status": 404},
    "JSON of another service": {"text": '{"error": "404 Not Found"}', "status": 404},
    "JSON that is no App": {"text": '{"data": []}'},
    "JSON that is a list": {"text": "[]"},
}


@pytest.mark.parametrize("response", OTHER_APIS.values(), ids=list(OTHER_APIS))
async def test_the_api_of_another_service_is_recognized_at_the_start(
    source: Path, database_url: str, aiohttp_server: Serve, response: dict[str, Any]
) -> None:
    url = await answering(aiohttp_server, content_type="application/json", **response)
    async with started(source, database_url, aiohttp_server, github_api_url=url) as world:
        assert (await check(world))["github"].startswith(ADDRESS)


async def test_a_page_of_an_outage_is_no_wrong_address(source: Path, database_url: str, aiohttp_server: Serve) -> None:
    url = await answering(aiohttp_server, text=HTML, content_type="text/html", status=503)
    async with started(source, database_url, aiohttp_server, github_api_url=url) as world:
        assert await check(world) == {}
        response = await world.ask("POST", "/api/projects", PROJECT)
        assert (response.status, response.json["detail"]) == (503, "GitHub is unavailable")


# --- proxies


class Proxy:
    """A proxy that answers requests for `http://github.test` from the sandbox, and refuses tunnels."""

    def __init__(self, api: str) -> None:
        self.api, self.heads, self.status = api, list[dict[str, str]](), 0

    async def respond(self, request: web.Request) -> web.StreamResponse:
        self.heads.append({"": f"{request.method} {request.raw_path}", **request.headers})
        if self.status or request.method == "CONNECT":
            return web.Response(status=self.status or 502)
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method,
                self.api + request.path_qs,
                data=await request.read(),
                headers={name: value for name, value in request.headers.items() if name != "Host"},
            ) as response,
        ):
            kept = {name: value for name, value in response.headers.items() if name.startswith(("Content-Type", "X-"))}
            return web.Response(body=await response.read(), status=response.status, headers=kept)


@pytest.fixture
async def proxied(source: Path, database_url: str, aiohttp_server: Serve) -> AsyncIterator[tuple[World, Proxy]]:
    """A service that reaches GitHub, at an address that does not exist, through a proxy with a password."""
    github = await GitHub.create(source)
    proxy = Proxy(str((await aiohttp_server(github.app)).make_url("/")).rstrip("/"))
    server: Any = await aiohttp_server(_raw(proxy))
    settings = settings_for(
        github,
        "http://github.test",
        database_url,
        github_proxy=f"http://me:p%40ss@127.0.0.1:{server.port}",
    )
    app = create_app(settings, schedule=False)
    ours = await aiohttp_server(app)
    async with aiohttp.ClientSession() as session:
        world = World(github, app[SERVICE], str(ours.make_url("/")).rstrip("/"), session)
        _, world.token = await users.create_token(await world.context(), "root", grants=["admin"])
        yield world, proxy
    await github.close()


def _raw(proxy: Proxy) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", proxy.respond)
    return app


async def test_requests_to_github_go_through_the_proxy(proxied: tuple[World, Proxy]) -> None:
    world, proxy = proxied
    assert await check(world) == {}
    assert (await world.ask("POST", "/api/projects", PROJECT)).status == 201
    login = "Basic " + base64.b64encode(b"me:p@ss").decode()
    assert {head["Proxy-Authorization"] for head in proxy.heads} == {login}
    assert {head["Host"] for head in proxy.heads} == {"github.test"}
    assert len(proxy.heads) == len(world.github.calls) > 2


async def test_requests_over_tls_go_through_a_tunnel_that_alone_shows_the_password() -> None:
    heads: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server, aiohttp.ClientSession() as session:
        proxy = f"http://me:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}"
        keys = AppKeys("1", key_pair()[0], "https://github.test", proxy)
        with pytest.raises(Unavailable) as raised:
            await GitHubClient(keys, session, lambda *_: None, lambda _: None).identify()
    assert raised.value.details["reason"] == "no connection: the proxy answered 502"
    assert all(head.startswith(b"CONNECT github.test:443 ") and b"Proxy-Authorization: " in head for head in heads)
    assert "secret" not in repr(keys) + repr(raised.value) + repr(raised.value.__cause__)


@pytest.mark.parametrize(("exceptions", "reached"), [("127.0.0.1", True), ("localhost,127.0.0.0/8", True), ("", False)])
async def test_what_no_proxy_lists_is_reached_directly(
    source: Path, database_url: str, aiohttp_server: Serve, exceptions: str, reached: bool
) -> None:
    with replaced_environment({"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": exceptions}):
        async with started(source, database_url, aiohttp_server, github_proxy="") as world:
            response = await world.ask("POST", "/api/projects", PROJECT)
    assert response.status == (201 if reached else 503)
    assert reached or response.json["reason"] == "no connection to the proxy"


async def test_a_proxy_that_refuses_the_password_is_told_and_the_password_is_not(
    proxied: tuple[World, Proxy],
) -> None:
    world, proxy = proxied
    proxy.status = 407
    with capture_logs() as logs:
        warnings = await check(world)
        response = await world.ask("POST", "/api/projects", PROJECT)
    assert warnings["github"].startswith("The proxy before GitHub wants a user name and a password")
    assert response.status == 503 and "The proxy before GitHub" in response.json["detail"]
    assert "p@ss" not in str(logs) and "p%40ss" not in str(logs)


@pytest.mark.parametrize(
    ("host", "reason"),
    [("http://127.0.0.1:9", ""), ("http://nowhere.invalid/api/v3", ": a name cannot be resolved")],
)
async def test_no_connection_to_github_names_the_address(host: str, reason: str) -> None:
    async with aiohttp.ClientSession() as session:
        keys = AppKeys("1", key_pair()[0], host)
        with pytest.raises(Unavailable) as raised:
            await GitHubClient(keys, session, lambda *_: None, lambda _: None).identify()
    assert raised.value.details["reason"] == f"no connection to {host}{reason}"
