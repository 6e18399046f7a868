"""What a caller of the webhook route may cost before a signature is proven, and what the unsigned GUID can do."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import web

from bot.bodies import UnprovenBodies
from bot.metrics import Metrics
from bot.queue.intake import Intake
from bot.store.database import Database, fetch
from handlers.receive import MAX_BODY, PATH, Receiver
from handlers.signatures import SignatureWatch
from server import connections
from tests.handlers.conftest import PING, SECRET, WebhookClient, headers_for
from tests.world import PROJECT, Serve, World

LONG = b'{"zen": "' + b"z" * 1_000_000 + b'"}'
Connect = Callable[[], Awaitable["Caller"]]


class Caller:
    """A connection to the route, over which anything can be sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send_head(self, headers: dict[str, str], length: int) -> None:
        lines = [f"POST {PATH} HTTP/1.1", "Host: here", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())

    async def status(self) -> int:
        async with asyncio.timeout(5):
            return int((await self.reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1])


@asynccontextmanager
async def connecting(host: Any, port: Any) -> AsyncIterator[Connect]:
    """A function that opens connections, which are closed at the end."""
    callers: list[Caller] = []

    async def connect() -> Caller:
        callers.append(Caller(*await asyncio.open_connection(host, port)))
        return callers[-1]

    yield connect
    for caller in callers:
        caller.writer.close()
        with suppress(ConnectionError):
            await caller.writer.wait_closed()


@pytest.fixture
async def connect(webhooks: WebhookClient) -> AsyncIterator[Connect]:
    """A function that opens a connection to the application."""
    async with connecting(webhooks.host, webhooks.port) as connect:
        yield connect


