"""Webhook intake: stores raw deliveries durably, many in one commit.

Requests that arrive together are committed together. A delivery is a job of kind `webhook` whose key is made of its
GUID; nothing is parsed here. `put` returns only after the commit, and refuses what was not stored in time: GitHub never
gets a success for a delivery that was lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, ClassVar, Self, cast

import orjson

from bot.errors import Unavailable
from bot.queue.jobs import Job, LeasedJob, now_ms
from bot.store.database import current, dialect, execute, fetch

log = logging.getLogger(__name__)

KEY_PREFIX = "webhook:"
STORE_TIMEOUT = 8.0
"""Seconds within which a delivery is stored or refused: GitHub waits for 10."""
MAX_WAITING_BYTES = 256 * 1024 * 1024
"""Bytes of all deliveries that wait for their commit."""
MAX_BATCH_ROWS = 160  # deliveries in one commit: asyncpg and `bind` do not cache a longer statement
MANY = 32  # deliveries; of more, multiples of this are committed together: each number needs a statement of its own
MAX_BATCH_BYTES = 32 * 1024 * 1024  # of their bodies
LOADED_BATCH = 4
"""A commit of at least this many deliveries is a sign of load."""
RECENT_SECONDS = 0.1
"""Seconds for which such a commit is a sign of load."""
NOT_STORED = "The delivery could not be stored now; deliver it again."


def delivery_key(guid: str) -> str:
    """The key of a delivery's job. GitHub does not sign the GUID, so no GUID may be the key of another kind of job."""
    return KEY_PREFIX + guid


@dataclass(frozen=True)
class WebhookDelivery(Job):
    """A webhook delivery as GitHub sent it: the raw body, and the headers that are needed to read it."""

    kind: ClassVar[str] = "webhook"
    keeps_key: ClassVar[bool] = True

    guid: str
    event: str
    content_type: str
    body: bytes

    @property
    def key(self) -> str:
        """The same delivery is stored once."""
        return delivery_key(self.guid)

    def payload(self) -> bytes:
        """The raw body."""
        return self.body

    def headers(self) -> dict[str, str]:
        """The event's name and the body's content type."""
        return {"event": self.event, "content_type": self.content_type}

    @classmethod
    def read(cls, row: LeasedJob) -> Self:
        """The delivery that a row holds."""
        event, content_type = row.headers.get("event", ""), row.headers.get("content_type", "")
        guid = (row.key or "").removeprefix(KEY_PREFIX)
        return cls(guid=guid, event=event, content_type=content_type, body=row.payload)


@dataclass(slots=True)
class WaitingDelivery:
    """A delivery that waits for its commit, at the latest until `deadline`, a time of the event loop."""

    key: str
    headers: str
    body: bytes
    priority: int
    stored: asyncio.Future[bool]
    deadline: float


INSERT = """
INSERT INTO jobs (kind, key, keep, priority, payload, headers, state, attempts, run_at, created_at)
VALUES {rows}
ON CONFLICT (key) WHERE state <> 'done' OR keep DO UPDATE SET
    priority = excluded.priority, payload = excluded.payload, headers = excluded.headers, state = 'queued',
    attempts = 0, run_at = excluded.run_at, finished_at = NULL, error = NULL
WHERE jobs.state = 'dead'
"""
STORED = "SELECT key FROM jobs WHERE key IN (SELECT value FROM json_each($1)) AND run_at = $2"


@lru_cache(maxsize=64)
def insert(rows: int) -> str:
    """The statement that inserts this many rows. Arrays of bodies would cost asyncpg twice as much to send."""
    firsts = range(2, 2 + 4 * rows, 4)
    values = (f"('webhook',${n},TRUE,${n + 1},${n + 2},${n + 3},'queued',0,$1,$1)" for n in firsts)
    return INSERT.format(rows=",".join(values))


@lru_cache(maxsize=64)
def insert_returning(rows: int) -> str:
    """`insert` with the keys of the rows."""
    return insert(rows) + "RETURNING key"


async def store(deliveries: Sequence[WaitingDelivery], stamp: int) -> set[str]:
    """Insert deliveries with distinct keys in one statement; returns the keys that are new or revive a dead letter.

    `stamp` is the time in epoch milliseconds; no two calls may pass the same.
    """
    values = [value for row in deliveries for value in (row.key, row.priority, row.body, row.headers)]
    if dialect() == "sqlite":
        return await store_in_sqlite([row.key for row in deliveries], stamp, values)
    engine = cast("Any", current().client)
    stored = await engine.fetch_dedicated(insert_returning(len(deliveries)), [stamp, *values], STORE_TIMEOUT)
    return {row["key"] for row in stored}


