"""Measure how fast each dialect serves a page of a list, compared with a bare route that sends the same SQL as JSON.

For each database, one process serves our application on one port and the bare routes on another. A bare route runs the
statements that our code ran for the same page, with the same arguments (without the look-up of the token), and sends
their rows. It uses the usual libraries for aiohttp: aiosqlite, with one call per statement, or an asyncpg pool. Both
take turns; this process is the load generator.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import aiohttp
import aiosqlite
import orjson
from aiohttp import web

from benchmarks import datasets
from benchmarks.databases import ENGINE_LABELS, ENGINES, ENGINES_NOTE, connect, prepared_database, sqlite_path
from benchmarks.intake import EVENT_LOOP, cpu_seconds, event_loop_runner, free_port, running_server
from benchmarks.load import Measurement, generate_load
from benchmarks.reporting import markdown_table, measured_on, percentile
from bot import log
from bot.settings import read_settings
from bot.store import migrations
from bot.store.migrate import migrate
from server.app import SERVICE, create_app

MIN_RATIO = 0.6
MAX_GROWTH = 1.3
TOKEN = "lsh_benchmark-token"
CONNECTIONS = 8
WARM_UP_SECONDS = 0.3
REPEATS = 7  # of each page in a round; the median counts
MIN_ROWS = 20  # of a page: most have as many, those of announcements 100


@dataclass(frozen=True)
class Case:
    """A list with two filters: one that matches few rows, and one that matches a tenth or more of all rows.

    The few rows are the oldest of the table, the worst case for a scan from the newest row. `anonymous` requests have
    no token.
    """

    label: str
    few_rows_path: str
    many_rows_path: str
    anonymous: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """Request headers of the caller."""
        return {} if self.anonymous else {"Authorization": f"Token {TOKEN}"}


DEPLOYMENTS = "/api/releases/filler-{}/environments/staging/deployments?per_page=20"
PACKAGES = "/api/releases/?package=filler-{}&status=10"
RELEASES = "/api/projects/filler-{}/releases"
ANNOUNCEMENTS = "/projects/filler-{}/releases.json"
SCHEDULES = "/rest_api/v1/release-schedules/?sla={}&ordering=-date"
FILES = "/rest_api/v1/released-files/?repo={}&ordering=-release_date"
CASES = (
    Case("`releases`: deployments", DEPLOYMENTS.format(11), DEPLOYMENTS.format(2)),
    Case("`packages`: releases", PACKAGES.format(11), PACKAGES.format(2)),
    Case("our own: releases", RELEASES.format(11), RELEASES.format(2)),
    Case("`announcements`, anonymous", ANNOUNCEMENTS.format(11), ANNOUNCEMENTS.format(2), anonymous=True),
    Case("`announcements`, token", ANNOUNCEMENTS.format(11), ANNOUNCEMENTS.format(2)),
    Case("`release-schedules`, anonymous", SCHEDULES.format("gold"), SCHEDULES.format("silver"), anonymous=True),
    Case("`release-schedules`, token", SCHEDULES.format("gold"), SCHEDULES.format("silver")),
    Case("`released-files`, anonymous", FILES.format(1), FILES.format(3), anonymous=True),
    Case("`released-files`, token", FILES.format(1), FILES.format(3)),
)

Execute = Callable[[str, Any], Awaitable[list[dict[str, Any]]]]
Key = tuple[str, int]
Times = dict[str, float]


# --- the server process


@dataclass(frozen=True)
class Statement:
    """An executed SQL statement and its duration in seconds."""

    sql: str
    args: Any
    seconds: float

    @property
    def is_count(self) -> bool:
        """Whether the statement is an exact count."""
        return "count(*)" in self.sql


@dataclass
class Recorder:
    """Execute statements, and record them while `statements` is a list."""

    execute: Execute
    statements: list[Statement] | None = None

    async def __call__(self, sql: str, args: Any = None) -> list[dict[str, Any]]:
        """Execute a statement."""
        if self.statements is None:
            return await self.execute(sql, args)
        started = time.perf_counter()
        rows = await self.execute(sql, args)
        self.statements.append(Statement(sql, args, time.perf_counter() - started))
        return rows


class BareRoutes:
    """The bare routes, and a route that reports the duration of our own statements."""

    def __init__(self, url: str, address: str, recorder: Recorder) -> None:
        self._url, self._address, self._recorder = url, address, recorder
        self._read: Execute
        self._statements_by_case: dict[int, list[Statement]] = {}
        self._recording = asyncio.Lock()
        self._session: aiohttp.ClientSession

    async def open(self, _: web.Application) -> AsyncIterator[None]:
        """Open a client of our application and a connection to the database."""
        async with aiohttp.ClientSession(self._address) as self._session, open_reader(self._url) as self._read:
            yield

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the routes."""
        router.add_get("/pages/{case}", self.page)
        router.add_get("/times/{case}", self.times)

    async def record_statements(self, case: Case, path: str) -> list[Statement]:
        """Return the statements that our code runs for a page."""
        self._recorder.statements = []
        try:
            async with self._session.get(path, headers=case.headers) as response:
                body = await response.json()
                rows = body["results"] if isinstance(body, dict) else body
            if response.status != 200 or len(rows) < MIN_ROWS:
                raise RuntimeError(f"{path}: {response.status} {body}")
            return self._recorder.statements
        finally:
            self._recorder.statements = None

    async def page(self, request: web.Request) -> web.Response:
        """Run the SQL of our page with few rows and send the rows as JSON."""
        case_number = int(request.match_info["case"])
        async with self._recording if case_number not in self._statements_by_case else nullcontext():
            if case_number not in self._statements_by_case:
                self._statements_by_case[case_number] = await self.record_statements(
                    CASES[case_number], CASES[case_number].few_rows_path
                )
        count: list[dict[str, Any]] = []
        for statement in self._statements_by_case[case_number]:
            result = await self._read(statement.sql, statement.args)
            if statement.is_count:
                count = result
            else:
                rows = result
        return web.Response(body=orjson.dumps(count + rows), content_type="application/json")

    async def times(self, request: web.Request) -> web.Response:
        """Report the seconds of our page with many rows, of its count, and of the same count on a plain connection."""
        case = CASES[int(request.match_info["case"])]
        statements = await self.record_statements(case, case.many_rows_path)
        page = [statement for statement in statements if not statement.is_count]
        times = {"page": median([await self._time_statements(page) for _ in range(REPEATS)])}
        for statement in statements:
            if statement.is_count:
                times |= {"count": statement.seconds, "alone": await time_statement(self._url, statement)}
        return web.Response(body=orjson.dumps(times), content_type="application/json")

    async def _time_statements(self, statements: Sequence[Statement]) -> float:
        """Return the seconds of running statements one after the other through our database client."""
        started = time.perf_counter()
        for statement in statements:
            await self._recorder.execute(statement.sql, statement.args)
        return time.perf_counter() - started


