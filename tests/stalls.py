"""How long the event loop stands still, and requests that might make it: what runs on it is everybody's."""

import asyncio
import gc
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import pairwise

MIB = 1024 * 1024
LIMIT = 0.05  # seconds
INTERVAL = 0.001
TRIES = 5
Fill = Callable[[int], bytes]


async def longest_stall(act: Callable[[], Awaitable[object]]) -> float:
    """The longest time in seconds for which the loop stood still during `act`.

    The machine may be busy with other things: time in which this process did not run is left out, and so is the time
    for which a harmless thread makes the loop stand still. It is the least of several tries; a short one is the last.
    """
    gc.collect()
    gc.freeze()  # as the service does at its start: what other tests have left would be looked through again and again
    stalls: list[float] = []
    while len(stalls) < TRIES and min(stalls, default=LIMIT) >= LIMIT:
        stalls.append(await _stall(act))
        if stalls[-1] >= LIMIT:
            stalls[-1] -= await _stall(lambda: asyncio.to_thread(_count))
    return min(stalls)


async def _stall(act: Callable[[], Awaitable[object]]) -> float:
    beats = [_now()]
    heart = asyncio.create_task(_beat(beats))
    await act()
    beats.append(_now())
    heart.cancel()
    return max(min(wall - wall_before, ran - ran_before) for (wall_before, ran_before), (wall, ran) in pairwise(beats))


def _count() -> None:
    for _ in range(10_000_000):
        pass


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


async def _beat(beats: list[tuple[float, float]]) -> None:
    while True:
        await asyncio.sleep(INTERVAL)
        beats.append(_now())


# --- requests


def lists(size: int) -> bytes:
    return b"[" + b"[]," * ((size - 4) // 3) + b"[]]"


def objects(size: int) -> bytes:
    return b"[" + b'{"a":1},' * ((size - 10) // 8) + b"{}]"


def numbers(size: int) -> bytes:
    return b"[" + b"1," * ((size - 4) // 2) + b"1]"


def names(size: int) -> bytes:
    return b"{" + b",".join(b'"%07x":1' % number for number in range((size - 2) // 12)) + b"}"


def escapes(size: int) -> bytes:
    return b'"' + b"\\ud83d\\ude80" * ((size - 4) // 12) + b'"'


def text(size: int) -> bytes:
    return b'"' + b"x" * (size - 4) + b'"'


def deep(size: int) -> bytes:
    return b"[" * size


FILLS: list[Fill] = [lists, objects, numbers, names, escapes, text, deep]


def request(method: str, path: str, body: bytes, headers: Mapping[str, str], *, chunk: int = 0) -> bytes:
    """A request as it is sent; with `chunk` in chunks of that many bytes."""
    length = {"Transfer-Encoding": "chunked"} if chunk else {"Content-Length": str(len(body))}
    lines = [f"{method} {path} HTTP/1.1", "Host: here", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in {**headers, **length}.items()]
    if chunk:
        pieces = (body[start : start + chunk] for start in range(0, len(body), chunk))
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return "\r\n".join([*lines, "", ""]).encode() + body


def send(address: tuple[str, int], data: bytes) -> int:
    """Send a request from a thread; the status of its response."""
    with socket.create_connection(address, timeout=30) as connection:
        with suppress(ConnectionError):  # refused before all of it was sent
            connection.sendall(data)
        answer = connection.recv(100)
        while connection.recv(2**16):
            pass
    return int(answer.split(b" ", 2)[1])
