"""A sandbox on a port, a receiver for its webhooks, and a client that authenticates as the App."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDictProxy

from sandbox import GitHub, SandboxOptions, make_repository
from sandbox.lifecycle import DEFAULT_OPTIONS


@dataclass
class ReceivedWebhook:
    """A webhook as received."""

    event: str
    guid: str
    headers: dict[str, str]
    raw: bytes
    payload: dict[str, Any]


@dataclass
class ApiReply:
    """A response of the API."""

    status: int
    headers: CIMultiDictProxy[str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Lab:
    """A sandbox with an API client and a webhook receiver.

    Requests use the installation token by default, and no credentials when `token` is empty.
    `response_statuses` are the receiver's next responses; 202 when empty.
    """

    github: GitHub
    url: str
    session: aiohttp.ClientSession
    received: list[ReceivedWebhook] = field(default_factory=list)
    response_statuses: list[int] = field(default_factory=list)
    token: str = ""

    def jwt(self, **claims: Any) -> str:
        now = int(self.github.state.now().timestamp())
        body = {"iat": now - 60, "exp": now + 540, "iss": str(self.github.app_id), **claims}
        return jwt.encode(body, self.github.private_key, "RS256")

    async def request(self, method: str, path: str, *, token: str | None = None, **more: Any) -> ApiReply:
        headers = more.pop("headers", {})
        secret = self.token if token is None else token
        if secret:
            headers = {"Authorization": f"Bearer {secret}", **headers}
        async with self.session.request(
            method, self.url + path, headers=headers, allow_redirects=False, **more
        ) as response:
            return ApiReply(response.status, response.headers, await response.text())

    async def repo(self, method: str, path: str, **more: Any) -> ApiReply:
        return await self.request(method, f"/repos/acme/site{path}", **more)

    async def create_token(self, **body: Any) -> ApiReply:
        number = self.github.installation_id
        return await self.request("POST", f"/app/installations/{number}/access_tokens", token=self.jwt(), json=body)

    async def dispatch(self, workflow: str = "build.yml", *, version: str = "2022-11-28", **body: Any) -> ApiReply:
        body = {"ref": "main", **body}
        headers = {"X-GitHub-Api-Version": version}
        return await self.repo("POST", f"/actions/workflows/{workflow}/dispatches", json=body, headers=headers)

    async def events(self, *names: str) -> list[str]:
        await self.github.settle()
        webhooks = [webhook for webhook in self.received if not names or webhook.event in names]
        return [
            f"{webhook.event}.{webhook.payload['action']}" if "action" in webhook.payload else webhook.event
            for webhook in webhooks
        ]

    async def last_payload(self, event: str) -> dict[str, Any]:
        await self.github.settle()
        return next(webhook.payload for webhook in reversed(self.received) if webhook.event == event)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "site"
    asyncio.run(make_repository(path))
    return path


def _webhook_receiver(lab: Lab) -> web.Application:
    async def receive(request: web.Request) -> web.Response:
        raw, headers = await request.read(), dict(request.headers)
        webhook = ReceivedWebhook(
            headers["X-GitHub-Event"], headers["X-GitHub-Delivery"], headers, raw, json.loads(raw)
        )
        lab.received.append(webhook)
        return web.Response(status=lab.response_statuses.pop(0) if lab.response_statuses else 202)

    app = web.Application(client_max_size=26 * 1024**2)
    app.router.add_post("/hook", receive)
    return app


@asynccontextmanager
async def running_lab(source: Path, options: SandboxOptions = DEFAULT_OPTIONS) -> AsyncIterator[Lab]:
    github = await GitHub.create(source, options)
    async with aiohttp.ClientSession() as session:
        lab = Lab(github, "", session)
        async with TestServer(github.app) as server, TestServer(_webhook_receiver(lab)) as receiver:
            lab.url = str(server.make_url("")).rstrip("/") + github.server.root
            github.webhook_url = str(receiver.make_url("/hook"))
            lab.token = (await lab.create_token()).json["token"]
            github.forget_calls()
            yield lab
    await github.close()


@pytest.fixture
async def lab(source: Path) -> AsyncIterator[Lab]:
    async with running_lab(source) as lab:
        yield lab
