"""How fast a page of a list is answered in each dialect, beside a bare route that sends the same SQL as JSON.

One process for each database serves our application on one port and the bare routes on another. These run, one after
the other, the statements that our own code has asked the database for one such page, with the arguments that it had
(whose token it is has been asked before), and send their rows. They read as is usual beside aiohttp: with aiosqlite,
each statement in one call, or from a pool of asyncpg. Both take turns, loaded by this process over loopback.
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
from typing import Any

import aiohttp
import aiosqlite
import orjson
from aiohttp import web

from benchmarks import filling
from benchmarks.databases import KINDS, LABELS, MISSING, connect, filled, sqlite_file
from benchmarks.intake import EVENT_LOOP, free_port, processor_seconds, serving
from benchmarks.load import Measured, send
from benchmarks.tables import machine, percentile, table
from bot import log
from bot.settings import read_settings
from bot.store import migrations
from bot.store.migrate import migrate
from server.app import SERVICE, create_app

LEAST = 0.6
MOST = 1.3
TOKEN = "lsh_benchmark-token"
CONNECTIONS = 8
WARM_UP = 0.3
TIMES = 7  # of each page in a round, of which the median counts
ROWS = 20


@dataclass(frozen=True)
class Case:
    """A list: its page where few rows are left by the filter, and where a tenth or more of all are.

    The few are the oldest rows of the table: whoever looks for the newest of them by walking through everybody's
    walks long. `stranger` says that it is asked for without a token.
    """

    says: str
    few: str
    many: str
    stranger: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """Who asks."""
        return {} if self.stranger else {"Authorization": f"Token {TOKEN}"}


DEPLOYMENTS = "/api/releases/filler-{}/environments/staging/deployments?per_page=20"
PACKAGES = "/api/releases/?package=filler-{}&status=10"
NATIVE = "/api/projects/filler-{}/releases"
ANNOUNCEMENTS = "/projects/filler-{}/releases.json"
SCHEDULES = "/rest_api/v1/release-schedules/?sla={}&ordering=-date"
FILES = "/rest_api/v1/released-files/?repo={}&ordering=-release_date"
CASES = (
    Case("`releases`: deployments", DEPLOYMENTS.format(11), DEPLOYMENTS.format(2)),
    Case("`packages`: releases", PACKAGES.format(11), PACKAGES.format(2)),
    Case("our own: releases", NATIVE.format(11), NATIVE.format(2)),
    Case("`announcements`, stranger", ANNOUNCEMENTS.format(11), ANNOUNCEMENTS.format(2), stranger=True),
    Case("`announcements`, token", ANNOUNCEMENTS.format(11), ANNOUNCEMENTS.format(2)),
    Case("`release-schedules`, stranger", SCHEDULES.format("gold"), SCHEDULES.format("silver"), stranger=True),
    Case("`release-schedules`, token", SCHEDULES.format("gold"), SCHEDULES.format("silver")),
    Case("`released-files`, stranger", FILES.format(1), FILES.format(3), stranger=True),
    Case("`released-files`, token", FILES.format(1), FILES.format(3)),
)

Run = Callable[[str, Any], Awaitable[list[dict[str, Any]]]]
Key = tuple[str, int]
Times = dict[str, float]


# --- the process that serves


@dataclass(frozen=True)
class Statement:
    """Something that the database was asked, and how many seconds it took."""

    sql: str
    args: Any
    seconds: float

    @property
    def counts(self) -> bool:
        """Whether it is an exact count."""
        return "count(*)" in self.sql


@dataclass
class Recorder:
    """Runs statements as the engine does, and takes note of them while `seen` is a list."""

    run: Run
    seen: list[Statement] | None = None

    async def __call__(self, sql: str, args: Any = None) -> list[dict[str, Any]]:
        """Run one."""
        if self.seen is None:
            return await self.run(sql, args)
        begun = time.perf_counter()
        rows = await self.run(sql, args)
        self.seen.append(Statement(sql, args, time.perf_counter() - begun))
        return rows


class Bare:
    """The bare routes, and a way to learn how long the statements of our own took."""

    def __init__(self, url: str, address: str, recorder: Recorder) -> None:
        self._url, self._address, self._recorder = url, address, recorder
        self._read: Run
        self._pages: dict[int, list[Statement]] = {}
        self._recording = asyncio.Lock()
        self._session: aiohttp.ClientSession

    async def open(self, _: web.Application) -> AsyncIterator[None]:
        """Speak to our own application, and to the database."""
        async with aiohttp.ClientSession(self._address) as self._session, reading(self._url) as self._read:
            yield

    async def asked(self, case: Case, path: str) -> list[Statement]:
        """What our own code asks for one page."""
        self._recorder.seen = []
        try:
            async with self._session.get(path, headers=case.headers) as response:
                said = await response.json()
                rows = said["results"] if isinstance(said, dict) else said
            if response.status != 200 or len(rows) != ROWS:
                raise RuntimeError(f"{path}: {response.status} {said}")
            return self._recorder.seen
        finally:
            self._recorder.seen = None

    async def page(self, request: web.Request) -> web.Response:
        """The same SQL as our own page of few rows, sent as JSON."""
        number = int(request.match_info["case"])
        async with self._recording if number not in self._pages else nullcontext():
            if number not in self._pages:
                self._pages[number] = await self.asked(CASES[number], CASES[number].few)
        count: list[dict[str, Any]] = []
        for statement in self._pages[number]:
            found = await self._read(statement.sql, statement.args)
            if statement.counts:
                count = found
            else:
                rows = found
        return web.Response(body=orjson.dumps(count + rows), content_type="application/json")

    async def times(self, request: web.Request) -> web.Response:
        """Seconds of a page of many rows in our route: the page, the count, and the same count by itself."""
        case = CASES[int(request.match_info["case"])]
        statements = await self.asked(case, case.many)
        page = [each for each in statements if not each.counts]
        times = {"page": median([await self._timed(page) for _ in range(TIMES)])}
        for statement in statements:
            if statement.counts:
                times |= {"count": statement.seconds, "alone": await alone(self._url, statement)}
        return web.Response(body=orjson.dumps(times), content_type="application/json")

    async def _timed(self, statements: Sequence[Statement]) -> float:
        """Seconds of statements, one after the other, as our route has asked them just now."""
        begun = time.perf_counter()
        for statement in statements:
            await self._recorder.run(statement.sql, statement.args)
        return time.perf_counter() - begun


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Run]:
    """What reads rows as dictionaries, with nothing of ours in between."""
    if url.startswith("sqlite"):
        async with aiosqlite.connect(f"file:{sqlite_file(url)}?mode=ro", uri=True) as database:
            database.row_factory = sqlite3.Row

            async def read(sql: str, args: Any) -> list[dict[str, Any]]:
                return [dict(row) for row in await database.execute_fetchall(sql, args)]

            yield read
        return
    async with import_module("asyncpg").create_pool(url) as pool:

        async def fetch(sql: str, args: Any) -> list[dict[str, Any]]:
            return [dict(row) for row in await pool.fetch(sql, *args)]

        yield fetch


async def alone(url: str, statement: Statement) -> float:
    """Seconds of a statement on a plain connection, with nothing around it."""
    if url.startswith("sqlite"):
        database = sqlite3.connect(sqlite_file(url))
        try:
            database.execute("SELECT count(*) FROM users").fetchall()  # opens the file and reads the schema
            begun = time.perf_counter()
            database.execute(statement.sql, statement.args).fetchall()
            return time.perf_counter() - begun
        finally:
            database.close()
    connection = await connect(url)
    try:
        prepared = await connection.prepare(statement.sql)
        begun = time.perf_counter()
        await prepared.fetch(*statement.args)
        return time.perf_counter() - begun
    finally:
        await connection.close()


async def serve(bare_port: int) -> None:
    """Serve both, with the settings of the environment, until told to stop."""
    settings = read_settings()
    log.configure(settings.log_level)
    app = create_app(settings, works=False)
    ours = web.AppRunner(app, access_log=None)
    await ours.setup()
    client: Any = app[SERVICE].database.client
    client.execute_query_dict = recorder = Recorder(client.execute_query_dict)
    bare = Bare(settings.database_url, settings.url, recorder)
    routes = web.Application()
    routes.cleanup_ctx.append(bare.open)
    routes.router.add_get("/pages/{case}", bare.page)
    routes.router.add_get("/times/{case}", bare.times)
    others = web.AppRunner(routes, access_log=None)
    await others.setup()
    await web.TCPSite(others, settings.host, bare_port).start()
    await web.TCPSite(ours, settings.host, settings.port).start()
    await asyncio.Event().wait()


# --- the process that asks


class Asking:
    """The same request again and again."""

    status = b"200"

    def __init__(self, path: str, headers: dict[str, str]) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n{lines}\r\n".encode()

    def next(self) -> bytes:
        """The request."""
        return self._request


@dataclass(frozen=True)
class Server:
    """A process with one of the databases."""

    port: int
    bare: int
    process: int


@dataclass
class Series:
    """What came of one list on one database, round by round: requests a second, latencies, processor seconds each."""

    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def add(self, measured: Measured, processor: float) -> None:
        """One turn."""
        self.rates.append(measured.rate)
        self.latencies += measured.latencies
        self.costs.append(processor / max(1, measured.acknowledged))


@dataclass
class Results:
    """Rates by database, list and contestant (ours or not), times by database, size and list."""

    rates: dict[tuple[str, int, bool], Series] = field(default_factory=dict)
    times: dict[tuple[str, int, int], list[Times]] = field(default_factory=dict)
    busiest: float = 0.0


async def take_turn(server: Server, number: int, seconds: float, *, ours: bool) -> tuple[Measured, float]:
    """Load our list, or the bare route; with the processor time that its process had."""
    case = CASES[number]
    requests = Asking(case.few if ours else f"/pages/{number}", case.headers)
    before = processor_seconds(server.process)
    port = server.port if ours else server.bare
    measured = await send(port, requests, connections=CONNECTIONS, warm_up=WARM_UP, seconds=seconds)
    return measured, processor_seconds(server.process) - before


async def one_round(servers: dict[Key, Server], large: int, seconds: float, first: bool, results: Results) -> None:
    """Each list on each database: ours and the bare one in turn, then the times at every size."""
    for kind in KINDS:
        for number in range(len(CASES)):
            for ours in (first, not first):
                measured, processor = await take_turn(servers[kind, large], number, seconds, ours=ours)
                results.rates.setdefault((kind, number, ours), Series()).add(measured, processor)
                results.busiest = max(results.busiest, measured.busy)
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        for number in range(len(CASES)):
            for (kind, size), server in servers.items() if first else reversed(servers.items()):
                async with session.get(f"http://127.0.0.1:{server.bare}/times/{number}") as response:
                    results.times.setdefault((kind, size, number), []).append(orjson.loads(await response.read()))


@asynccontextmanager
async def started(kind: str, size: int, *, keep: bool) -> AsyncIterator[Server]:
    """A process with a database of so many rows."""

    async def fill(url: str) -> None:
        begun = time.monotonic()
        await migrate(url)
        await filling.fill_lists(url, size, TOKEN)
        told(f"{LABELS[kind]} has {size:,} rows in each list after {time.monotonic() - begun:.0f} s")

    port, bare = free_port(), free_port()
    async with filled(kind, f"lists_{size}_{version()}", fill, keep=keep) as url:
        command = ("-m", "benchmarks.lists", "--child", str(bare))
        async with serving("the process with the lists", command, port, url) as process:
            yield Server(port, bare, process)


def version() -> str:
    """What tells databases from others that were filled otherwise."""
    files = [Path(filling.__file__), *sorted(Path(migrations.__path__[0]).glob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


def told(line: str) -> None:
    """Say how it goes."""
    print(f"  {line}", file=sys.stderr, flush=True)


async def run(rounds: int, seconds: float, sizes: tuple[int, int], *, keep: bool) -> Results:
    """All rounds."""
    results = Results()
    async with AsyncExitStack() as stack:
        servers: dict[Key, Server] = {}
        for kind in KINDS:
            for size in sizes:
                servers[kind, size] = await stack.enter_async_context(started(kind, size, keep=keep))
        for number in range(rounds):
            await one_round(servers, sizes[1], seconds, number % 2 == 0, results)
            told(f"round {number + 1} of {rounds}")
    return results


# --- what came of it


def rates(results: Results) -> tuple[str, bool]:
    """The table of rates, and whether every list reaches its share of the bare route's."""
    rows, met = [], True
    for kind in KINDS:
        for number, case in enumerate(CASES):
            ours, bare = results.rates[kind, number, True], results.rates[kind, number, False]
            share = median(own / other for own, other in zip(ours.rates, bare.rates, strict=True))
            met &= share >= LEAST
            shown = [f"{median(bare.rates):,.0f}", f"{median(ours.rates):,.0f}", f"{share:.2f}", f"≥ {LEAST}"]
            shown += [f"{percentile(ours.latencies, at) * 1000:.1f} ms" for at in (0.5, 0.99)]
            shown += [f"{median(each.costs) * 1e6:.0f} µs" for each in (bare, ours)]
            rows.append([case.says, LABELS[kind], *shown])
    head = ["list", "database", "bare route, pages/s", "ours, pages/s", "of the bare route", "required"]
    return table([*head, "median", "p99", "processor time, bare", "ours"], rows), met


