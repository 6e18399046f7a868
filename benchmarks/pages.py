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
from statistics import median

from benchmarks.databases import ENGINE_LABELS, ENGINES, ENGINES_NOTE, temporary_database
from benchmarks.datasets import BOARD_ENVIRONMENTS, BOARD_PROJECT, BOARD_PROJECTS, fill_board
from benchmarks.page_streams import Told, measure_streams
from benchmarks.reporting import markdown_table, measured_on
from benchmarks.testbed import open_testbed
from benchmarks.turns import Key, Times, requests, take_turns
from bot import log
from bot.operations import sessions
from tests.world import World
from web import cookies

LIMITS = {"board": 0.150, "project": 0.050}  # seconds
PATHS = {"board": "/", "project": f"/projects/service-{BOARD_PROJECT}"}
MAX_GROWTH = 1.3
MAX_FIRST, MAX_NEXT = 500_000, 50_000  # bytes
FILES = re.compile(r'(?:href|src)="(/static/[^"]+)"')
REPEATS = 5
TOKEN = "lsh_benchmark"  # of a database that lasts as long as the benchmark


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
    lines = await requests()
    async with open_testbed(url) as testbed:
        began = time.perf_counter()
        await fill_board(url, releases, TOKEN)
        async with testbed.process(worker=False) as world:
            context = await world.context()
            secret = await sessions.use_link(context, await sessions.create_link(context), "a benchmark")
            print(json.dumps({"filled": time.perf_counter() - began}), flush=True)
            while await lines.readline():
                print(json.dumps(await run_round(world, secret)), flush=True)


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
    pages, pages_met = report_pages(asyncio.run(take_turns("benchmarks.pages", args.rounds, sizes)), sizes)
    streams, streams_met = report_streams(asyncio.run(run_streams()))
    print(f"{measured_on()} {args.rounds} rounds, {BOARD_PROJECTS} projects × {BOARD_ENVIRONMENTS}. {ENGINES_NOTE}\n")
    print(f"{pages}\n\n{streams}")
    return 0 if pages_met and streams_met else 1


if __name__ == "__main__":
    sys.exit(main())
