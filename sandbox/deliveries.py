"""Deliver webhooks: signed, in order, every attempt recorded, and never retried unless requested."""

import asyncio
import contextlib
import hashlib
import hmac
import io
import json
import secrets
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from sandbox.clock import Clock
from sandbox.faults import Faults

TIMEOUT_SECONDS = 10.0
MAX_PAYLOAD_BYTES = 25 * 1024 * 1024
REORDER_SECONDS = 0.05


@dataclass(slots=True)
class Attempt:
    """An attempt to deliver an event."""

    id: int
    guid: str
    event: str
    payload: dict[str, Any]
    body: bytes
    redelivery: bool
    delivered_at: datetime
    duration: float = 0.0
    status: str = ""
    status_code: int = 0
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    response_headers: dict[str, str] = field(default_factory=dict)
    response: str = ""


@dataclass(slots=True)
class PendingDelivery:
    """An event to send when the clock of the event loop reaches `due`."""

    guid: str
    event: str
    payload: dict[str, Any]
    body: bytes
    due: float
    delayed: bool = False
    dropped: bool = False
    redelivery: bool = False


def delivery_guid(label: str | None) -> str:
    """Return a new GUID, or the one that always stands for a label; a GUID stands for itself."""
    if label is None:
        return new_guid()
    try:
        return str(uuid.UUID(label))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, label))


def sign(secret: str, body: bytes) -> dict[str, str]:
    """Return both signature headers for a body."""
    key = secret.encode()
    return {
        "X-Hub-Signature": "sha1=" + hmac.new(key, body, hashlib.sha1).hexdigest(),
        "X-Hub-Signature-256": "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest(),
    }


def new_guid() -> str:
    """Return an id for an event, of the version that GitHub's have."""
    return str(uuid.uuid1(node=secrets.randbits(48)))


class Deliverer:
    """The queue of webhooks and the log of delivery attempts."""

    def __init__(self, secret: str, app_id: int, ids: Iterator[int], clock: Clock) -> None:
        self.url: str | None = None
        self.secret = secret
        self.app_id = app_id
        self.hook_id = 512_000_117
        self.faults = Faults()
        self.attempts: list[Attempt] = []
        self._ids, self._clock = ids, clock
        self._pending: list[PendingDelivery] = []
        self._in_flight = 0
        self._changed = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None

    def enqueue(self, event: str, payload: dict[str, Any], *, guid: str | None = None, redelivery: bool = False) -> str:
        """Queue an event and return its GUID, made from `guid`; without a webhook URL the event is discarded."""
        guid = delivery_guid(guid)
        body = json.dumps(payload, separators=(",", ":")).encode()
        if self.url is None or len(body) > MAX_PAYLOAD_BYTES:
            return guid
        now, faults = asyncio.get_running_loop().time(), self.faults
        for _ in range(2 if faults.random.random() < faults.double else 1):
            pending = PendingDelivery(guid, event, payload, body, now, redelivery=redelivery)
            pending.dropped = faults.random.random() < faults.drop
            if faults.delay:
                pending.due, pending.delayed = now + faults.random.uniform(*faults.delay), True
            elif faults.reorder:
                pending.due = now + REORDER_SECONDS
            self._pending.append(pending)
        if self._worker is None:
            self._worker = asyncio.create_task(self._run())
        faults.changed.set()
        return guid

    def find_attempt(self, guid: str) -> Attempt | None:
        """Find the latest attempt with this GUID."""
        return next((attempt for attempt in reversed(self.attempts) if attempt.guid == guid), None)

    def redeliver(self, attempt: Attempt) -> None:
        """Send an event again under the same GUID."""
        self.enqueue(attempt.event, attempt.payload, guid=attempt.guid, redelivery=True)

    async def settle(self, *, delayed: bool = False) -> None:
        """Wait until nothing is in flight or due; `delayed` also sends held and delayed events now."""
        if delayed:
            self.faults.release()
            now = asyncio.get_running_loop().time()
            for pending in sorted(self._pending, key=lambda delivery: delivery.due):
                pending.due, pending.delayed = min(pending.due, now), False
            self.faults.changed.set()
        while self._is_busy():
            self._changed.clear()
            await self._changed.wait()

    def _is_busy(self) -> bool:
        return bool(self._in_flight) or (not self.faults.held and any(not pending.delayed for pending in self._pending))

    async def close(self) -> None:
        """Stop sending."""
        if self._worker:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker
        if self._session:
            await self._session.close()

    async def _run(self) -> None:
        while True:
            self.faults.changed.clear()
            pending, pause = self._next_due()
            if pending is None:
                self._changed.set()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.faults.changed.wait(), pause)
                continue
            self._pending.remove(pending)
            self._in_flight += 1
            try:
                await self._send(pending)
            finally:
                self._in_flight -= 1
                self._changed.set()

    def _next_due(self) -> tuple[PendingDelivery | None, float | None]:
        if self.faults.held or not self._pending:
            return None, None
        pending = min(self._pending, key=lambda delivery: delivery.due)
        seconds_left = pending.due - asyncio.get_running_loop().time()
        if seconds_left > 0:
            return None, seconds_left
        if self.faults.reorder:  # any pending event may be next: the seed decides, not the clock
            pending = self.faults.random.choice(
                [delivery for delivery in self._pending if delivery.delayed == pending.delayed]
            )
        return pending, 0.0

    def headers(self, event: str, guid: str, body: bytes) -> dict[str, str]:
        """Return the headers of a delivery."""
        return {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/5a0d0b0",
            "X-GitHub-Delivery": guid,
            "X-GitHub-Event": event,
            "X-GitHub-Hook-ID": str(self.hook_id),
            "X-GitHub-Hook-Installation-Target-ID": str(self.app_id),
            "X-GitHub-Hook-Installation-Target-Type": "integration",
            **sign(self.secret, body),
        }

    async def _send(self, pending: PendingDelivery) -> None:
        started = asyncio.get_running_loop().time()
        attempt = Attempt(
            next(self._ids),
            pending.guid,
            pending.event,
            pending.payload,
            pending.body,
            pending.redelivery,
            self._clock.now(),
            url=self.url or "",
        )
        attempt.headers = self.headers(pending.event, pending.guid, pending.body)
        self.attempts.append(attempt)
        if pending.dropped:
            attempt.status = "timed out"
            return
        await self._post_attempt(attempt)
        attempt.duration = round(asyncio.get_running_loop().time() - started, 3)

    async def _post_attempt(self, attempt: Attempt) -> None:
        try:
            status, headers, text = await self.post(attempt.body, attempt.headers)
        except TimeoutError:
            attempt.status = "timed out"
        except (aiohttp.ClientError, OSError, ValueError):
            attempt.status = "failed to connect to host"
        else:
            attempt.status_code, attempt.response_headers, attempt.response = status, headers, text
            attempt.status = "OK" if 200 <= status < 300 else f"Invalid HTTP Response: {status}"

    async def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], str]:
        """Post raw bytes to the webhook URL and return the response's status, headers and text."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))
        data = io.BytesIO(body)  # a body of more than a megabyte is sent in pieces
        async with self._session.post(self.url or "", data=data, headers=headers, allow_redirects=False) as response:
            return response.status, dict(response.headers), await response.text(errors="replace")
