"""New audit entries, read once by this process and told to all pages that are open."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import structlog

from bot.errors import Unavailable
from bot.events.administration import RepositoryChanged, SignedOut
from bot.store import event_queries
from bot.store.database import Database
from bot.store.event_queries import MAX_READ, OVERLAP, EntryRow
from bot.store.gate_queries import to_time

POLL_SECONDS = 1.0
"""How often entries are looked for that no notification has told: those of another process that uses the same file."""
LATE = timedelta(minutes=1)
"""By how much the entry with the higher of two ids may have been committed first."""
OF_SERVICE = "service."  # first characters of acts that concern every project
OF_READERS = frozenset({SignedOut.act, RepositoryChanged.act})
"""Acts after which a page has to be checked: whether its session still exists, and what its reader may see."""

log = structlog.get_logger()


@dataclass(frozen=True)
class News:
    """What has happened: to which projects, to all of them, or to something that belongs to no project.

    `of_readers`: it may have changed who reads pages, or what they may see. `last_id` is the id of the last audit entry
    that is told of.
    """

    last_id: int
    projects: frozenset[int] = frozenset()
    of_service: bool = False
    others: bool = False
    of_readers: bool = False

    def __or__(self, other: "News") -> "News":
        return News(
            max(self.last_id, other.last_id),
            self.projects | other.projects,
            self.of_service or other.of_service,
            self.others or other.others,
            self.of_readers or other.of_readers,
        )


class Subscriber(Protocol):
    """Who is told of news. `owner` is whose it is, if they are known; `is_connected` whether it still listens."""

    owner: str | None
    is_connected: Callable[[], bool]

    def tell(self, news: News) -> None:
        """Take note of news, without waiting."""

    def end(self) -> None:
        """Take note that no more news will be told."""


class EventFeed:
    """Tells subscribers of new audit entries: at once of those of this process, and of others as they are notified."""

    def __init__(self) -> None:
        self.last_id = 0
        self._subscribers: set[Subscriber] = set()
        self._known: deque[int] = deque(maxlen=2 * OVERLAP)

    @contextmanager
    def subscribed(self, subscriber: Subscriber) -> Iterator[None]:
        """Tell a subscriber of news meanwhile."""
        self._subscribers.add(subscriber)
        try:
            yield
        finally:
            self._subscribers.discard(subscriber)

    @property
    def subscribers(self) -> int:
        """How many listen."""
        return sum(subscriber.is_connected() for subscriber in self._subscribers)

    def subscribers_of(self, owner: str | None) -> int:
        """How many listen that have the same owner, or that nobody owns."""
        return sum(each.owner == owner and each.is_connected() for each in self._subscribers)

    def end(self) -> None:
        """Tell all subscribers that no more news will be told."""
        for subscriber in list(self._subscribers):
            subscriber.end()

    async def run(self, database: Database) -> None:
        """Read and tell until canceled. What goes wrong is logged, and the next turn tries again."""
        wake = asyncio.Event()
        database.event_notifier.events.add(wake)
        listening = asyncio.create_task(database.listen_for_events())
        try:
            while True:
                wake.clear()
                try:
                    await self._read()
                except Exception as error:
                    log.error("events not read", exc_info=error)
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        await wake.wait()
                except TimeoutError:
                    continue
        finally:
            database.event_notifier.events.discard(wake)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _read(self) -> None:
        try:
            self.last_id = self.last_id or await event_queries.newest_id()
            rows = [row for row in await event_queries.since(self.last_id) if row["id"] not in self._known]
        except Unavailable as error:
            log.warning("events not read", reason=error.sentence)
            return
        self._known.extend(row["id"] for row in rows)
        if not rows:
            return
        news = news_of(rows)
        self.last_id = max(self.last_id, news.last_id)
        for subscriber in list(self._subscribers):
            subscriber.tell(news)


async def missed(last_id: int) -> News | None:
    """What has happened since an entry, for a page that was not connected; None if that is too much to tell."""
    rows = await event_queries.since(last_id)
    if len(rows) >= MAX_READ:
        return None
    told = [row for row in rows if row["id"] > last_id or _may_be_late(row, rows, last_id)]
    return news_of(told) if told else News(last_id)


def _may_be_late(row: EntryRow, rows: Iterable[EntryRow], last_id: int) -> bool:
    """Whether an entry may have been committed after the one with the id `last_id`, which is higher."""
    last = next((to_time(each["at"]) for each in rows if each["id"] == last_id), None)
    at = to_time(row["at"])
    return last is None or at is None or at > last - LATE


def news_of(rows: Iterable[EntryRow]) -> News:
    """What some entries are about. They are in the order of their ids."""
    listed = list(rows)
    without = [row["act"] for row in listed if row["project_id"] is None]
    return News(
        last_id=listed[-1]["id"],
        projects=frozenset(row["project_id"] for row in listed if row["project_id"] is not None),
        of_service=any(act.startswith(OF_SERVICE) for act in without),
        others=any(not act.startswith(OF_SERVICE) for act in without),
        of_readers=not OF_READERS.isdisjoint(without),
    )
