"""Bodies of requests while they arrive: bounded in bytes and in time, and together while their senders are unknown.

A body that is read with `read` came with credentials in its head. One whose credentials are in the body itself, or are
a signature over it, is a stranger's until it has been read: `UnprovenBodies` reads it.
"""

import asyncio
from collections.abc import Callable
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Protocol

from aiohttp import web

from bot.errors import Refusal, Unavailable

SECONDS = 60.0
"""Seconds within which the body of a known caller has to arrive."""
UNPROVEN_SECONDS = 10.0
"""Seconds within which the body of a stranger has to arrive."""
UNPROVEN_BYTES = 32 * 1024 * 1024
"""The bytes of all bodies of strangers that are arriving."""
BUSY = "Too many large requests at once. Try again later."


class Content(Protocol):
    """A body that is arriving, as aiohttp's `request.content`."""

    async def readany(self) -> bytes:
        """Wait for more of it; b"" at its end."""


OnChunk = Callable[[bytes], object]


class TooLarge(Refusal):
    """The body has more bytes than the call takes."""


class TooSlow(Refusal):
    """The body did not arrive in time."""


class Unreadable(Refusal):
    """The body is not sent as its headers say, or its sender is gone."""


def too_large(max_bytes: int) -> str:
    """The sentence about a body that is too long."""
    return f"The body may have at most {max_bytes:,} bytes."


async def read(
    content: Content, max_bytes: int, seconds: float = SECONDS, on_chunk: OnChunk = lambda chunk: None
) -> bytes:
    """Read a body, passing each chunk to `on_chunk` as it arrives. Raises TooLarge, TooSlow and Unreadable."""
    try:
        with mmap(-1, max(1, max_bytes), flags=MAP_PRIVATE | MAP_ANONYMOUS) as body:
            async with asyncio.timeout(seconds):
                while chunk := await content.readany():
                    if body.tell() + len(chunk) > max_bytes:
                        raise TooLarge(too_large(max_bytes))
                    body.write(chunk)
                    on_chunk(chunk)
            return body[: body.tell()]
    except TimeoutError:
        raise TooSlow(f"The body did not arrive within {seconds:.0f} seconds.") from None
    except (web.RequestPayloadError, ConnectionError) as error:
        raise Unreadable("The body cannot be read: it is not sent as its headers say.") from error


class UnprovenBodies:
    """Reads the bodies of strangers, all connections together at most `max_bytes` at a time.

    When more arrive, the body that began to arrive first gives way: an honest one takes a moment, so whoever holds
    others up loses, and not whoever comes next.
    """

    def __init__(self, max_bytes: int = UNPROVEN_BYTES, seconds: float = UNPROVEN_SECONDS) -> None:
        self._max_bytes, self._seconds = max_bytes, seconds
        self._bytes = 0
        self._arriving: dict[_Share, None] = {}  # in the order in which they began

    async def read(self, content: Content, max_bytes: int, on_chunk: OnChunk = lambda chunk: None) -> bytes:
        """Read a body, as `read` does. Raises Unavailable when it had to give way to others."""
        share = _Share()

        def take(chunk: bytes) -> None:
            self._take(share, len(chunk))
            on_chunk(chunk)

        self._arriving[share] = None
        try:
            async with share.reading:
                return await read(content, max_bytes, self._seconds, take)
        except TimeoutError:
            raise Unavailable(BUSY) from None
        finally:
            self._drop(share)

    def _take(self, share: "_Share", count: int) -> None:
        if share in self._arriving:
            share.bytes += count
            self._bytes += count
        while self._bytes > self._max_bytes:
            oldest = next(iter(self._arriving))
            self._drop(oldest)
            oldest.give_way()
        if share not in self._arriving:  # it has given way, and its task may not have noticed yet
            raise Unavailable(BUSY)

    def _drop(self, share: "_Share") -> None:
        if share in self._arriving:
            del self._arriving[share]
            self._bytes -= share.bytes


class _Share:
    """What one body has of the bytes of all."""

    def __init__(self) -> None:
        self.bytes = 0
        self.reading = asyncio.timeout(None)

    def give_way(self) -> None:
        """Stop reading: a TimeoutError is raised in the task that does."""
        if not self.reading.expired():
            self.reading.reschedule(asyncio.get_running_loop().time())