def changed(**headers: str | None) -> dict[str, str]:
    """Valid headers, some of them replaced or left out; `_` stands for a hyphen."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return {name: value for name, value in {**headers_for(LONG), **given}.items() if value is not None}


@pytest.mark.parametrize(
    ("headers", "length", "status"),
    [
        pytest.param(changed(X_Hub_Signature_256=None), MAX_BODY, 401, id="no signature"),
        pytest.param(changed(X_Hub_Signature_256="sha256="), MAX_BODY, 401, id="no digest"),
        pytest.param(changed(X_Hub_Signature_256="sha256=" + "a" * 63), MAX_BODY, 401, id="short digest"),
        pytest.param(changed(X_Hub_Signature_256="sha256=" + "a" * 65), MAX_BODY, 401, id="long digest"),
        pytest.param(changed(X_Hub_Signature_256="sha256=" + "g" * 64), MAX_BODY, 401, id="no hexadecimal digest"),
        pytest.param(changed(Content_Type="text/plain"), MAX_BODY, 415, id="text"),
        pytest.param(changed(Content_Encoding="gzip"), MAX_BODY, 415, id="compressed"),
        pytest.param(changed(), MAX_BODY + 1, 413, id="too large"),
    ],
)
async def test_what_the_head_shows_to_be_wrong_is_refused_without_the_body(
    connect: Connect, headers: dict[str, str], length: int, status: int
) -> None:
    caller = await connect()
    caller.send_head(headers, length)
    begun = time.monotonic()
    assert await caller.status() == status
    assert time.monotonic() - begun < 1


async def test_a_long_body_in_small_pieces_is_stored_if_it_is_signed(connect: Connect, webhooks: WebhookClient) -> None:
    for body, status in ((LONG, 202), (LONG[:-2] + b"x}", 401)):
        caller = await connect()
        caller.send_head({**headers_for(LONG, guid=str(status))}, len(body))
        for start in range(0, len(body), 50_000):
            caller.writer.write(body[start : start + 50_000])
            await asyncio.sleep(0.001)
        assert await caller.status() == status
    await webhooks.settle()
    assert [row["state"] for row in await webhooks.stored()] == ["done"]


@pytest.fixture
async def strict(database: Database, aiohttp_server: Serve) -> AsyncIterator[Connect]:
    """A function that opens a connection to the route alone, with limits of 3 MB and one second."""
    async with Intake() as intake:
        app = web.Application()
        receiver = Receiver(
            lambda: [SECRET.encode()], intake, UnprovenBodies(3_000_000, 1.0), Metrics(), SignatureWatch(lambda: None)
        )
        direct: dict[str, connections.DirectHandler] = {PATH: receiver.receive}
        app[connections.DIRECT] = direct
        server = await aiohttp_server(app)

        async with connecting(server.host, server.port) as connect:
            yield connect


async def test_a_body_that_is_not_complete_in_time_is_refused(strict: Connect) -> None:
    for body in (b"", LONG[:-1]):
        caller = await strict()
        caller.send_head(headers_for(LONG), len(LONG))
        caller.writer.write(body)
        assert await caller.status() == 408


async def test_a_caller_that_is_gone_leaves_nothing_behind(strict: Connect) -> None:
    for _ in range(20):
        caller = await strict()
        caller.send_head(headers_for(LONG), len(LONG))
        caller.writer.write(LONG[:-1])
        await caller.writer.drain()
        caller.writer.close()
    caller = await strict()
    caller.send_head(headers_for(LONG), len(LONG))
    caller.writer.write(LONG)
    assert await caller.status() == 202


async def test_unsigned_callers_that_hold_their_bodies_back_do_not_keep_deliveries_out(strict: Connect) -> None:
    held = [await strict() for _ in range(16)]
    for caller in held:
        caller.send_head(headers_for(b"another body"), len(LONG))
        caller.writer.write(LONG[:-1])
    for number in range(3):
        delivery = await strict()
        delivery.send_head(headers_for(LONG, guid=str(number)), len(LONG))
        delivery.writer.write(LONG)
        assert await delivery.status() == 202
    assert {await caller.status() for caller in held} <= {408, 503}
    assert len(await fetch("SELECT id FROM jobs")) == 3


async def test_more_signed_deliveries_than_memory_allows_are_stored_or_told_to_come_again(strict: Connect) -> None:
    async def deliver(number: int) -> tuple[int, bytes]:
        caller = await strict()
        caller.send_head(headers_for(LONG, guid=str(number)), len(LONG))
        caller.writer.write(LONG)
        async with asyncio.timeout(5):
            head = await caller.reader.readuntil(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), head

    answers = await asyncio.gather(*(deliver(number) for number in range(20)))
    assert {status for status, _ in answers} <= {202, 503}
    assert all(b"Retry-After" in head for status, head in answers if status == 503)
    stored = len(await fetch("SELECT id FROM jobs"))
    assert stored == sum(status == 202 for status, _ in answers) >= 1


# --- GUIDs


async def test_a_captured_delivery_cannot_take_the_key_of_another_job(world: World) -> None:
    await world.github.ping()
    await world.settle()
    (captured,) = [sent for sent in world.github.deliveries if sent.event == "ping"]
    for guid in ("dispatch:1", "webhook:dispatch:1", "reconcile", "follow:1"):
        headers = {**captured.headers, "X-GitHub-Delivery": guid}
        assert await world.github.send("ping", captured.body, headers=headers) == 400
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    assert await world.status("1.2-rc1") == "building"
    assert [job["key"] for job in await world.jobs("dispatch")] == ["dispatch:1"]


async def test_a_key_is_never_that_of_another_kind_even_if_github_sends_such_a_guid(database: Database) -> None:
    async with Intake() as intake:
        delivery: dict[str, Any] = {"event": "ping", "content_type": "application/json", "body": PING, "priority": 0}
        assert await intake.put(guid="dispatch:1", **delivery)
    assert await fetch("SELECT kind, key FROM jobs") == [{"kind": "webhook", "key": "webhook:dispatch:1"}]


async def test_a_guid_in_capitals_is_the_same_delivery(webhooks: WebhookClient) -> None:
    headers = headers_for(PING)
    first = await webhooks.post(PING, headers)
    again = await webhooks.post(PING, {**headers, "X-GitHub-Delivery": headers["X-GitHub-Delivery"].upper()})
    assert (first.json, again.json) == (None, {"delivery": "known already"})


async def test_the_project_of_a_replayed_run_is_unharmed(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    for sent in [sent for sent in world.github.deliveries if sent.event == "workflow_run"]:
        assert await world.github.send("workflow_run", sent.body) == 202
    await world.settle()
    assert await world.status("1.2-rc1") == "ready"
    assert (await world.ask("GET", f"/api/projects/{PROJECT}")).status == 200
