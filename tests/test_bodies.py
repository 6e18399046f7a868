"""Bodies while they arrive: how long, how slow, and what all strangers together may take."""

import asyncio

import pytest
from aiohttp import web

from bot import bodies
from bot.bodies import BUSY, TooLarge, TooSlow, UnprovenBodies, Unreadable
from bot.errors import Unavailable


class Arriving:
    """A body that arrives as a test says: `end` completes it."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self._chunks: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        for chunk in chunks:
            self.feed(chunk)

    def feed(self, chunk: bytes | Exception) -> None:
        self._chunks.put_nowait(chunk)

    def end(self) -> None:
        self.feed(b"")

    async def readany(self) -> bytes:
        chunk = await self._chunks.get()
        if isinstance(chunk, Exception):
            raise chunk
        return chunk


def complete(*chunks: bytes) -> Arriving:
    """A body that has arrived."""
    return Arriving(*chunks, b"")


async def begin(shared: UnprovenBodies, *contents: Arriving) -> list["asyncio.Task[bytes]"]:
    """Begin to read bodies, one after the other, and read all that has arrived of them."""
    tasks = []
    for content in contents:
        tasks.append(asyncio.create_task(shared.read(content, 1000)))
        await asyncio.sleep(0.001)
    return tasks


async def results(tasks: list["asyncio.Task[bytes]"]) -> list[bytes | BaseException]:
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_body_is_read_and_each_chunk_passed_on() -> None:
    for read in (bodies.read, UnprovenBodies().read):
        chunks: list[bytes] = []
        assert await read(complete(b"ab", b"c"), 3, on_chunk=chunks.append) == b"abc"
        assert chunks == [b"ab", b"c"]
        assert await read(complete(), 0) == b""


async def test_a_body_that_is_too_long_is_refused_as_soon_as_it_is() -> None:
    for read in (bodies.read, UnprovenBodies().read):
        with pytest.raises(TooLarge, match="at most 3 bytes"):
            await read(Arriving(b"abcd"), 3)


async def test_a_body_that_does_not_arrive_in_time_is_refused() -> None:
    with pytest.raises(TooSlow):
        await bodies.read(Arriving(b"a"), 9, seconds=0.01)
    with pytest.raises(TooSlow):
        await UnprovenBodies(seconds=0.01).read(Arriving(b"a"), 9)


async def test_a_body_that_arrives_byte_by_byte_gets_no_more_time() -> None:
    content = Arriving()
    reading = asyncio.create_task(UnprovenBodies(seconds=0.05).read(content, 1000))
    while not reading.done():
        content.feed(b"x")
        await asyncio.sleep(0.005)
    assert isinstance(reading.exception(), TooSlow)


@pytest.mark.parametrize("error", [ConnectionResetError(), web.RequestPayloadError()])
async def test_a_body_that_breaks_off_is_refused(error: Exception) -> None:
    for read in (bodies.read, UnprovenBodies().read):
        with pytest.raises(Unreadable):
            await read(Arriving(b"a", error), 9)


async def test_when_too_much_arrives_the_body_that_began_first_gives_way() -> None:
    contents = [Arriving(b"123456"), Arriving(b"12"), Arriving(b"123")]
    tasks = await begin(UnprovenBodies(max_bytes=10), *contents)
    for content in contents:
        content.end()
    first, *others = await results(tasks)
    assert isinstance(first, Unavailable) and first.sentence == BUSY
    assert others == [b"12", b"123"]


async def test_who_holds_a_body_back_cannot_keep_the_bodies_of_others_out() -> None:
    shared = UnprovenBodies(max_bytes=100)
    held = [Arriving(b"x" * 30) for _ in range(20)]
    tasks = await begin(shared, *held)
    for _ in range(50):
        assert await shared.read(complete(b"y" * 60), 100) == b"y" * 60
    for content in held:
        content.end()
    assert [result for result in await results(tasks) if result == b"x" * 30] == [b"x" * 30]


async def test_a_body_that_is_larger_than_all_together_may_be_gives_way_itself() -> None:
    shared = UnprovenBodies(max_bytes=10)
    with pytest.raises(Unavailable):
        await shared.read(complete(b"123456", b"123456"), 100)
    assert await shared.read(complete(b"1234567890"), 100) == b"1234567890"


async def test_the_bytes_of_a_body_are_given_back_however_its_reading_ends() -> None:
    shared = UnprovenBodies(max_bytes=10, seconds=0.01)
    await shared.read(complete(b"123456789"), 9)
    for content, error in ((Arriving(b"123456789"), TooSlow), (Arriving(b"1234567890"), TooLarge)):
        with pytest.raises(error):
            await shared.read(content, 9)
    (canceled,) = await begin(shared, Arriving(b"123456789"))
    canceled.cancel()
    await asyncio.wait([canceled])
    crowd = await begin(shared, *(Arriving(b"1234") for _ in range(9)))
    await results(crowd)
    last = [Arriving(b"12345"), Arriving(b"12345")]
    tasks = await begin(shared, *last)
    for content in last:
        content.end()
    assert await results(tasks) == [b"12345", b"12345"]
