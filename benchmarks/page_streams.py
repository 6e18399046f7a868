"""500 open pages, and how soon each is told of an event. The service runs in a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from benchmarks.databases import connect
from benchmarks.testbed import open_testbed
from benchmarks.turns import requests
from bot import log
from bot.operations import sessions
from bot.store.database import execute
from tests.world import create_sample_project
from web import cookies

PAGES, EVENTS = 500, 20
OF_SESSION = 25  # pages of one session
PAUSE = 0.5  # seconds between two events
MAX_P99 = 0.300  # seconds
MAX_MEMORY = 100_000_000  # bytes of all pages
MAX_CONNECTIONS = 12
"""Connections to the database with all pages open: those of the pool, and one that listens."""


@dataclass(frozen=True)
class Told:
    """The delays in seconds, the bytes that all pages cost, and the connections to the database; 0 if not known."""

    delays: list[float]
    memory: int
    connections: int

    @property
    def p99(self) -> float:
        """The delay that 99 of 100 were below."""
        return sorted(self.delays)[int(len(self.delays) * 0.99)]

    @property
    def is_met(self) -> bool:
        """Whether the requirements are met."""
        return self.p99 <= MAX_P99 and self.memory <= MAX_MEMORY and self.connections <= MAX_CONNECTIONS

    def cells(self) -> list[str]:
        """The cells of the table."""
        middle = sorted(self.delays)[len(self.delays) // 2]
        delays = [f"{middle * 1000:.0f} ms", f"{self.p99 * 1000:.0f} ms", f"≤ {MAX_P99 * 1000:.0f} ms"]
        return [
            f"{PAGES}",
            *delays,
            f"{self.memory / 1e6:.0f} MB",
            f"≤ {MAX_MEMORY / 1e6:.0f} MB",
            f"{self.connections}",
        ]


async def serve(url: str) -> None:
    """Child process: serve, and record an event for each line on standard input; each answer is a line of JSON."""
    log.configure("error")
    lines = await requests()
    async with open_testbed(url) as testbed, testbed.process(worker=False) as world:
        await create_sample_project(world)
        context = await world.context()
        links = [await sessions.create_link(context) for _ in range(PAGES // OF_SESSION)]
        secrets = [await sessions.use_link(context, link, "a benchmark") for link in links]
        print(json.dumps({"url": world.url, "secrets": secrets, "memory": _memory()}), flush=True)
        while line := await lines.readline():
            if line.strip() == b"memory":
                print(json.dumps({"memory": _memory(), "connections": await _connections(url)}), flush=True)
                continue
            await world.ask("POST", "/api/freezes", {"reason": "a benchmark"})
            print(json.dumps({"at": time.monotonic()}), flush=True)
        await execute("DELETE FROM freezes")


def _memory() -> int:
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * 4096


async def _connections(url: str) -> int:
    if url.startswith("sqlite"):
        return 0
    connection = await connect(url)
    try:
        counted = await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(counted) - 1
    finally:
        await connection.close()


async def measure_streams(url: str) -> Told:
    """Open all pages, record events one after another, and note when each page was told of it."""
    command = (sys.executable, "-m", "benchmarks.page_streams", url)
    child = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, cwd=Path(__file__).parent.parent)
    assert child.stdin is not None and child.stdout is not None

    async def ask(line: str) -> dict[str, float]:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(f"{line}\n".encode())
        answer: dict[str, float] = json.loads(await child.stdout.readline())
        return answer

    begun = json.loads(await child.stdout.readline())
    arrivals: list[float] = []
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout()
    ) as client:
        opened = asyncio.Semaphore(0)
        secrets = [secret for secret in begun["secrets"] for _ in range(OF_SESSION)]
        pages = [asyncio.create_task(_listen(client, begun["url"], secret, opened, arrivals)) for secret in secrets]
        for _ in pages:
            await opened.acquire()
        delays: list[float] = []
        for _ in range(EVENTS):
            arrivals.clear()
            began = time.monotonic()
            await ask("event")
            await asyncio.sleep(PAUSE)
            delays += [arrival - began for arrival in arrivals] + [PAUSE] * (PAGES - len(arrivals))
        after = await ask("memory")
        for page in pages:
            page.cancel()
        await asyncio.gather(*pages, return_exceptions=True)
    child.stdin.close()
    await child.wait()
    return Told(delays, int(after["memory"] - begun["memory"]), int(after["connections"]))


async def _listen(
    client: aiohttp.ClientSession, url: str, secret: str, opened: asyncio.Semaphore, arrivals: list[float]
) -> None:
    """Keep a page open, and note when it is told of something."""
    is_first = True
    with suppress(aiohttp.ClientError):
        async with client.get(f"{url}/live", headers={"Cookie": f"{cookies.NAME}={secret}"}) as response:
            async for line in response.content:
                if not line.startswith(b"data:"):
                    continue
                if is_first:
                    is_first = False
                    opened.release()
                elif b"service" in line:
                    arrivals.append(time.monotonic())


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