def growths(results: Results, sizes: tuple[int, int]) -> tuple[str, bool]:
    """The table of times of pages, and whether none grows more than it may."""
    rows, met = [], True
    for kind in KINDS:
        for number, case in enumerate(CASES):
            few, many = ([times["page"] for times in results.times[kind, size, number]] for size in sizes)
            growth = median(large / small for small, large in zip(few, many, strict=True))
            met &= growth <= MOST
            shown = [f"{median(each) * 1000:.2f} ms" for each in (few, many)]
            rows.append([case.says, LABELS[kind], *shown, f"{growth:.2f}", f"≤ {MOST}"])
    return table(["page of", "database", *(f"{size:,} rows" for size in sizes), "growth", "required"], rows), met


def counts(results: Results, sizes: tuple[int, int]) -> str:
    """The table of exact counts: in our route, and the same SQL by itself."""
    rows = []
    for kind in KINDS:
        for number, case in enumerate(CASES):
            shown = []
            for size in sizes:
                times = results.times[kind, size, number]
                if "count" in times[0]:
                    shown += [f"{median(each[name] for each in times) * 1000:.2f} ms" for name in ("count", "alone")]
            if shown:
                rows.append([case.says, LABELS[kind], *shown])
    head = [f"{size:,} rows, {what}" for size in sizes for what in ("in our route", "alone")]
    return table(["exact count for", "database", *head], rows)


def main() -> int:
    """Measure and print; 1 when a requirement is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn")
    parser.add_argument("--sizes", type=int, nargs=2, default=(1_000, 1_000_000), metavar=("FEW", "MANY"))
    parser.add_argument("--keep", action="store_true", help="the filled databases, for the next run with --keep")
    parser.add_argument("--child", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    sizes = (given.sizes[0], given.sizes[1])
    factory = None
    if EVENT_LOOP == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        if given.child:
            runner.run(serve(given.child))
        results = runner.run(run(given.rounds, given.seconds, sizes, keep=given.keep))
    (first, fast), (second, flat) = rates(results), growths(results, sizes)
    how = f"{given.rounds} rounds of {given.seconds:g} s, {CONNECTIONS} connections, {sizes[1]:,} rows, {EVENT_LOOP}"
    print(f"{machine()} {how}.")
    print(
        f"{'' if 'postgres' in KINDS else MISSING + ' '}The load's own process was busy {results.busiest:.0%} at most."
    )
    print(f"\n{first}\n\n{second}\n\n{counts(results, sizes)}")
    return 0 if fast and flat else 1


if __name__ == "__main__":
    sys.exit(main())