async def store_in_sqlite(keys: list[str], stamp: int, values: Sequence[object]) -> set[str]:
    """`store` for SQLite, which selects the new keys (by the stamp) only when some are not new.

    With RETURNING, sqlite3 releases the interpreter's lock for each row, which doubled the slowest response times.
    """
    if await execute(insert(len(keys)), stamp, *values) == len(keys):
        return set(keys)
    return {row["key"] for row in await fetch(STORED, orjson.dumps(keys).decode(), stamp)}


@lru_cache(maxsize=256)
def headers_json(event: str, content_type: str) -> str:
    """The stored headers of a delivery, as JSON."""
    return orjson.dumps({"event": event, "content_type": content_type}).decode()


class Intake:
    """Commits deliveries in batches: `async with Intake() as intake:`, then `put` from any number of tasks."""

    def __init__(self, *, store_timeout: float = STORE_TIMEOUT, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        self._store_timeout = store_timeout
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting: deque[WaitingDelivery] = deque()
        self._batch: list[WaitingDelivery] = []  # whose commit is under way
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop
        self._timer: asyncio.TimerHandle | None = None
        self._flusher: asyncio.Task[None] | None = None
        self._stamp, self._loaded_at = 0, -RECENT_SECONDS

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._flusher = asyncio.create_task(self._flush_forever())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._flusher is not None:
            self._flusher.cancel()
            await asyncio.wait([self._flusher])
        if self._timer is not None:
            self._timer.cancel()
        for delivery in (*self._batch, *self._waiting):
            self._refuse(delivery)

    async def put(self, guid: str, event: str, content_type: str, body: bytes, priority: int) -> bool:
        """Store a delivery; True when it is new (or revives a dead letter), False when it was stored before.

        Returns after the commit. Unavailable when it is not stored within 8 seconds or too much is waiting already. The
        GUID and the event are plain ASCII.
        """
        size, loop = len(body), self._loop
        if self._bytes + size > self._max_waiting_bytes:
            raise Unavailable(NOT_STORED)
        stored: asyncio.Future[bool] = loop.create_future()
        deadline, headers = loop.time() + self._store_timeout, headers_json(event, content_type)
        self._waiting.append(WaitingDelivery(delivery_key(guid), headers, body, priority, stored, deadline))
        self._bytes += size
        self._arrived.set()
        if self._timer is None:
            self._timer = loop.call_at(deadline, self._refuse_late)
        try:
            return await stored
        finally:
            self._bytes -= size

    def _refuse_late(self) -> None:
        """Refuse deliveries that have waited too long, and wait for the next deadline: one timer serves all of them.

        Refused ones are forgotten at once, as the commit that is under way may take forever.
        """
        now = self._loop.time()
        for delivery in self._batch:
            if delivery.deadline <= now:
                self._refuse(delivery)
        while self._waiting and self._waiting[0].deadline <= now:
            self._refuse(self._waiting.popleft())
        deadlines = (delivery.deadline for delivery in chain(self._batch, self._waiting))  # in order
        later = next((deadline for deadline in deadlines if deadline > now), None)
        self._timer = None if later is None else self._loop.call_at(later, self._refuse_late)

    def under_load(self) -> bool:
        """Whether several deliveries were committed together a moment ago."""
        return time.monotonic() - self._loaded_at < RECENT_SECONDS

    async def _flush_forever(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while batch := self._next_batch():
                self._batch = batch
                try:
                    await self._flush(batch)
                except Exception as exc:  # the next batch may succeed
                    log.warning("deliveries are refused: %s", exc, exc_info=not isinstance(exc, Unavailable))
                    for delivery in batch:
                        self._refuse(delivery)
            self._batch = []

    def _next_batch(self) -> list[WaitingDelivery]:
        """The next deliveries whose requests are still open, with distinct keys."""
        batch: dict[str, WaitingDelivery] = {}
        waiting, size = self._waiting, 0
        while waiting and len(batch) < MAX_BATCH_ROWS and size < MAX_BATCH_BYTES:
            if waiting[0].key in batch:
                break
            delivery = waiting.popleft()
            if not delivery.stored.done():  # else it was refused, or its request was canceled
                batch[delivery.key] = delivery
                size += len(delivery.body)
        deliveries = list(batch.values())
        if (count := len(deliveries)) > MANY and (excess := count % MANY):
            waiting.extendleft(reversed(deliveries[-excess:]))
            del deliveries[-excess:]
        return deliveries

    async def _flush(self, batch: list[WaitingDelivery]) -> None:
        self._stamp = max(now_ms(), self._stamp + 1)
        new = await store(batch, self._stamp)
        if len(batch) >= LOADED_BATCH:
            self._loaded_at = time.monotonic()
        for delivery in batch:
            if not delivery.stored.done():
                delivery.stored.set_result(delivery.key in new)
        if new:
            current().notifier.notify()

    def _refuse(self, delivery: WaitingDelivery) -> None:
        if not delivery.stored.done():
            delivery.stored.set_exception(Unavailable(NOT_STORED))
