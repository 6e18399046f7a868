"""The stream that keeps pages current: who is told of what, and that nothing is missed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import orjson
from structlog.testing import capture_logs

from bot.context import utc_now
from bot.operations import sessions
from bot.store.audit import AuditEntry
from bot.store.database import execute
from bot.store.event_queries import EntryRow
from tests.outages import eventually
from tests.web.browsers import Browser, sign_in, sign_in_as_operator
from tests.world import World
from web import cookies
from web.event_feed import LATE, EventFeed, News, missed, news_of
from web.pages import live
from web.pages.live import Inbox, Sight

SECONDS = 5


class Stream:
    """An open stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response, self.last_id = response, ""

    async def until(self, topic: str) -> list[str]:
        """All topics up to the message that has this one."""
        heard: list[str] = []
        while topic not in heard:
            heard += await self.next()
        return heard

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
        assert await stream.until("project-1")
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
        assert await of_rita.until("project-1")
        context = await world.context()
        for session in await sessions.list_open(context, everybody=True):
            await sessions.end(context, session.id)
        assert await of_sam.until("reload") == ["reload"]


async def test_a_page_is_told_again_only_of_what_may_have_been_committed_late(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.ask("POST", "/api/freezes", {"reason": "audit"})
    newest = await AuditEntry.all().order_by("-id").first()
    assert newest is not None
    told = await missed(newest.id)
    assert told is not None
    assert (told.last_id, told.projects, told.of_service) == (newest.id, frozenset({1}), True)
    await AuditEntry.filter(id__lt=newest.id).update(at=newest.at - 2 * LATE)
    assert await missed(newest.id) == News(newest.id, of_service=True)


async def test_a_page_that_was_left_keeps_nobody_out(world: World) -> None:
    operator = await sign_in_as_operator(world)
    for _ in range(live.MAX_OF_OWNER + 5):
        async with listening(operator) as stream:
            await stream.next()


async def test_the_first_entry_of_a_new_service_is_told_too(world: World) -> None:
    inbox, feed, database = Inbox(None), EventFeed(), world.service.database
    await AuditEntry.all().delete()
    with feed.subscribed(inbox):
        reading = asyncio.create_task(feed.run(database))
        assert await inbox.next(0.2) is None
        entry = await AuditEntry.create(actor="root", channel="rest", act="service.frozen", subject="", at=utc_now())
        assert await inbox.next(SECONDS) == News(entry.id, of_service=True)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def test_a_reader_is_asked_about_once_for_what_they_do_not_see() -> None:
    sight = Sight().renewed(frozenset({1}), News(1, frozenset({2})), 100.0)
    for news, now, is_outdated in (
        (None, 101.0, False),
        (News(2, frozenset({1})), 101.0, False),
        (News(2, frozenset({1, 2})), 101.0, False),  # 2 is known not to be seen
        (News(2, others=True, of_service=True), 101.0, False),
        (News(2, frozenset({3})), 101.0, True),  # perhaps a new project
        (News(2, of_readers=True), 101.0, True),
        (None, 100.0 + live.CHECK_SECONDS, True),
    ):
        assert sight.is_outdated(news, now) is is_outdated, news
    later = sight.renewed(frozenset({1}), News(3, frozenset({3})), 110.0)
    assert not later.is_outdated(News(4, frozenset({2, 3})), 111.0)
    assert later.renewed(frozenset({1, 2}), None, 120.0) == Sight(frozenset({1, 2}), frozenset({3}), 120.0)


async def test_what_others_do_has_no_stream_look_anew_but_a_sign_out_and_a_changed_repository_do(world: World) -> None:
    now = utc_now()
    for act, of_readers in (("session.begin", False), ("token.create", False), ("session.end", True)):
        assert news_of([EntryRow(id=1, at=now, project_id=None, act=act)]).of_readers is of_readers, act
    newest = await AuditEntry.all().order_by("-id").first()
    await world.github.set_private(True)
    await world.settle()
    told = await missed(0 if newest is None else newest.id)
    assert told is not None and told.of_readers


async def test_what_cannot_be_read_is_logged_and_the_next_entry_is_told(world: World) -> None:
    async def is_logged() -> bool:
        return any(line["event"] == "events not read" and line["log_level"] == "error" for line in logs)

    operator = await sign_in_as_operator(world)
    async with listening(operator) as stream:
        await stream.next()
        with capture_logs() as logs:
            await execute("ALTER TABLE audit_entries RENAME TO mislaid")
            try:
                await eventually(is_logged)
            finally:
                await execute("ALTER TABLE mislaid RENAME TO audit_entries")
        await world.ask("POST", "/api/freezes", {"reason": "audit"})
        assert await stream.until("service")


async def test_strangers_have_no_stream(world: World) -> None:
    assert (await Browser(world).open("/live")).status == 303
