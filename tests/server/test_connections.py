"""Connections of strangers: heads that are slow or long, bodies that nobody reads, and compressed ones."""

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiohttp import web

from server import connections
from server.connections import MAX_HEAD_BYTES, Runner
from tests.stalls import LIMIT, longest_stall

HEAD_SECONDS = 0.3
GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


@dataclass
class Peer:
    """The other end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def get(self) -> bytes:
        """Send a request, and read the head of its response."""
        self.writer.write(GET)
        return await self.reader.readuntil(b"\r\n\r\n")

    async def is_closed_within(self, seconds: float) -> bool:
        """Whether the connection ends in that time; what is received until then is dropped."""
        try:
            async with asyncio.timeout(seconds):
                while await self.reader.read(2**16):
                    pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True

    async def trickle(self, data: bytes, seconds: float) -> None:
        """Send a byte now and then until the connection is closed."""
        try:
            for number in range(len(data)):
                self.writer.write(data[number : number + 1])
                await self.writer.drain()
                await asyncio.sleep(seconds)
        except ConnectionError:
            return


async def respond(request: web.Request) -> web.Response:
    """Respond without reading the body."""
    return web.Response()


async def measure(request: web.Request) -> web.Response:
    """Respond with the length of the body."""
    return web.Response(text=str(len(await request.read())))


@asynccontextmanager
async def peers(count: int = 1) -> AsyncIterator[list[Peer]]:
    """A server with short limits, and connections to it."""
    app = web.Application(handler_args=connections.OPTIONS)
    app.router.add_route("*", "/", respond)
    app.router.add_post("/count", measure)
    runner = Runner(app, HEAD_SECONDS)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, reuse_address=True)
    await site.start()
    port = runner.addresses[0][1]
    opened = [Peer(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(count)]
    try:
        yield opened
    finally:
        for peer in opened:
            peer.writer.close()
        await runner.cleanup()


@pytest.mark.parametrize("beginning", [b"", b"G", b"GET / HTTP/1.1\r\nHost: here\r\n", b"POST / HTTP/1.1\r\nX: "])
async def test_a_connection_without_a_whole_head_is_closed(beginning: bytes) -> None:
    async with peers() as (peer,):
        peer.writer.write(beginning)
        assert await peer.is_closed_within(4 * HEAD_SECONDS)


async def test_a_head_that_trickles_in_gets_no_more_time() -> None:
    async with peers(20) as slow:
        begun = time.monotonic()
        trickling = [asyncio.create_task(peer.trickle(GET * 50, HEAD_SECONDS / 20)) for peer in slow]
        assert all(await asyncio.gather(*(peer.is_closed_within(4 * HEAD_SECONDS) for peer in slow)))
        assert time.monotonic() - begun < 3 * HEAD_SECONDS
        await asyncio.gather(*trickling)


async def test_the_next_head_of_a_connection_has_its_own_time() -> None:
    async with peers() as (peer,):
        for _ in range(3):
            assert (await peer.get()).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(HEAD_SECONDS / 2)
        peer.writer.write(GET[:-3])
        assert await peer.is_closed_within(4 * HEAD_SECONDS)


async def test_between_two_requests_a_connection_may_be_idle() -> None:
    async with peers() as (peer,):
        await peer.get()
        assert not await peer.is_closed_within(3 * HEAD_SECONDS)
        assert (await peer.get()).startswith(b"HTTP/1.1 200")


async def test_requests_in_pieces_and_pipelined_ones_are_answered() -> None:
    async with peers() as (peer,):
        await peer.trickle(GET, 0.001)
        peer.writer.write(GET + GET[:9])
        await asyncio.sleep(HEAD_SECONDS / 3)
        peer.writer.write(GET[9:])
        for _ in range(3):
            assert (await peer.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")


async def test_a_head_that_is_too_long_is_refused() -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 8000) for number in range(100))
    async with peers() as (peer,):
        peer.writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n")
        sent = 0
        while sent < 2 * MAX_HEAD_BYTES:
            peer.writer.write(lines[sent : sent + 4000])
            sent += 4000
            await asyncio.sleep(0.001)
        assert await peer.is_closed_within(HEAD_SECONDS / 2)


@pytest.mark.parametrize("length", [b"Content-Length: 26214400", b"Transfer-Encoding: chunked"])
async def test_a_body_that_nobody_reads_is_not_waited_for(length: bytes) -> None:
    async with peers() as (peer,):
        peer.writer.write(b"POST / HTTP/1.1\r\nHost: here\r\n" + length + b"\r\n\r\n")
        begun = time.monotonic()
        assert (await peer.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - begun < 1
        assert await peer.is_closed_within(connections.OPTIONS["lingering_time"] + 1)


async def test_a_compressed_body_is_not_inflated_for_a_response_that_does_not_need_it() -> None:
    bomb = gzip.compress(bytes(200_000_000), 1)
    async with peers() as (peer,):
        begun = time.process_time()
        length = str(len(bomb)).encode()
        head = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Encoding: gzip\r\nContent-Length: " + length
        peer.writer.write(head + b"\r\n\r\n" + bomb)
        assert (await peer.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert (await peer.get()).endswith(b"\r\n\r\n")
        assert time.process_time() - begun < 0.2


CHUNKS = b"POST /count HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


async def test_a_body_in_tiny_chunks_is_whole_and_does_not_hold_up_the_event_loop() -> None:
    body = CHUNKS + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n"

    def send(address: tuple[str, int]) -> bytes:
        with socket.create_connection(address) as connection:
            connection.sendall(body)
            return b"".join(iter(lambda: connection.recv(2**16), b""))

    async with peers() as (peer,):
        address = peer.writer.get_extra_info("peername")
        assert (await asyncio.to_thread(send, address)).endswith(b"\r\n\r\n100000")
        assert await longest_stall(lambda: asyncio.to_thread(send, address)) < LIMIT
