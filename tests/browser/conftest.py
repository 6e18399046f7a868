"""A world whose pages a browser opens, and one Chromium for all tests of a process."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from sandbox import GitHub
from server.app import SERVICE, create_app
from tests.browser import chromium
from tests.browser.chromium import WIDE, Screen
from tests.servers import serving
from tests.web.test_setup import settings_of
from tests.world import World, running_world
from web import cookies

OpenScreen = Callable[..., Awaitable[Screen]]


@pytest.fixture
def port() -> int:
    """A free port, on which the service will be: its addresses are known before it starts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The Chromium of this process."""
    async with chromium.running() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def world(browser: Browser, source: Path, database_url: str, port: int) -> AsyncIterator[World]:
    """A world with the sample project, on a port that it knows."""
    async with (
        serving(port) as serve,
        running_world(source, database_url, serve, base_url=f"http://127.0.0.1:{port}") as world,
    ):
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def new(browser: Browser, source: Path, database_url: str, port: int) -> AsyncIterator[World]:
    """A new service on a port that it knows, without an App, and a GitHub on which none is registered."""
    github = await GitHub.create(source)
    try:
        async with serving(port) as serve, aiohttp.ClientSession() as session:
            github.api_url = str((await serve(github.app)).make_url("/"))
            url = f"http://127.0.0.1:{port}"
            app = create_app(settings_of(github, database_url, base_url=url), schedule=False)
            await serve(app)
            yield World(github, app[SERVICE], url, session)
    finally:
        await github.close()


@pytest_asyncio.fixture(loop_scope="session")
async def screen_of(browser: Browser, port: int) -> AsyncIterator[OpenScreen]:
    """A function that opens a screen of its own, of who has this session's secret or of a stranger."""
    contexts = []

    async def open_screen(secret: str = "", **options: object) -> Screen:
        base_url = f"http://127.0.0.1:{port}"
        context = await browser.new_context(**{"base_url": base_url, "viewport": WIDE, **options})  # type: ignore[arg-type]
        contexts.append(context)
        if secret:
            await context.add_cookies([{"name": cookies.NAME, "value": secret, "url": base_url}])
        return await Screen.of(context)

    yield open_screen
    for context in contexts:
        await context.close()
