"""A load: prebuilt requests, most of them signed deliveries, over connections that are kept alive, and their answers.

It works on bare protocols, below any HTTP client, so that one process of it outruns every server measured with it.
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
LENGTH = b"content-length:"


def push_payload(size: int) -> bytes:
    """The body of a push to a branch, of so many bytes: commits as GitHub tells them, then padding."""
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


class Requests(Protocol):
    """What is sent, and the status with which it must be answered."""

    status: bytes

    def next(self) -> bytes:
        """The next request."""


class Deliveries:
    """Deliveries that differ in their id alone."""

    status = b"202"

    def __init__(self, size: int) -> None:
        body = push_payload(size)
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        self._before = (
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: GitHub-Hookshot/1\r\nAccept: */*\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nX-GitHub-Event: push\r\n"
            f"X-Hub-Signature-256: sha256={signature}\r\nX-GitHub-Delivery: "
        ).encode()
        self._after = HEAD_END + body

    def next(self) -> bytes:
        """A request that was not given before."""
        return self._before + str(uuid4()).encode() + self._after


@dataclass
class Measured:
    """What came of a load: requests in the measured time and their latencies, and all that were acknowledged."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    acknowledged: int = 0
    busy: float = 0.0
    """Which share of one processor the load itself took."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds


class Sender(asyncio.Protocol):
    """One connection: the next request goes out when the last one is answered."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._transport: asyncio.Transport
        self._received = b""
        self._sent = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        self._send()

    def data_received(self, data: bytes) -> None:
        """Read an answer; once it is whole, send the next request."""
        self._received += data
        end = self._received.find(HEAD_END)
        if end < 0:
            return
        head = self._received[:end].lower()
        start = head.index(LENGTH) + len(LENGTH)
        length = int(head[start:].split(b"\r\n", 1)[0])
        if len(self._received) < end + len(HEAD_END) + length:
            return
        if not head.startswith(b"http/1.1 " + self._load.requests.status):
            self._fail(RuntimeError(f"not as it must be: {self._received!r}"))
            return
        self._received = b""
        if self._load.answered(self._sent):
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; it is a failure while the load goes on."""
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
    """So many connections for so long."""

    def __init__(self, requests: Requests, warm_up: float, seconds: float) -> None:
        self.requests = requests
        self.measured = Measured(seconds)
        self.begins = time.perf_counter() + warm_up
        self.ends = self.begins + seconds

    @property
    def stopped(self) -> bool:
        """Whether the time is up."""
        return time.perf_counter() >= self.ends

    def answered(self, sent: float) -> bool:
        """Take note of an answer; whether to go on."""
        now = time.perf_counter()
        self.measured.acknowledged += 1
        if self.begins <= now < self.ends:
            self.measured.latencies.append(now - sent)
        return now < self.ends


async def send(port: int, requests: Requests, *, connections: int, warm_up: float, seconds: float) -> Measured:
    """Load a server on loopback; raises when anything is answered otherwise than it must be."""
    loop = asyncio.get_running_loop()
    load = Load(requests, warm_up, seconds)
    senders = [(await loop.create_connection(lambda: Sender(load), "127.0.0.1", port))[1] for _ in range(connections)]
    wall, own = time.perf_counter(), time.process_time()
    await asyncio.gather(*(sender.ended for sender in senders))
    load.measured.busy = (time.process_time() - own) / (time.perf_counter() - wall)
    return load.measured