@asynccontextmanager
async def open_reader(url: str) -> AsyncIterator[Execute]:
    """Open a plain connection or pool; yield a function that reads rows as dictionaries."""
    if url.startswith("sqlite"):
        async with aiosqlite.connect(f"file:{sqlite_path(url)}?mode=ro", uri=True) as database:
            database.row_factory = sqlite3.Row

            async def read(sql: str, args: Any) -> list[dict[str, Any]]:
                return [dict(row) for row in await database.execute_fetchall(sql, args)]

            yield read
        return
    async with import_module("asyncpg").create_pool(url) as pool:

        async def fetch(sql: str, args: Any) -> list[dict[str, Any]]:
            return [dict(row) for row in await pool.fetch(sql, *args)]

        yield fetch


async def time_statement(url: str, statement: Statement) -> float:
    """Return the seconds of a statement on a plain connection."""
    if url.startswith("sqlite"):
        database = sqlite3.connect(sqlite_path(url))
        try:
            database.execute("SELECT count(*) FROM users").fetchall()  # opens the file and reads the schema
            started = time.perf_counter()
            database.execute(statement.sql, statement.args).fetchall()
            return time.perf_counter() - started
        finally:
            database.close()
    connection = await connect(url)
    try:
        prepared = await connection.prepare(statement.sql)
        started = time.perf_counter()
        await prepared.fetch(*statement.args)
        return time.perf_counter() - started
    finally:
        await connection.close()


