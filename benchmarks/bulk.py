"""How long it takes to make many schedules in one request, beside one `executemany` of the same rows.

The process that serves is `longshore serve --no-worker`. It and a plain connection take turns to write the same rows,
which are taken out again between the turns. Then signed deliveries come at a fixed rate, while nothing else goes on and
while bulk requests of the largest size follow each other: how long is each delivery waited for?
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
import orjson

from benchmarks import filling
from benchmarks.databases import KINDS, LABELS, MISSING, connect, fresh, sqlite_file
from benchmarks.intake import EVENT_LOOP, OURS, free_port, serving
from benchmarks.load import Deliveries
from benchmarks.tables import machine, percentile, table
from bot.store.migrate import migrate

MOST = 5.0
MANY, LARGEST = 1_000, 10_000
SPARE = 200  # releases that have schedules already, of which `fill_lists` makes a hundred for each SLA
SLA, SLA_NAME = 1, "gold"
TOKEN = "lsh_benchmark-token"
PATH = "/rest_api/v1/release-schedules/"
HEADERS = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
BODY = 10 * 1024
LIMIT = 16 * 1024 * 1024  # bytes of an answer that are read ahead
RATE = 50  # deliveries a second
INSERT = "INSERT INTO schedules (release_id, sla_id, date) VALUES ({})"

Row = tuple[int, int, date]


class Plain(Protocol):
    """A plain connection to a database."""

    async def fetch(self, sql: str) -> list[Sequence[Any]]:
        """The rows of a question."""

    async def write(self, rows: Sequence[Row]) -> None:
        """Insert rows by one `executemany` in one transaction."""

    async def execute(self, sql: str) -> None:
        """Run one statement."""


class PlainSqlite:
    """A file, with the settings of durability and references that ours has."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str) -> list[Sequence[Any]]:
        """The rows of a question."""
        return self._connection.execute(sql).fetchall()

    async def write(self, rows: Sequence[Row]) -> None:
        """Insert rows by one `executemany` in one transaction."""
        said = [(release, sla, day.isoformat()) for release, sla, day in rows]
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(INSERT.format("?, ?, ?"), said)
        self._connection.execute("COMMIT")

    async def execute(self, sql: str) -> None:
        """Run one statement."""
        self._connection.execute(sql)


