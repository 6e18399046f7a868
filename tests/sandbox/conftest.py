"""A sandbox on a port, something that listens to its webhooks, and a client that signs in as the App."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDictProxy

from sandbox import GitHub, make_repository


@dataclass
class Heard:
    """One webhook as it came in."""

    event: str
    guid: str
    headers: dict[str, str]
    raw: bytes
    payload: dict[str, Any]


@dataclass
class Reply:
    """One answer of the API."""

    status: int
    headers: CIMultiDictProxy[str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Lab:
    """The sandbox with a client and an ear."""

    github: GitHub
    url: str
    session: aiohttp.ClientSession
    heard: list[Heard] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    token: str = ""

    def jwt(self, **claims: Any) -> str:
        now = int(time.time())
        body = {"iat": now - 60, "exp": now + 540, "iss": str(self.github.app_id), **claims}
        return jwt.encode(body, self.github.private_key, "RS256")

    async def ask(self, method: str, path: str, *, by: str | None = None, **more: Any) -> Reply:
        headers = more.pop("headers", {})
        if by != "nobody":
            headers = {"Authorization": f"Bearer {by or self.token}", **headers}
        async with self.session.request(
            method, self.url + path, headers=headers, allow_redirects=False, **more
        ) as answer:
            return Reply(answer.status, answer.headers, await answer.text())

    async def repo(self, method: str, path: str, **more: Any) -> Reply:
        return await self.ask(method, f"/repos/acme/site{path}", **more)

    async def get_token(self, **body: Any) -> Reply:
        number = self.github.installation_id
        return await self.ask("POST", f"/app/installations/{number}/access_tokens", by=self.jwt(), json=body)

    async def dispatch(self, workflow: str = "build.yml", *, version: str = "2022-11-28", **body: Any) -> Reply:
        body = {"ref": "main", **body}
        headers = {"X-GitHub-Api-Version": version}
        return await self.repo("POST", f"/actions/workflows/{workflow}/dispatches", json=body, headers=headers)

    async def events(self, *names: str) -> list[str]:
        await self.github.settle()
        found = [one for one in self.heard if not names or one.event in names]
        return [f"{one.event}.{one.payload['action']}" if "action" in one.payload else one.event for one in found]

    async def last(self, event: str) -> dict[str, Any]:
        await self.github.settle()
        return next(one.payload for one in reversed(self.heard) if one.event == event)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "site"
    asyncio.run(make_repository(path))
    return path


def _ear(lab: Lab) -> web.Application:
    async def listen(request: web.Request) -> web.Response:
        raw, headers = await request.read(), dict(request.headers)
        heard = Heard(headers["X-GitHub-Event"], headers["X-GitHub-Delivery"], headers, raw, json.loads(raw))
        lab.heard.append(heard)
        return web.Response(status=lab.answers.pop(0) if lab.answers else 202)

    app = web.Application(client_max_size=26 * 1024**2)
    app.router.add_post("/hook", listen)
    return app


@pytest.fixture
async def lab(source: Path) -> AsyncIterator[Lab]:
    github = await GitHub.create(source)
    async with aiohttp.ClientSession() as session:
        made = Lab(github, "", session)
        async with TestServer(github.app) as server, TestServer(_ear(made)) as listener:
            made.url = str(server.make_url("")).rstrip("/")
            github.webhook_url = str(listener.make_url("/hook"))
            made.token = (await made.get_token()).json["token"]
            github.forget_calls()
            yield made
    await github.close()
