"""The webhook route is called without middleware, and answers everything itself."""

import asyncio
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from structlog.testing import capture_logs

from bot.bodies import UnprovenBodies
from bot.metrics import Metrics
from bot.queue.intake import Intake
from bot.settings import read_settings
from bot.store.database import fetch
from handlers.receive import PATH, Receiver
from handlers.signatures import SignatureWatch
from sandbox.credentials import key_pair
from server import connections
from server.app import create_app
from tests.handlers.conftest import PING, SECRET, headers_for
from tests.world import Serve

OURS = {"X-Request-ID", "X-Content-Type-Options", "Cache-Control", "Vary"}
"""Headers that the middleware sets."""


class Requests:
    """Requests that the middlewares of an application have seen, and a way to send others."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.address = ("", 0)

    @web.middleware
    async def record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note a request."""
        self.seen.append(f"{request.method} {request.path_qs}")
        return await handler(request)

    async def send(self, *lines: str, body: bytes = PING) -> tuple[bytes, dict[str, str], bytes]:
        """Send a request with these lines over a connection of its own; the status line, the headers and the rest."""
        reader, writer = await asyncio.open_connection(*self.address)
        head = "\r\n".join([*lines, "Host: here", f"Content-Length: {len(body)}", "", ""]).encode()
        writer.write(head + body)
        try:
            async with asyncio.timeout(5):
                first, *others = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = dict(line.split(": ", 1) for line in others if line)
                rest = await reader.read() if headers.get("Connection") == "close" else b""
        finally:
            writer.close()
        return first.encode(), headers, rest


def signed(**more: str) -> list[str]:
    """The lines of the headers of a valid delivery."""
    return [f"{name}: {value}" for name, value in headers_for(PING, **more).items()]


@pytest.fixture
async def requests(database_url: str, aiohttp_server: Serve) -> AsyncIterator[Requests]:
    """The real application, with one more middleware."""
    requests = Requests()
    settings = read_settings(
        database_url=database_url,
        github_api_url="http://127.0.0.1:9",
        github_app_id="1",
        github_private_key=key_pair()[0],
        github_webhook_secret=SECRET,
    )
    app = create_app(settings, worker=False, schedule=False)
    app.middlewares.append(requests.record)
    server = await aiohttp_server(app)
    requests.address = (str(server.host), int(server.port))
    yield requests
    assert getattr(app[connections.DIRECT][PATH], "__func__", None) is Receiver.receive


async def test_no_middleware_runs_for_a_delivery(requests: Requests) -> None:
    status, headers, _ = await requests.send(f"POST {PATH} HTTP/1.1", *signed())
    assert status == b"HTTP/1.1 202 Accepted"
    status, refused, _ = await requests.send(f"POST {PATH} HTTP/1.1", "Content-Type: application/json")
    assert status == b"HTTP/1.1 401 Unauthorized"
    assert not OURS & {*headers, *refused}
    assert requests.seen == []
    assert len(await fetch("SELECT id FROM jobs")) == 1


@pytest.mark.parametrize(
    ("line", "status", "allowed"),
    [
        (f"GET {PATH} HTTP/1.1", 405, "POST"),
        (f"PUT {PATH} HTTP/1.1", 405, "POST"),
        (f"POST {PATH}/more HTTP/1.1", 404, None),
        ("POST /webhooks HTTP/1.1", 404, None),
    ],
)
async def test_other_methods_and_paths_are_answered_by_the_middlewares(
    requests: Requests, line: str, status: int, allowed: str | None
) -> None:
    first, headers, _ = await requests.send(line, *signed())
    assert first.startswith(f"HTTP/1.1 {status} ".encode())
    assert headers.get("Allow") == allowed
    assert requests.seen == [line.removesuffix(" HTTP/1.1")]
    assert await fetch("SELECT id FROM jobs") == []


async def test_a_path_that_is_spelled_differently_is_the_same_route(requests: Requests) -> None:
    for number, path in enumerate((f"{PATH}?from=github", "/webhooks/%67ithub", f"http://here{PATH}")):
        status, _, _ = await requests.send(f"POST {path} HTTP/1.1", *signed(guid=str(number)))
        assert status == b"HTTP/1.1 202 Accepted", path
    assert len(await fetch("SELECT id FROM jobs")) == 3


async def test_a_caller_that_waits_to_be_told_to_continue_is_told_so(requests: Requests) -> None:
    status, _, _ = await requests.send(f"POST {PATH} HTTP/1.1", *signed(), "Expect: 100-continue")
    assert status == b"HTTP/1.1 100 Continue"


async def test_the_response_has_a_date_and_leaves_the_connection_open_unless_told_otherwise(requests: Requests) -> None:
    status, headers, _ = await requests.send(f"POST {PATH} HTTP/1.1", *signed(guid="open"))
    assert headers["Content-Length"] == "0"
    assert parsedate_to_datetime(headers["Date"]).tzinfo is not None
    assert "Connection" not in headers
    for version, line, guid in (("1.1", "Connection: close", "closed"), ("1.0", "X-Old: yes", "old")):
        status, headers, rest = await requests.send(f"POST {PATH} HTTP/{version}", line, *signed(guid=guid))
        assert status == f"HTTP/{version} 202 Accepted".encode()
        assert (headers.get("Connection"), rest) == ("close" if version == "1.1" else None, b"")


async def test_deliveries_that_are_sent_without_waiting_for_responses_are_all_stored(requests: Requests) -> None:
    reader, writer = await asyncio.open_connection(*requests.address)
    for number in range(50):
        lines = [f"POST {PATH} HTTP/1.1", *signed(guid=str(number)), "Host: here", f"Content-Length: {len(PING)}"]
        writer.write("\r\n".join([*lines, "", ""]).encode() + PING)
    async with asyncio.timeout(10):
        for _ in range(50):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 202")
    writer.close()
    assert len(await fetch("SELECT id FROM jobs")) == 50


class FaultyIntake(Intake):
    """An intake with a fault."""

    async def put(self, guid: str, event: str, content_type: str, body: bytes, priority: int) -> bool:
        """Fail."""
        raise ZeroDivisionError


async def test_a_fault_of_the_receiver_is_logged_and_is_not_a_success(aiohttp_server: Serve) -> None:
    metrics = Metrics()
    receiver = Receiver(
        lambda: [SECRET.encode()], FaultyIntake(), UnprovenBodies(), metrics, SignatureWatch(lambda: None)
    )
    app = web.Application()
    direct: dict[str, connections.DirectHandler] = {PATH: receiver.receive}
    app[connections.DIRECT] = direct
    server = await aiohttp_server(app)
    async with aiohttp.ClientSession() as session:
        with capture_logs() as logs:
            async with session.post(server.make_url(PATH), data=PING, headers=headers_for(PING)) as response:
                assert (response.status, list(await response.json())) == (500, ["error"])
    (line,) = [line for line in logs if line["event"] == "fault"]
    assert (line["log_level"], line["method"], line["path"]) == ("error", "POST", PATH)
    assert isinstance(line["exc_info"], ZeroDivisionError)
    assert b'longshore_webhook_deliveries_total{event="unknown",outcome="500"} 1.0' in metrics.exposition()