class PlainPostgres:
    """A connection of asyncpg."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, sql: str) -> list[Sequence[Any]]:
        """The rows of a question."""
        return list(await self._connection.fetch(sql))

    async def write(self, rows: Sequence[Row]) -> None:
        """Insert rows by one `executemany` in one transaction."""
        async with self._connection.transaction():
            await self._connection.executemany(INSERT.format("$1, $2, $3"), rows)

    async def execute(self, sql: str) -> None:
        """Run one statement."""
        await self._connection.execute(sql)


@asynccontextmanager
async def plain(url: str) -> AsyncIterator[Plain]:
    """A plain connection to the database at an address."""
    if not url.startswith("sqlite"):
        connection = await connect(url)
        try:
            yield PlainPostgres(connection)
        finally:
            await connection.close()
        return
    database = sqlite3.connect(sqlite_file(url), isolation_level=None, timeout=30)
    try:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            database.execute(f"PRAGMA {pragma}").fetchall()
        yield PlainSqlite(database)
    finally:
        database.close()


@dataclass
class Results:
    """Seconds of each turn and latencies of deliveries, by database, and what the largest requests came to."""

    ours: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    largest: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    meanwhile: list[float] = field(default_factory=list)
    bulks: int = 0


@dataclass
class Bench:
    """One server with its database, and the releases that schedules are made for.

    `keeper` counts and clears between the turns: so neither of those who write finds pages that it has just read.
    """

    url: str
    session: aiohttp.ClientSession
    database: Plain
    keeper: Plain
    releases: list[tuple[int, str]]
    results: Results = field(default_factory=Results)
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def rows(self, count: int) -> list[Row]:
        """So many rows as a plain connection writes them."""
        begins = date(2030, 1, 1)
        return [
            (number, SLA, begins + timedelta(days=at % 900)) for at, (number, _) in enumerate(self.releases[:count])
        ]

    def items(self, count: int) -> list[dict[str, str]]:
        """The same rows as a request says them."""
        names = dict(self.releases)
        return [{"release": names[number], "sla": SLA_NAME, "date": str(day)} for number, _, day in self.rows(count)]

    async def post(self, body: bytes, status: int) -> float:
        """How long a bulk request takes that has to be answered with a status. No client of HTTP takes part in it."""
        lines = [f"{name}: {value}" for name, value in {**HEADERS, "Content-Length": len(body)}.items()]
        head = "\r\n".join([f"POST {PATH} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()
        if self.connection is None:
            address = urlsplit(self.url)
            self.connection = await asyncio.open_connection(address.hostname, address.port, limit=LIMIT)
        reader, writer = self.connection
        begun = time.perf_counter()
        writer.write(head + body)
        answered = (await reader.readuntil(b"\r\n\r\n")).lower()
        said = await reader.readexactly(int(answered.partition(b"content-length:")[2].split(b"\r\n", 1)[0]))
        seconds = time.perf_counter() - begun
        if int(answered.split()[1]) != status:
            raise RuntimeError(f"{answered!r} {said[:500]!r}")
        return seconds

    async def count(self) -> int:
        """How many schedules there are of the SLA and the releases that are written here."""
        found = await self.keeper.fetch(f"SELECT count(*) FROM schedules WHERE {self._ours}")
        return int(found[0][0])

    async def clear(self) -> None:
        """Take out what was written."""
        await self.keeper.execute(f"DELETE FROM schedules WHERE {self._ours}")

    @property
    def _ours(self) -> str:
        return f"sla_id = {SLA} AND release_id > {SPARE}"


async def check(bench: Bench) -> None:
    """All or nothing, at most ten thousand: raises when a refused request has left anything."""
    wrong = bench.items(MANY)
    wrong[-1] = {**wrong[-1], "date": "soon"}
    await bench.post(orjson.dumps(wrong), 400)
    twice = bench.items(MANY)
    twice[-1] = twice[0]
    await bench.post(orjson.dumps(twice), 400)
    await bench.post(orjson.dumps(bench.items(LARGEST + 1)), 400)
    if left := await bench.count():
        raise RuntimeError(f"refused requests have left {left} rows")


async def compare(bench: Bench, rounds: int) -> None:
    """The same rows by a request and by one `executemany`, in turn; the first round of each is not counted."""
    body, rows = orjson.dumps(bench.items(MANY)), bench.rows(MANY)
    for number in range(rounds + 1):
        for ours in (True, False) if number % 2 == 0 else (False, True):
            begun = time.perf_counter()
            if ours:
                seconds = await bench.post(body, 201)
            else:
                await bench.database.write(rows)
                seconds = time.perf_counter() - begun
            await _written(bench, MANY)
            if number:
                (bench.results.ours if ours else bench.results.plain).append(seconds)


async def _written(bench: Bench, count: int) -> None:
    """Make sure that so many rows are there, and take them out."""
    if (found := await bench.count()) != count:
        raise RuntimeError(f"{found} rows where {count} were written")
    await bench.clear()


async def largest(bench: Bench, rounds: int) -> None:
    """Ten thousand in one request."""
    body = orjson.dumps(bench.items(LARGEST))
    for _ in range(rounds):
        bench.results.largest.append(await bench.post(body, 201))
        await _written(bench, LARGEST)


async def deliver(bench: Bench, seconds: float) -> list[float]:
    """Send signed deliveries at a fixed rate, whether or not the ones before are answered; how long each took.

    The time counts from when each was due, so that one who could not even be sent in time is not left out.
    """
    deliveries, begun = Deliveries(BODY), time.perf_counter()

    async def one(due: float) -> float:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        head, _, body = deliveries.next().partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
        headers = {name: value for name, value in lines if name not in ("Host", "Content-Length")}
        async with bench.session.post(f"{bench.url}/webhooks/github", data=body, headers=headers) as response:
            await response.read()
        if response.status != 202:
            raise RuntimeError(f"a delivery was answered {response.status}")
        return time.perf_counter() - due

    return list(await asyncio.gather(*(one(begun + at / RATE) for at in range(int(seconds * RATE)))))


async def intake(bench: Bench, seconds: float) -> None:
    """Deliveries by themselves, and while bulk requests of the largest size follow each other."""
    bench.results.alone += await deliver(bench, seconds)
    body = orjson.dumps(bench.items(LARGEST))

    async def bulks() -> None:
        while True:
            await bench.post(body, 201)
            bench.results.bulks += 1
            await bench.clear()

    going = asyncio.create_task(bulks())
    bench.results.meanwhile += await deliver(bench, seconds)
    if going.done():
        await going
    going.cancel()
    with suppress(asyncio.CancelledError):
        await going
    await bench.clear()


async def measure(kind: str, rounds: int, seconds: float) -> Results:
    """All of it on one database."""
    async with fresh(kind) as url:
        await migrate(url)
        await filling.fill_lists(url, LARGEST + SPARE + 1, TOKEN)
        port = free_port()
        timeout = aiohttp.ClientTimeout(total=120)
        async with (
            serving(OURS.says, OURS.command(port, url), port, url),
            plain(url) as database,
            plain(url) as keeper,
            aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session,
        ):
            found = await database.fetch(f"SELECT id, release_id FROM releases WHERE id > {SPARE} ORDER BY id")
            releases = [(row[0], row[1]) for row in found]
            bench = Bench(f"http://127.0.0.1:{port}", session, database, keeper, releases)
            for part in (check(bench), compare(bench, rounds), largest(bench, 3), intake(bench, seconds)):
                await part
        return bench.results


def report(found: dict[str, Results]) -> tuple[str, bool]:
    """The tables, and whether a request stays within its share."""
    bulk, hooks, met = [], [], True
    for kind, results in found.items():
        times = median(own / other for own, other in zip(results.ours, results.plain, strict=True))
        met &= times <= MOST
        shown = [f"{median(each) * 1000:.1f} ms" for each in (results.plain, results.ours)]
        bulk.append([LABELS[kind], *shown, f"{times:.1f}", f"≤ {MOST:g}", f"{median(results.largest) * 1000:.0f} ms"])
        quiet, busy = (
            [f"{percentile(each, at) * 1000:.1f} ms" for at in (0.5, 0.99)]
            for each in (results.alone, results.meanwhile)
        )
        hooks.append([LABELS[kind], *quiet, *busy, str(results.bulks)])
    head = ["database", f"{MANY:,} by executemany", f"{MANY:,} in a request", "times", "required"]
    first = table([*head, f"{LARGEST:,} in a request"], bulk)
    head = ["deliveries", "alone, median", "alone, p99", "during bulk, median", "during bulk, p99"]
    return f"{first}\n\n{table([*head, f'requests of {LARGEST:,}'], hooks)}", met


def main() -> int:
    """Measure and print; 1 when the requirement is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=15.0, help="of deliveries, with and without bulk")
    given = parser.parse_args()
    factory = None
    if EVENT_LOOP == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    found = {}
    with asyncio.Runner(loop_factory=factory) as runner:
        for kind in KINDS:
            print(f"  {LABELS[kind]}", file=sys.stderr, flush=True)
            found[kind] = runner.run(measure(kind, given.rounds, given.seconds))
    text, met = report(found)
    how = f"{given.rounds} rounds; {RATE} deliveries/s of {BODY:,} bytes for {given.seconds:g} s, {EVENT_LOOP}"
    print(f"{machine()} {how}. {'' if 'postgres' in KINDS else MISSING}\n")
    print(text)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
