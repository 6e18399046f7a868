"""Our service alone, with no GitHub behind it: enough for whoever knocks at the webhook's door."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest

from bot.queue.dead_letters import DeadLetter, dead_letters
from bot.settings import read_settings
from bot.store.database import fetch
from handlers.receive import PATH
from sandbox.credentials import key_pair
from server.app import SERVICE, create_app
from server.service import Service
from tests.world import Answer, Serve

SECRET = "a webhook's secret"
PING = b'{"zen": "Keep it logically awesome."}'


def signature(body: bytes, secret: str = SECRET) -> str:
    """What GitHub would put into X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers_for(body: bytes, guid: str = "guid-1", event: str = "ping", **more: str) -> dict[str, str]:
    """The headers of a delivery as GitHub sends them."""
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": signature(body),
        **more,
    }


@dataclass
class Door:
    """The running service and what one can do at its door."""

    service: Service
    host: str
    port: int
    session: aiohttp.ClientSession

    async def knock(self, body: Any = PING, headers: dict[str, str] | None = None, **more: str) -> Answer:
        """Post a body, with the right headers unless others are given."""
        given = headers_for(body, **more) if headers is None else headers
        skipped = [] if "Content-Type" in given else ["Content-Type"]
        url = f"http://{self.host}:{self.port}{PATH}"
        async with self.session.post(url, data=body, headers=given, skip_auto_headers=skipped) as answer:
            return Answer(answer.status, orjson.loads(await answer.read() or b"null"), answer.headers)

    async def settle(self) -> None:
        """Wait until all that was taken in is worked off."""
        await self.service.worker.settle()

    async def stored(self) -> list[dict[str, Any]]:
        """The deliveries that were stored, oldest first."""
        return await fetch("SELECT key, state, priority, attempts FROM jobs WHERE kind = 'webhook' ORDER BY id")

    async def given_up(self) -> list[DeadLetter]:
        """The deliveries that can never be worked off."""
        return await dead_letters()


@pytest.fixture
async def door(database_url: str, aiohttp_server: Serve) -> AsyncIterator[Door]:
    """The real application over a database; GitHub is a port where nobody listens."""
    settings = read_settings(
        database_url=database_url,
        github_api_url="http://127.0.0.1:9",
        github_app_id="1",
        github_private_key=key_pair()[0],
        github_webhook_secret=SECRET,
    )
    app = create_app(settings, schedule=False)
    server = await aiohttp_server(app)
    async with aiohttp.ClientSession() as session:
        yield Door(app[SERVICE], str(server.host), int(server.port), session)
