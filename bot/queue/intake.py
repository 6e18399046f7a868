"""Storing webhook deliveries: raw, durable, many at once.

Requests that arrive together are committed together. A delivery is a job of kind `webhook` whose key is GitHub's
delivery id; nothing is parsed here. `put` returns only after the commit, and what was not stored in time is refused, so
GitHub can be told the truth.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self, cast

import orjson

from bot.errors import Refusal, Unavailable
from bot.queue.jobs import now_ms
from bot.store.database import current, dialect, execute, fetch

log = logging.getLogger(__name__)

PATIENCE = 8.0
"""Seconds in which a delivery is stored or refused: GitHub waits for 10."""
MOST_WAITING = 256 * 1024 * 1024
"""Bytes that may wait at once."""
MOST_ROWS = 500
MOST_BYTES = 32 * 1024 * 1024
"""What one commit takes."""
CROWD = 4
"""Deliveries in one commit that make a crowd."""
RECENTLY = 0.1
"""Seconds in which a commit is recent."""
AWAY = "The delivery could not be stored now; deliver it again."


@dataclass(slots=True)
class Delivery:
    """A delivery that waits for its commit."""

    guid: str
    headers: str
    body: bytes
    priority: int
    stored: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


INSERT = """
INSERT INTO jobs (kind, key, keep, priority, payload, headers, state, attempts, run_at, created_at)
{rows}
ON CONFLICT (key) WHERE state <> 'done' OR keep DO UPDATE SET
    priority = excluded.priority, payload = excluded.payload, headers = excluded.headers, state = 'queued',
    attempts = 0, run_at = excluded.run_at, finished_at = NULL, error = NULL
WHERE jobs.state = 'dead'
"""
POSTGRES = INSERT.format(
    rows="""SELECT 'webhook', one.key, TRUE, one.priority, one.payload, one.headers, 'queued', 0, $5, $5
FROM unnest(CAST($1 AS TEXT[]), CAST($2 AS INT[]), CAST($3 AS BYTEA[]), CAST($4 AS TEXT[]))
AS one (key, priority, payload, headers)"""
)
POSTGRES += "RETURNING key"
STORED = "SELECT key FROM jobs WHERE key IN (SELECT value FROM json_each($1)) AND run_at = $2"


@lru_cache(maxsize=MOST_ROWS)
def sqlite_insert(rows: int) -> str:
    """The statement for so many rows."""
    numbers = range(2, 2 + 4 * rows, 4)
    places = (f"('webhook', ${n}, 1, ${n + 1}, ${n + 2}, ${n + 3}, 'queued', 0, $1, $1)" for n in numbers)
    return INSERT.format(rows="VALUES " + ", ".join(places))


async def store(deliveries: Sequence[Delivery], stamp: int) -> set[str]:
    """Insert deliveries with distinct ids in one statement; the ids of those that are new, or revive a dead letter.

    `stamp` is the time in epoch milliseconds, which no two calls share.
    """
    if dialect() == "sqlite":
        return await store_in_sqlite(deliveries, stamp)
    columns = zip(*((one.guid, one.priority, one.body, one.headers) for one in deliveries), strict=True)
    engine = cast("Any", current().client)
    return {row["key"] for row in await engine.fetch_dedicated(POSTGRES, [*map(list, columns), stamp], PATIENCE)}


async def store_in_sqlite(deliveries: Sequence[Delivery], stamp: int) -> set[str]:
    """As `store`. Which ids are new is asked for, by the stamp, only where some are not.

    With RETURNING, sqlite3 hands over the interpreter's lock for each row: that doubled the slowest answers under load.
    """
    guids = [one.guid for one in deliveries]
    values = [value for one in deliveries for value in (one.guid, one.priority, one.body, one.headers)]
    if await execute(sqlite_insert(len(deliveries)), stamp, *values) == len(deliveries):
        return set(guids)
    return {row["key"] for row in await fetch(STORED, orjson.dumps(guids).decode(), stamp)}


@lru_cache(maxsize=256)
def kept_headers(event: str, content_type: str) -> str:
    """What of a delivery's headers is kept, as JSON."""
    return orjson.dumps({"event": event, "content_type": content_type}).decode()


class Intake:
    """`async with Intake() as intake:`, then `put` from any number of tasks."""

    def __init__(self, *, patience: float = PATIENCE, most_waiting: int = MOST_WAITING) -> None:
        self._patience = patience
        self._most_waiting = most_waiting
        self._waiting: deque[Delivery] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._flusher: asyncio.Task[None] | None = None
        self._stamp, self._last_batch, self._flushed_at = 0, 0, 0.0

    async def __aenter__(self) -> Self:
        self._flusher = asyncio.create_task(self._flush_forever())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._flusher is not None:
            self._flusher.cancel()
            await asyncio.wait([self._flusher])
        while self._waiting:
            self._refuse(self._waiting.popleft())

    async def put(self, *, guid: str, event: str, content_type: str, body: bytes, priority: int) -> bool:
        """Store a delivery: True when it is new (or revives a dead letter), False when it is already there.

        Returns after the commit. Unavailable when it is not stored within 8 seconds, or too much waits already; Refusal
        when the headers are not plain text, which GitHub's always are.
        """
        plain = guid + event + content_type
        if not (plain.isascii() and plain.isprintable()):
            raise Refusal("The delivery's headers are not plain text.")
        if self._bytes + len(body) > self._most_waiting:
            raise Unavailable(AWAY)
        delivery = Delivery(guid, kept_headers(event, content_type), body, priority)
        self._bytes += len(body)
        self._waiting.append(delivery)
        self._arrived.set()
        timer = delivery.stored.get_loop().call_later(self._patience, self._refuse, delivery)
        try:
            return await delivery.stored
        finally:
            timer.cancel()
            self._bytes -= len(body)

    def under_load(self) -> bool:
        """Whether deliveries come in faster than one by one just now."""
        return self._last_batch >= CROWD and time.monotonic() - self._flushed_at < RECENTLY

    async def _flush_forever(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while batch := self._take():
                try:
                    await self._flush(batch)
                except Exception as exc:  # whatever it is, the next batch may fare better
                    log.warning("deliveries are refused: %s", exc, exc_info=not isinstance(exc, Unavailable))
                    for delivery in batch:
                        self._refuse(delivery)

    def _take(self) -> list[Delivery]:
        """The next deliveries that somebody still waits for, with distinct ids."""
        batch: dict[str, Delivery] = {}
        size = 0
        while self._waiting and len(batch) < MOST_ROWS and size < MOST_BYTES:
            if self._waiting[0].guid in batch:
                break
            delivery = self._waiting.popleft()
            if not delivery.stored.done():  # else its request was given up
                batch[delivery.guid] = delivery
                size += len(delivery.body)
        return list(batch.values())

    async def _flush(self, batch: list[Delivery]) -> None:
        self._stamp = max(now_ms(), self._stamp + 1)
        new = await store(batch, self._stamp)
        self._last_batch, self._flushed_at = len(batch), time.monotonic()
        for delivery in batch:
            if not delivery.stored.done():
                delivery.stored.set_result(delivery.guid in new)
        if new:
            current().notifier.notify()

    def _refuse(self, delivery: Delivery) -> None:
        if not delivery.stored.done():
            delivery.stored.set_exception(Unavailable(AWAY))