class Bare(Protocol):
    """Bare routes beside our application."""

    def open(self, _: web.Application) -> AsyncIterator[None]:
        """Open what the routes need, until the server stops."""

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the routes."""


async def serve(bare_port: int, make: Callable[[str, str, Recorder], Bare]) -> None:
    """Serve our application and bare routes, with the settings of the environment, until stopped.

    `make` is given the addresses of the database and of our application, and what records our statements.
    """
    settings = read_settings()
    log.configure(settings.log_level)
    app = create_app(settings, worker=False)
    ours = web.AppRunner(app, access_log=None)
    await ours.setup()
    client: Any = app[SERVICE].database.client
    client.execute_query_dict = recorder = Recorder(client.execute_query_dict)
    bare, routes = make(settings.database_url, settings.url, recorder), web.Application()
    routes.cleanup_ctx.append(bare.open)
    bare.add_to(routes.router)
    others = web.AppRunner(routes, access_log=None)
    await others.setup()
    await web.TCPSite(others, settings.host, bare_port).start()
    await web.TCPSite(ours, settings.host, settings.port).start()
    await asyncio.Event().wait()


# --- the load generator


class RepeatedRequest:
    """A source that repeats one request."""

    status = b"200"

    def __init__(self, path: str, headers: dict[str, str]) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n{lines}\r\n".encode()

    def next(self) -> bytes:
        """Return the request."""
        return self._request


@dataclass(frozen=True)
class Server:
    """A server process with one of the databases."""

    port: int
    bare_port: int
    pid: int


@dataclass
class Series:
    """Measurements of one list on one database: rates, latencies and processor seconds per request."""

    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def add(self, measurement: Measurement, cpu: float) -> None:
        """Add a measurement."""
        self.rates.append(measurement.rate)
        self.latencies += measurement.latencies
        self.costs.append(cpu / max(1, measurement.acknowledged))


@dataclass
class Results:
    """Rates by engine, list and server (ours or bare); times by engine, size and list."""

    rates: dict[tuple[str, int, bool], Series] = field(default_factory=dict)
    times: dict[tuple[str, int, int], list[Times]] = field(default_factory=dict)
    busiest: float = 0.0


async def measure(server: Server, case_number: int, seconds: float, *, ours: bool) -> tuple[Measurement, float]:
    """Load our list or the bare route; return the measurement and the processor time of the server process."""
    case = CASES[case_number]
    requests = RepeatedRequest(case.few_rows_path if ours else f"/pages/{case_number}", case.headers)
    before = cpu_seconds(server.pid)
    port = server.port if ours else server.bare_port
    measurement = await generate_load(port, requests, connections=CONNECTIONS, warm_up=WARM_UP_SECONDS, seconds=seconds)
    return measurement, cpu_seconds(server.pid) - before


async def run_round(
    servers: dict[Key, Server], large: int, seconds: float, longshore_first: bool, results: Results
) -> None:
    """Measure each list on each database: our route and the bare route in turn, then the times at every size."""
    for engine in ENGINES:
        for case_number in range(len(CASES)):
            for ours in (longshore_first, not longshore_first):
                measurement, cpu = await measure(servers[engine, large], case_number, seconds, ours=ours)
                results.rates.setdefault((engine, case_number, ours), Series()).add(measurement, cpu)
                results.busiest = max(results.busiest, measurement.cpu_share)
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        for case_number in range(len(CASES)):
            for (engine, size), server in servers.items() if longshore_first else reversed(servers.items()):
                async with session.get(f"http://127.0.0.1:{server.bare_port}/times/{case_number}") as response:
                    results.times.setdefault((engine, size, case_number), []).append(
                        orjson.loads(await response.read())
                    )


@asynccontextmanager
async def started_server(engine: str, size: int, *, keep: bool) -> AsyncIterator[Server]:
    """Start a server process with a database of `size` rows."""

    async def fill(url: str) -> None:
        started = time.monotonic()
        await migrate(url)
        await datasets.fill_lists(url, size, TOKEN)
        log_progress(f"{ENGINE_LABELS[engine]} has {size:,} rows in each list after {time.monotonic() - started:.0f} s")

    port, bare = free_port(), free_port()
    async with prepared_database(engine, f"lists_{size}_{dataset_version()}", fill, keep=keep) as url:
        command = ("-m", "benchmarks.lists", "--child", str(bare))
        async with running_server("the server process", command, port, url) as process:
            yield Server(port, bare, process)


def dataset_version() -> str:
    """Return a digest of the code that determines the content of the databases."""
    files = [Path(datasets.__file__), *sorted(Path(migrations.__path__[0]).glob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


def log_progress(line: str) -> None:
    """Print a progress message to standard error."""
    print(f"  {line}", file=sys.stderr, flush=True)


async def run(rounds: int, seconds: float, sizes: tuple[int, int], *, keep: bool) -> Results:
    """Run all rounds."""
    results = Results()
    async with AsyncExitStack() as stack:
        servers: dict[Key, Server] = {}
        for engine in ENGINES:
            for size in sizes:
                servers[engine, size] = await stack.enter_async_context(started_server(engine, size, keep=keep))
        for round_number in range(rounds):
            await run_round(servers, sizes[1], seconds, round_number % 2 == 0, results)
            log_progress(f"round {round_number + 1} of {rounds}")
    return results


# --- reports


def report_rates(results: Results) -> tuple[str, bool]:
    """Return the table of rates and whether every list reaches the required ratio to the bare route."""
    rows, met = [], True
    for engine in ENGINES:
        for case_number, case in enumerate(CASES):
            longshore_series, bare_series = (
                results.rates[engine, case_number, True],
                results.rates[engine, case_number, False],
            )
            ratio = median(
                longshore / baseline
                for longshore, baseline in zip(longshore_series.rates, bare_series.rates, strict=True)
            )
            met &= ratio >= MIN_RATIO
            cells = [
                f"{median(bare_series.rates):,.0f}",
                f"{median(longshore_series.rates):,.0f}",
                f"{ratio:.2f}",
                f"≥ {MIN_RATIO}",
            ]
            cells += [f"{percentile(longshore_series.latencies, quantile) * 1000:.1f} ms" for quantile in (0.5, 0.99)]
            cells += [f"{median(series.costs) * 1e6:.0f} µs" for series in (bare_series, longshore_series)]
            rows.append([case.label, ENGINE_LABELS[engine], *cells])
    header = ["list", "database", "bare route, pages/s", "ours, pages/s", "of the bare route", "required"]
    return markdown_table([*header, "median", "p99", "processor time, bare", "ours"], rows), met


def report_growth(results: Results, sizes: tuple[int, int]) -> tuple[str, bool]:
    """Return the table of page times and whether every growth is within the limit."""
    rows, met = [], True
    for engine in ENGINES:
        for case_number, case in enumerate(CASES):
            small, large = ([times["page"] for times in results.times[engine, size, case_number]] for size in sizes)
            growth = median(large / small for small, large in zip(small, large, strict=True))
            met &= growth <= MAX_GROWTH
            medians = [f"{median(times) * 1000:.2f} ms" for times in (small, large)]
            rows.append([case.label, ENGINE_LABELS[engine], *medians, f"{growth:.2f}", f"≤ {MAX_GROWTH}"])
    return markdown_table(
        ["page of", "database", *(f"{size:,} rows" for size in sizes), "growth", "required"], rows
    ), met


def report_counts(results: Results, sizes: tuple[int, int]) -> str:
    """Return the table of exact counts, in our route and on a plain connection."""
    rows = []
    for engine in ENGINES:
        for case_number, case in enumerate(CASES):
            cells = []
            for size in sizes:
                times = results.times[engine, size, case_number]
                if "count" in times[0]:
                    cells += [f"{median(row[name] for row in times) * 1000:.2f} ms" for name in ("count", "alone")]
            if cells:
                rows.append([case.label, ENGINE_LABELS[engine], *cells])
    header = [f"{size:,} rows, {column}" for size in sizes for column in ("in our route", "alone")]
    return markdown_table(["exact count for", "database", *header], rows)


def main() -> int:
    """Measure and print the results; return 1 if a requirement is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of each measurement")
    parser.add_argument("--sizes", type=int, nargs=2, default=(1_000, 1_000_000), metavar=("FEW", "MANY"))
    parser.add_argument("--keep", action="store_true", help="keep the filled databases for the next run with --keep")
    parser.add_argument("--child", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    sizes = (args.sizes[0], args.sizes[1])
    with event_loop_runner() as runner:
        if args.child:
            runner.run(serve(args.child, BareRoutes))
        results = runner.run(run(args.rounds, args.seconds, sizes, keep=args.keep))
    (first, fast), (second, flat) = report_rates(results), report_growth(results, sizes)
    parameters = (
        f"{args.rounds} rounds of {args.seconds:g} s, {CONNECTIONS} connections, {sizes[1]:,} rows, {EVENT_LOOP}"
    )
    print(f"{measured_on()} {parameters}. {ENGINES_NOTE}")
    print(f"The load generator used at most {results.busiest:.0%} of one processor.")
    print(f"\n{first}\n\n{second}\n\n{report_counts(results, sizes)}")
    return 0 if fast and flat else 1


if __name__ == "__main__":
    sys.exit(main())
