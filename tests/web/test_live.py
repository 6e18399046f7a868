"""The stream that keeps pages current: who is told of what, and that nothing is missed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import orjson

from bot.operations import sessions
from tests.web.browsers import Browser, sign_in, sign_in_as_operator
from tests.world import World
from web import cookies

SECONDS = 5


class Stream:
    """An open stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response, self.last_id = response, ""

    async def next(self) -> list[str]:
        """The topics of the next message; that of `reload` is that word."""
        topics, kind = None, ""
        async with asyncio.timeout(SECONDS):
            while line := (await self._response.content.readline()).decode():
                name, _, value = line.strip().partition(": ")
                if name == "id":
                    self.last_id = value
                elif name == "event":
                    kind = value
                elif name == "data":
                    topics = [kind] if kind else orjson.loads(value)
                elif not line.strip() and topics is not None:
                    return list(topics)
        raise EOFError


@asynccontextmanager
async def listening(browser: Browser, last_id: str = "") -> AsyncIterator[Stream]:
    cookie = f"{cookies.NAME}={browser.secret}"
    headers = {"Cookie": cookie, **({"Last-Event-ID": last_id} if last_id else {})}
    async with browser.world.session.get(f"{browser.world.url}/live", headers=headers) as response:
        assert response.content_type == "text/event-stream", await response.text()
        yield Stream(response)


async def test_a_page_is_told_at_once_and_one_that_comes_back_misses_nothing(world: World) -> None:
    operator = await sign_in_as_operator(world)
    async with listening(operator) as stream:
        await stream.next()
        await world.cut("1.0-rc1")
        assert await stream.next() == ["project-1"]
        last_id = stream.last_id
    await world.cut("1.0-rc2")
    await world.ask("POST", "/api/freezes", {"reason": "audit"})
    async with listening(operator, last_id) as stream:
        assert {"project-1", "service"} <= set(await stream.next())
        assert int(stream.last_id) > int(last_id)


async def test_nobody_is_told_of_projects_that_they_may_not_read_nor_after_signing_out(world: World) -> None:
    world.github.person("rita", "read")
    await world.github.set_private(True)
    await world.settle()
    rita, sam = await sign_in(world, "rita"), await sign_in(world, "sam")
    async with listening(rita) as of_rita, listening(sam) as of_sam:
        await of_rita.next()
        await of_sam.next()
        await world.cut("1.0-rc1")
        assert await of_rita.next() == ["project-1"]
        assert await of_sam.next() == []
        context = await world.context()
        for session in await sessions.list_open(context, everybody=True):
            await sessions.end(context, session.id)
        assert await of_sam.next() == ["reload"]


async def test_strangers_have_no_stream(world: World) -> None:
    assert (await Browser(world).open("/live")).status == 303
