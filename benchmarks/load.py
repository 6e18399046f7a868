"""Generate load: prebuilt requests over keep-alive connections.

It uses asyncio protocols instead of an HTTP client, so that one process can saturate every server that it measures.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

import orjson

SECRET = "benchmark-secret"
PATH = "/webhooks/github"
HEAD_END = b"\r\n\r\n"
CONTENT_LENGTH = b"content-length:"
END = b'"}'  # of a payload, after the digits that differ
DIGITS = 32
GREGORIAN_TICKS = 0x01B21DD213814000  # of 100 nanoseconds, from the beginning of UUIDs' time to that of Unix


def push_payload(size: int) -> bytes:
    """Build the body of a `push` event of `size` bytes: commits as GitHub sends them, then padding."""
    payload = {
        "ref": "refs/heads/main",
        "created": False,
        "deleted": False,
        "head_commit": None,
        "repository": {"id": 1, "full_name": "acme/site"},
        "sender": {"id": 1, "login": "alice", "type": "User"},
        "commits": list[object](),
        "padding": "",
    }
    while len(orjson.dumps(payload)) < size - 600:
        sha, tree = (uuid4().hex + uuid4().hex[:8] for _ in range(2))
        author = {"name": "Alice", "email": "alice@example.com", "username": "alice"}
        payload["commits"].append(  # type: ignore[attr-defined]
            {"id": sha, "tree_id": tree, "message": f"Change {sha[:7]}", "author": author, "modified": [f"{tree}.py"]}
        )
    payload["padding"] = "x" * (size - len(orjson.dumps(payload)))
    return orjson.dumps(payload)


class RequestSource(Protocol):
    """A source of requests, and the status that every response must have."""

    status: bytes

    def next(self) -> bytes:
        """Return the next request."""


def guid_at(nanoseconds: int, number: int) -> str:
    """Return a GUID that is made of the time, as GitHub's are: those of one moment are neighbors in an index."""
    ticks = nanoseconds // 100 + GREGORIAN_TICKS
    high = ticks >> 48 & 0xFFF | 0x1000
    return f"{ticks & 0xFFFFFFFF:08x}-{ticks >> 32 & 0xFFFF:04x}-{high:04x}-8000-{number:012x}"


class DeliverySource:
    """Signed webhook deliveries with the headers that GitHub sends: ids, body and signatures are new each time."""

    def __init__(self, size: int, status: bytes = b"202") -> None:
        self.status, self._sent = status, 0
        self._beginning = push_payload(size)[: -DIGITS - len(END)]
        self._digest = hmac.new(SECRET.encode(), self._beginning, hashlib.sha256)
        self._head = (
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nContent-Type: application/json\r\n"
            f"X-GitHub-Event: push\r\nX-GitHub-Hook-Installation-Target-ID: 1\r\n"
            f"X-GitHub-Hook-Installation-Target-Type: integration\r\nContent-Length: {size}\r\n"
        )

    def next(self) -> bytes:
        """Return a new delivery."""
        self._sent += 1
        salt, guid = uuid4(), guid_at(time.time_ns(), self._sent)
        end = salt.hex.encode() + END
        digest = self._digest.copy()
        digest.update(end)
        signature = digest.hexdigest()
        lines = (
            f"User-Agent: GitHub-Hookshot/{salt.hex[:7]}\r\nX-GitHub-Delivery: {guid}\r\n"
            f"X-GitHub-Hook-ID: {salt.int % 10**9}\r\nX-Hub-Signature: sha1={signature[:40]}\r\n"
            f"X-Hub-Signature-256: sha256={signature}"
        )
        return (self._head + lines).encode() + HEAD_END + self._beginning + end


@dataclass
class Measurement:
    """Latencies of the requests in the measured time, and the number of all acknowledged requests."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    acknowledged: int = 0
    cpu_share: float = 0.0
    """Share of one processor that the load generator used."""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds


class Sender(asyncio.Protocol):
    """A connection that sends the next request once the previous one has been answered."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._transport: asyncio.Transport
        self._received = b""
        self._sent = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        self._send()

    def data_received(self, data: bytes) -> None:
        """Read a response; once it is complete, send the next request."""
        self._received += data
        end = self._received.find(HEAD_END)
        if end < 0:
            return
        head = self._received[:end].lower()
        start = head.index(CONTENT_LENGTH) + len(CONTENT_LENGTH)
        length = int(head[start:].split(b"\r\n", 1)[0])
        if len(self._received) < end + len(HEAD_END) + length:
            return
        if not head.startswith(b"http/1.1 " + self._load.requests.status):
            self._fail(RuntimeError(f"unexpected response: {self._received!r}"))
            return
        self._received = b""
        if self._load.record_response(self._sent):
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Finish; losing the connection before the end is an error."""
        if self._load.stopped:
            if not self.ended.done():
                self.ended.set_result(None)
        else:
            self._fail(exc or ConnectionResetError("the server closed the connection"))

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._load.requests.next())

    def _fail(self, error: Exception) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)
        self._transport.close()


class Load:
    """State shared by the connections of one measurement."""

    def __init__(self, requests: RequestSource, warm_up: float, seconds: float) -> None:
        self.requests = requests
        self.measurement = Measurement(seconds)
        self.starts_at = time.perf_counter() + warm_up
        self.ends_at = self.starts_at + seconds

    @property
    def stopped(self) -> bool:
        """Whether the measured time is over."""
        return time.perf_counter() >= self.ends_at

    def record_response(self, sent: float) -> bool:
        """Record a response; return whether to send another request."""
        now = time.perf_counter()
        self.measurement.acknowledged += 1
        if self.starts_at <= now < self.ends_at:
            self.measurement.latencies.append(now - sent)
        return now < self.ends_at


async def generate_load(
    port: int, requests: RequestSource, *, connections: int, warm_up: float, seconds: float
) -> Measurement:
    """Load a server on 127.0.0.1; raise if a response does not have the expected status."""
    loop = asyncio.get_running_loop()
    load = Load(requests, warm_up, seconds)
    senders = [(await loop.create_connection(lambda: Sender(load), "127.0.0.1", port))[1] for _ in range(connections)]
    started, cpu_started = time.perf_counter(), time.process_time()
    await asyncio.gather(*(sender.ended for sender in senders))
    load.measurement.cpu_share = (time.process_time() - cpu_started) / (time.perf_counter() - started)
    return load.measurement
