"""Measure the board, the page of a project, and how soon open pages are told of an event.

The pages are measured over 1,000 and 1,000,000 releases of 200 projects with 5 environments each, in processes that
take turns; the time is that of a whole request over loopback. Then 500 streams are open while events are recorded.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from asyncio.subprocess import PIPE, Process
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

from benchmarks.databases import ENGINE_LABELS, ENGINES, ENGINES_NOTE, temporary_database
from benchmarks.datasets import BOARD_ENVIRONMENTS, BOARD_PROJECTS, fill_board
from benchmarks.growth import read_line, request_round
from benchmarks.page_streams import Told, measure_streams
from benchmarks.reporting import markdown_table, measured_on
from benchmarks.testbed import open_testbed
from bot import log
from bot.operations import sessions
from tests.world import World
from web import cookies

LIMITS = {"board": 0.150, "project": 0.050}  # seconds
PATHS = {"board": "/", "project": "/projects/service-7"}
MAX_GROWTH = 1.3
MAX_FIRST, MAX_NEXT = 500_000, 50_000  # bytes
FILES = re.compile(r'(?:href|src)="(/static/[^"]+)"')
WARM_UP_ROUNDS, REPEATS = 2, 5
TOKEN = "lsh_benchmark"  # of a database that lasts as long as the benchmark

Times = dict[str, float]
Key = tuple[str, int]


async def open_page(world: World, secret: str, path: str) -> tuple[float, int]:
    """Open a page; return the seconds that took and the compressed bytes that arrived."""
    headers = {"Cookie": f"{cookies.NAME}={secret}", "Accept": "text/html", "Accept-Encoding": "gzip"}
    began = time.perf_counter()
    async with world.session.get(world.url + path, headers=headers, auto_decompress=False) as response:
        body = await response.read()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status}")
    return time.perf_counter() - began, len(body)


async def first_visit(world: World, secret: str, path: str) -> int:
    """The compressed bytes of a page with all the files that it names, none of which the browser has."""
    headers = {"Cookie": f"{cookies.NAME}={secret}", "Accept": "text/html"}
    async with world.session.get(world.url + path, headers=headers) as response:
        named = sorted(set(FILES.findall(await response.text())))
    return sum([(await open_page(world, secret, each))[1] for each in (path, *named)])


async def run_round(world: World, secret: str) -> Times:
    """Open each page several times; the median counts."""
    times: Times = {}
    for name, path in PATHS.items():
        opened = [await open_page(world, secret, path) for _ in range(REPEATS)]
        times[name], times[f"{name} bytes"] = median(each for each, _ in opened), opened[0][1]
        times[f"{name} first"] = await first_visit(world, secret, path)
    return times


async def serve_rounds(url: str, releases: int) -> None:
    """Child process: fill the database, then run one round for each line on standard input."""
    log.configure("error")
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with open_testbed(url) as testbed:
        began = time.perf_counter()
        await fill_board(url, releases, TOKEN)
        async with testbed.process(worker=False) as world:
            context = await world.context()
            secret = await sessions.use_link(context, await sessions.create_link(context), "a benchmark")
            print(json.dumps({"filled": time.perf_counter() - began}), flush=True)
            while await lines.readline():
                print(json.dumps(await run_round(world, secret)), flush=True)


async def start_child(stack: AsyncExitStack, url: str, size: int) -> Process:
    """Start a child process, which is stopped before its database is deleted."""
    command = (sys.executable, "-m", "benchmarks.pages", "--child", url, "--sizes", str(size), str(size))
    child = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, cwd=Path(__file__).parent.parent)

    async def stop() -> None:
        assert child.stdin is not None
        child.stdin.close()
        await child.wait()

    stack.push_async_callback(stop)
    return child


async def run(rounds: int, sizes: tuple[int, int]) -> dict[Key, list[Times]]:
    """Run all rounds on all databases."""
    results: dict[Key, list[Times]] = {(engine, size): [] for engine in ENGINES for size in sizes}
    async with AsyncExitStack() as stack:
        children = {}
        for engine, size in results:
            url = await stack.enter_async_context(temporary_database(engine))
            children[engine, size] = await start_child(stack, url, size)
        for (engine, size), child in children.items():
            seconds = (await read_line(child))["filled"]
            print(f"  {ENGINE_LABELS[engine]} has {size:,} releases after {seconds:.0f} s", file=sys.stderr, flush=True)
        for number in range(WARM_UP_ROUNDS + rounds):
            for key in children if number % 2 == 0 else reversed(children):
                times = await request_round(children[key])
                if number >= WARM_UP_ROUNDS:
                    results[key].append(times)
    return results


def report_pages(results: dict[Key, list[Times]], sizes: tuple[int, int]) -> tuple[str, bool]:
    """Return the table of pages, and whether their requirements are met."""
    rows, met = [], True
    for engine in ENGINES:
        small, large = (results[engine, size] for size in sizes)
        for name, limit in LIMITS.items():
            growth = median(more[name] / less[name] for less, more in zip(small, large, strict=True))
            times = [median(each[name] for each in rounds) for rounds in (small, large)]
            first, later = large[0][f"{name} first"], large[0][f"{name} bytes"]
            met &= times[1] <= limit and growth <= MAX_GROWTH and first <= MAX_FIRST and later <= MAX_NEXT
            cells = [f"{seconds * 1000:.1f} ms" for seconds in times]
            required = f"≤ {limit * 1000:.0f} ms, ≤ {MAX_GROWTH}"
            bytes_of = [f"{size / 1000:.1f} KB" for size in (first, later)]
            rows.append([name, ENGINE_LABELS[engine], *cells, f"{growth:.2f}", required, *bytes_of])
    header = [
        "page",
        "database",
        *(f"{size:,} releases" for size in sizes),
        "growth",
        "required",
        "first visit",
        "next",
    ]
    return markdown_table(header, rows), met


def report_streams(told: dict[str, Told]) -> tuple[str, bool]:
    """Return the table of streams, and whether their requirements are met."""
    rows = [[ENGINE_LABELS[engine], *each.cells()] for engine, each in told.items()]
    header = ["database", "pages", "told after, median", "p99", "required", "memory of all", "required", "connections"]
    return markdown_table(header, rows), all(each.is_met for each in told.values())


async def run_streams() -> dict[str, Told]:
    """Measure the streams on each database."""
    told = {}
    for engine in ENGINES:
        async with temporary_database(engine) as url:
            told[engine] = await measure_streams(url)
    return told


def main() -> int:
    """Measure and print the results; return 1 if a requirement is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--sizes", type=int, nargs=2, default=(1_000, 1_000_000), metavar=("FEW", "MANY"))
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    args = parser.parse_args()
    sizes = (args.sizes[0], args.sizes[1])
    if args.child:
        asyncio.run(serve_rounds(args.child, sizes[0]))
        return 0
    pages, pages_met = report_pages(asyncio.run(run(args.rounds, sizes)), sizes)
    streams, streams_met = report_streams(asyncio.run(run_streams()))
    print(f"{measured_on()} {args.rounds} rounds, {BOARD_PROJECTS} projects × {BOARD_ENVIRONMENTS}. {ENGINES_NOTE}\n")
    print(f"{pages}\n\n{streams}")
    return 0 if pages_met and streams_met else 1


if __name__ == "__main__":
    sys.exit(main())
