"""Measure how long it takes to create many schedules in one request, compared with one `executemany` of the same rows.

The server is `longshore serve --no-worker`. It and a plain connection take turns writing the same rows, which are
deleted in between. Then the latency of signed webhook deliveries is measured, which are sent at a fixed rate: first to
an idle server, then while it handles bulk requests of the maximum size.
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

from benchmarks import datasets
from benchmarks.databases import ENGINE_LABELS, ENGINES, ENGINES_NOTE, connect, sqlite_path, temporary_database
from benchmarks.intake import EVENT_LOOP, LONGSHORE, event_loop_runner, free_port, running_server
from benchmarks.load import DeliverySource
from benchmarks.reporting import markdown_table, measured_on, percentile
from bot.store.migrate import migrate

MAX_RATIO = 5.0
ITEMS, MAX_ITEMS = 1_000, 10_000
FIRST_RELEASES = 200  # releases to skip: `fill_lists` creates schedules of SLA 1 for the first hundred
SLA, SLA_NAME = 1, "gold"
TOKEN = "lsh_benchmark-token"
PATH = "/rest_api/v1/release-schedules/"
HEADERS = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
DELIVERY_BYTES = 10 * 1024
READ_LIMIT = 16 * 1024 * 1024  # bytes of a response to buffer
DELIVERIES_PER_SECOND = 50
INSERT = "INSERT INTO schedules (release_id, sla_id, date) VALUES ({})"

Row = tuple[int, int, date]


class PlainConnection(Protocol):
    """A plain database connection."""

    async def fetch(self, sql: str) -> list[Sequence[Any]]:
        """Return the rows of a query."""

    async def write(self, rows: Sequence[Row]) -> None:
        """Insert rows with one `executemany` in one transaction."""

    async def execute(self, sql: str) -> None:
        """Execute a statement."""


class PlainSqlite:
    """An SQLite connection with the same durability and foreign key settings as ours."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str) -> list[Sequence[Any]]:
        """Return the rows of a query."""
        return self._connection.execute(sql).fetchall()

    async def write(self, rows: Sequence[Row]) -> None:
        """Insert rows with one `executemany` in one transaction."""
        parameters = [(release, sla, day.isoformat()) for release, sla, day in rows]
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(INSERT.format("?, ?, ?"), parameters)
        self._connection.execute("COMMIT")

    async def execute(self, sql: str) -> None:
        """Execute a statement."""
        self._connection.execute(sql)


