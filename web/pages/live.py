"""The stream that keeps open pages current: server-sent events that say which projects have changed.

It says nothing else: a page then asks for the parts that show those projects. A page that was not connected for a while
says what it was told last, and misses nothing.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import orjson
import structlog
from aiohttp import web

from bot.context import utc_now
from bot.errors import Problem, Unavailable
from bot.operations import board, sessions
from web.event_feed import EventFeed, News, missed
from web.requests import CHANNEL, PageRequest
from web.routes import Route

HEARTBEAT = 20.0
"""Seconds of silence after which a comment is sent, so that proxies keep the connection."""
CHECK_SECONDS = 60.0
"""How often it is asked whether the session still exists, and what its owner may see."""
MAX_STREAMS = 2000  # of one process
MAX_OF_STRANGERS = 1000  # of those, so that strangers cannot keep out who has signed in
MAX_OF_OWNER = 100  # of a person, or of an operator's session: all that sign in with a link are one person
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}
BUSY = "Too many open pages. Close some of them."
MAX_DIGITS = 18  # of the id of an audit entry

log = structlog.get_logger()


@dataclass(frozen=True)
class Sight:
    """Which projects a page's reader sees, which ones they were found not to see, and when that was found (seconds)."""

    visible: frozenset[int] = frozenset()
    hidden: frozenset[int] = frozenset()
    asked: float = -CHECK_SECONDS

    def renewed(self, visible: frozenset[int], news: News | None, now: float) -> "Sight":
        """What the reader sees now, when some news are told."""
        told = frozenset[int]() if news is None else news.projects
        return Sight(visible, (self.hidden | told) - visible, now)

    def is_outdated(self, news: News | None, now: float) -> bool:
        """Whether it has to be found anew to tell of some news. Those of hidden projects are no reason."""
        if now - self.asked >= CHECK_SECONDS:
            return True
        return news is not None and (news.of_readers or not news.projects <= self.visible | self.hidden)


class Inbox:
    """What an open page has to be told; what it was not told yet is put together.

    `owner` is whose it is, None for a stranger's. `is_connected` says whether the browser still listens: it leaves
    without a word, which is noticed only when something is written.
    """

    def __init__(self, owner: str | None, is_connected: Callable[[], bool] = lambda: True) -> None:
        self.owner, self.is_connected = owner, is_connected
        self._news: News | None = None
        self._changed = asyncio.Event()
        self.has_ended = False

    def tell(self, news: News) -> None:
        """Take note of news."""
        self._news = news if self._news is None else self._news | news
        self._changed.set()

    def end(self) -> None:
        """Take note that no more news will be told."""
        self.has_ended = True
        self._changed.set()

    async def next(self, seconds: float) -> News | None:
        """Wait for news, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        self._changed.clear()
        news, self._news = self._news, None
        return news


async def stream(page: PageRequest) -> web.StreamResponse:
    """Stream what changes, until the browser or this process ends, or the session does."""
    feed = page.runtime.feed
    owner = _owner(page)
    refuse_too_many(feed, owner)
    inbox = Inbox(owner, lambda: page.request.transport is not None)
    with feed.subscribed(inbox):
        return await _stream(page, inbox)


def _owner(page: PageRequest) -> str | None:
    if page.session is None:
        return None
    return f"session {page.session.id}" if page.is_operator else f"person {page.session.actor.user_id}"


def refuse_too_many(feed: EventFeed, owner: str | None) -> None:
    """Refuse another stream of an owner, or of a stranger (None), when there are too many."""
    most = MAX_OF_STRANGERS if owner is None else MAX_OF_OWNER
    if feed.subscribers >= MAX_STREAMS or feed.subscribers_of(owner) >= most:
        raise Unavailable(BUSY)


async def _stream(page: PageRequest, inbox: Inbox) -> web.StreamResponse:
    response = web.StreamResponse(headers=HEADERS)
    await response.prepare(page.request)
    with suppress(ConnectionError):
        try:
            await _begin(page, inbox, response)
        except Problem as problem:  # its page would stand in the midst of the stream: the browser asks again
            log.warning("stream ended", reason=problem.sentence)
    return response


async def _begin(page: PageRequest, inbox: Inbox, response: web.StreamResponse) -> None:
    await response.write(b"retry: 1000\n")
    last_id = _last_id(page)
    news = await missed(last_id) if last_id else News(page.runtime.feed.last_id)
    if news is None:
        await response.write(b"event: reload\ndata: {}\n\n")
        return
    sight = await _look(page, news, Sight())
    await _tell(response, news, sight.visible, page)
    await _follow(page, inbox, response, sight)


async def _follow(page: PageRequest, inbox: Inbox, response: web.StreamResponse, sight: Sight) -> None:
    while not inbox.has_ended:
        news = await inbox.next(HEARTBEAT)
        if sight.is_outdated(news, _seconds()):
            found = await _again(page)
            if found is None:
                await response.write(b"event: reload\ndata: {}\n\n")
                return
            page = found
            sight = await _look(page, news, sight)
        if news is None:
            await response.write(b": still here\n\n")
        else:
            await _tell(response, news, sight.visible, page)


async def _look(page: PageRequest, news: News | None, sight: Sight) -> Sight:
    """Find what a page's reader sees now, and which projects of some news they do not."""
    return sight.renewed(await board.visible_projects(page.context), news, _seconds())


def _seconds() -> float:
    return asyncio.get_running_loop().time()


async def _again(page: PageRequest) -> PageRequest | None:
    """The request with what its actor may see now; None if the session has ended."""
    runtime = page.runtime
    if page.session is None:
        return page
    found = await sessions.authenticate(
        page.secret, utc_now(), operators=runtime.operators(), public=runtime.anonymous.public
    )
    if found is None:
        return None
    return replace(page, context=page.context.acting_as(found.actor, CHANNEL), session=found)


async def _tell(response: web.StreamResponse, news: News, visible: frozenset[int], page: PageRequest) -> None:
    """Tell a page what it may know of some news; the id always, so that it begins there when it connects again."""
    topics = [f"project-{project}" for project in sorted(news.projects & visible)]
    if news.of_service:
        topics.append("service")
    if news.others and page.is_operator:
        topics.append("others")
    await response.write(b"id: %d\ndata: %s\n\n" % (news.last_id, orjson.dumps(topics)))


def _last_id(page: PageRequest) -> int:
    text = page.request.headers.get("Last-Event-ID", "") or page.query("after")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else 0


ROUTES = (Route("GET", "/live", stream),)
