"""The service without GitHub, to post webhook deliveries to."""

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
from sandbox.deliveries import delivery_guid
from server.app import SERVICE, create_app
from server.service import Service
from tests.world import Response, Serve

SECRET = "a webhook's secret"
PING = b'{"zen": "Keep it logically awesome."}'


def signature(body: bytes, secret: str = SECRET) -> str:
    """The value of X-Hub-Signature-256 for a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers_for(body: bytes, guid: str = "guid-1", event: str = "ping", **more: str) -> dict[str, str]:
    """The headers that GitHub sends with a delivery; `guid` is a GUID or a name for one."""
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery_guid(guid),
        "X-Hub-Signature-256": signature(body),
        **more,
    }


@dataclass
class WebhookClient:
    """The running service, and a client of its webhook route."""

    service: Service
    host: str
    port: int
    session: aiohttp.ClientSession

    async def post(self, body: Any = PING, headers: dict[str, str] | None = None, **more: str) -> Response:
        """Post a body, by default with valid headers."""
        if headers is None:
            headers = headers_for(body, **more)
        skipped = [] if "Content-Type" in headers else ["Content-Type"]
        url = f"http://{self.host}:{self.port}{PATH}"
        async with self.session.post(url, data=body, headers=headers, skip_auto_headers=skipped) as response:
            return Response(response.status, orjson.loads(await response.read() or b"null"), response.headers)

    async def settle(self) -> None:
        """Wait until every stored delivery is processed."""
        await self.service.worker.settle()

    async def stored(self) -> list[dict[str, Any]]:
        """The stored deliveries, oldest first."""
        return await fetch("SELECT key, state, priority, attempts FROM jobs WHERE kind = 'webhook' ORDER BY id")

    async def dead_letters(self) -> list[DeadLetter]:
        """The deliveries that became dead letters."""
        return await dead_letters()


@pytest.fixture
async def webhooks(database_url: str, aiohttp_server: Serve) -> AsyncIterator[WebhookClient]:
    """The real application and its database; GitHub's address is a closed port."""
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
        yield WebhookClient(app[SERVICE], str(server.host), int(server.port), session)