class PlainPostgres:
    """An asyncpg connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, sql: str) -> list[Sequence[Any]]:
        """Return the rows of a query."""
        return list(await self._connection.fetch(sql))

    async def write(self, rows: Sequence[Row]) -> None:
        """Insert rows with one `executemany` in one transaction."""
        async with self._connection.transaction():
            await self._connection.executemany(INSERT.format("$1, $2, $3"), rows)

    async def execute(self, sql: str) -> None:
        """Execute a statement."""
        await self._connection.execute(sql)


@asynccontextmanager
async def open_plain(url: str) -> AsyncIterator[PlainConnection]:
    """Open a plain connection to the database at a URL."""
    if not url.startswith("sqlite"):
        connection = await connect(url)
        try:
            yield PlainPostgres(connection)
        finally:
            await connection.close()
        return
    database = sqlite3.connect(sqlite_path(url), isolation_level=None, timeout=30)
    try:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            database.execute(f"PRAGMA {pragma}").fetchall()
        yield PlainSqlite(database)
    finally:
        database.close()


@dataclass
class Results:
    """Seconds of each write, latencies of deliveries, and the number of concurrent bulk requests."""

    ours: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    largest: list[float] = field(default_factory=list)
    idle_latencies: list[float] = field(default_factory=list)
    busy_latencies: list[float] = field(default_factory=list)
    bulk_requests: int = 0


@dataclass
class Bench:
    """A server with its database, and the releases to create schedules for.

    A separate connection, `cleaner`, counts and deletes rows between writes, so that it does not warm the page cache of
    either writer.
    """

    url: str
    session: aiohttp.ClientSession
    database: PlainConnection
    cleaner: PlainConnection
    releases: list[tuple[int, str]]
    results: Results = field(default_factory=Results)
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def rows(self, count: int) -> list[Row]:
        """Return rows as a plain connection writes them."""
        first_day = date(2030, 1, 1)
        return [
            (release_id, SLA, first_day + timedelta(days=index % 900))
            for index, (release_id, _) in enumerate(self.releases[:count])
        ]

    def items(self, count: int) -> list[dict[str, str]]:
        """Return the same rows as items of a request."""
        names = dict(self.releases)
        return [
            {"release": names[release_id], "sla": SLA_NAME, "date": str(day)} for release_id, _, day in self.rows(count)
        ]

    async def post(self, body: bytes, status: int) -> float:
        """Return the seconds of a bulk request; raise unless the response has the expected status.

        It writes to a socket, so that the overhead of an HTTP client is not measured.
        """
        lines = [f"{name}: {value}" for name, value in {**HEADERS, "Content-Length": len(body)}.items()]
        header = "\r\n".join([f"POST {PATH} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()
        if self.connection is None:
            address = urlsplit(self.url)
            self.connection = await asyncio.open_connection(address.hostname, address.port, limit=READ_LIMIT)
        reader, writer = self.connection
        started = time.perf_counter()
        writer.write(header + body)
        response_header = (await reader.readuntil(b"\r\n\r\n")).lower()
        response_body = await reader.readexactly(
            int(response_header.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        )
        seconds = time.perf_counter() - started
        if int(response_header.split()[1]) != status:
            raise RuntimeError(f"{response_header!r} {response_body[:500]!r}")
        return seconds

    async def count(self) -> int:
        """Return the number of schedules that this benchmark has written."""
        rows = await self.cleaner.fetch(f"SELECT count(*) FROM schedules WHERE {self._ours}")
        return int(rows[0][0])

    async def clear(self) -> None:
        """Delete the rows that were written."""
        await self.cleaner.execute(f"DELETE FROM schedules WHERE {self._ours}")

    @property
    def _ours(self) -> str:
        return f"sla_id = {SLA} AND release_id > {FIRST_RELEASES}"


async def check_atomicity(bench: Bench) -> None:
    """Raise if a refused request (invalid item, duplicate item, too many items) leaves any rows."""
    invalid = bench.items(ITEMS)
    invalid[-1] = {**invalid[-1], "date": "soon"}
    await bench.post(orjson.dumps(invalid), 400)
    duplicated = bench.items(ITEMS)
    duplicated[-1] = duplicated[0]
    await bench.post(orjson.dumps(duplicated), 400)
    await bench.post(orjson.dumps(bench.items(MAX_ITEMS + 1)), 400)
    if remaining := await bench.count():
        raise RuntimeError(f"refused requests left {remaining} rows")


async def compare_writes(bench: Bench, rounds: int) -> None:
    """Write the same rows by a request and by one `executemany`, in turn; the first round does not count."""
    body, rows = orjson.dumps(bench.items(ITEMS)), bench.rows(ITEMS)
    for round_number in range(rounds + 1):
        for ours in (True, False) if round_number % 2 == 0 else (False, True):
            started = time.perf_counter()
            if ours:
                seconds = await bench.post(body, 201)
            else:
                await bench.database.write(rows)
                seconds = time.perf_counter() - started
            await _verify_and_clear(bench, ITEMS)
            if round_number:
                (bench.results.ours if ours else bench.results.plain).append(seconds)


async def _verify_and_clear(bench: Bench, count: int) -> None:
    """Check the number of written rows and delete them."""
    if (written := await bench.count()) != count:
        raise RuntimeError(f"{written} rows instead of {count}")
    await bench.clear()


async def measure_largest(bench: Bench, rounds: int) -> None:
    """Time requests of the maximum size."""
    body = orjson.dumps(bench.items(MAX_ITEMS))
    for _ in range(rounds):
        bench.results.largest.append(await bench.post(body, 201))
        await _verify_and_clear(bench, MAX_ITEMS)


async def send_deliveries(bench: Bench, seconds: float) -> list[float]:
    """Send signed deliveries at a fixed rate, without waiting for earlier responses; return their latencies.

    A latency starts when the delivery is due, so that the time before it could be sent is included.
    """
    deliveries, started = DeliverySource(DELIVERY_BYTES), time.perf_counter()

    async def send(due: float) -> float:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        head, _, body = deliveries.next().partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
        headers = {name: value for name, value in lines if name not in ("Host", "Content-Length")}
        async with bench.session.post(f"{bench.url}/webhooks/github", data=body, headers=headers) as response:
            await response.read()
        if response.status != 202:
            raise RuntimeError(f"a delivery got the status {response.status}")
        return time.perf_counter() - due

    return list(
        await asyncio.gather(
            *(send(started + index / DELIVERIES_PER_SECOND) for index in range(int(seconds * DELIVERIES_PER_SECOND)))
        )
    )


async def measure_intake(bench: Bench, seconds: float) -> None:
    """Measure deliveries to an idle server, and to one that handles bulk requests of the maximum size."""
    bench.results.idle_latencies += await send_deliveries(bench, seconds)
    body = orjson.dumps(bench.items(MAX_ITEMS))

    async def send_bulk_requests() -> None:
        while True:
            await bench.post(body, 201)
            bench.results.bulk_requests += 1
            await bench.clear()

    bulk_task = asyncio.create_task(send_bulk_requests())
    bench.results.busy_latencies += await send_deliveries(bench, seconds)
    if bulk_task.done():
        await bulk_task
    bulk_task.cancel()
    with suppress(asyncio.CancelledError):
        await bulk_task
    await bench.clear()


async def measure(engine: str, rounds: int, seconds: float) -> Results:
    """Run all measurements on one database."""
    async with temporary_database(engine) as url:
        await migrate(url)
        await datasets.fill_lists(url, MAX_ITEMS + FIRST_RELEASES + 1, TOKEN)
        port = free_port()
        timeout = aiohttp.ClientTimeout(total=120)
        async with (
            running_server(LONGSHORE.label, LONGSHORE.command(port, url), port, url),
            open_plain(url) as database,
            open_plain(url) as cleaner,
            aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session,
        ):
            rows = await database.fetch(f"SELECT id, release_id FROM releases WHERE id > {FIRST_RELEASES} ORDER BY id")
            releases = [(row[0], row[1]) for row in rows]
            bench = Bench(f"http://127.0.0.1:{port}", session, database, cleaner, releases)
            for step in (
                check_atomicity(bench),
                compare_writes(bench, rounds),
                measure_largest(bench, 3),
                measure_intake(bench, seconds),
            ):
                await step
        return bench.results


def report(results_by_engine: dict[str, Results]) -> tuple[str, bool]:
    """Return the tables and whether every ratio is within the limit."""
    bulk_rows, delivery_rows, met = [], [], True
    for engine, results in results_by_engine.items():
        ratio = median(longshore / plain for longshore, plain in zip(results.ours, results.plain, strict=True))
        met &= ratio <= MAX_RATIO
        medians = [f"{median(series) * 1000:.1f} ms" for series in (results.plain, results.ours)]
        bulk_rows.append(
            [
                ENGINE_LABELS[engine],
                *medians,
                f"{ratio:.1f}",
                f"≤ {MAX_RATIO:g}",
                f"{median(results.largest) * 1000:.0f} ms",
            ]
        )
        idle, busy = (
            [f"{percentile(series, share) * 1000:.1f} ms" for share in (0.5, 0.99)]
            for series in (results.idle_latencies, results.busy_latencies)
        )
        delivery_rows.append([ENGINE_LABELS[engine], *idle, *busy, str(results.bulk_requests)])
    header = ["database", f"{ITEMS:,} by executemany", f"{ITEMS:,} in a request", "ratio", "required"]
    first = markdown_table([*header, f"{MAX_ITEMS:,} in a request"], bulk_rows)
    header = ["deliveries", "alone, median", "alone, p99", "during bulk, median", "during bulk, p99"]
    return f"{first}\n\n{markdown_table([*header, f'requests of {MAX_ITEMS:,}'], delivery_rows)}", met


def main() -> int:
    """Measure and print the results; return 1 when the requirement is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--seconds", type=float, default=15.0, help="seconds of deliveries, with and without bulk requests"
    )
    args = parser.parse_args()
    results = {}
    with event_loop_runner() as runner:
        for engine in ENGINES:
            print(f"  {ENGINE_LABELS[engine]}", file=sys.stderr, flush=True)
            results[engine] = runner.run(measure(engine, args.rounds, args.seconds))
    text, met = report(results)
    load = f"{DELIVERIES_PER_SECOND} deliveries/s of {DELIVERY_BYTES:,} bytes for {args.seconds:g} s"
    print(f"{measured_on()} {args.rounds} rounds; {load}, {EVENT_LOOP}. {ENGINES_NOTE}\n")
    print(text)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
