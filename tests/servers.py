"""Serve applications on ports of their own, as `longshore serve` does."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from server.connections import DIRECT, Runner

Serve = Callable[[web.Application], Awaitable[Any]]


class _OurServer(TestServer):
    """Serves an application of ours."""

    async def _make_runner(self, **options: Any) -> web.BaseRunner:
        return Runner(self.app, **options)


@asynccontextmanager
async def serving(port: int | None = None) -> AsyncIterator[Serve]:
    """A function that serves an application until the block ends, ours on `port` if one is given."""
    servers: list[TestServer] = []

    async def serve(app: web.Application) -> TestServer:
        servers.append(_OurServer(app, port=port) if DIRECT in app else TestServer(app))
        await servers[-1].start_server()
        return servers[-1]

    try:
        yield serve
    finally:
        while servers:
            await servers.pop().close()
