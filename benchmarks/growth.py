"""Measure how the time of a cut, a deployment and two lists grows from 1,000 to 1,000,000 releases.

Each database has its own process with the real application and the sandbox. The processes take turns, one round each,
and are idle otherwise. The worker only runs between the timed requests. The time of exact counts (for the `last` link
of the list of deployments) is reported separately.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import TypeVar

from benchmarks.databases import ENGINE_LABELS, ENGINES, ENGINES_NOTE
from benchmarks.datasets import fill_releases
from benchmarks.reporting import markdown_table, measured_on
from benchmarks.testbed import open_testbed
from benchmarks.turns import Key, Times, requests, take_turns
from bot import log
from bot.store import queries
from tests.world import Response, World, create_sample_project

T = TypeVar("T")
MAX_GROWTH = 1.3
OLD_PROJECT, OLD_ENVIRONMENT = "filler-2", 3
"""A project whose rows are among the oldest, and its environment: the worst case for lists ordered newest first."""
OPERATIONS = ("cut", "deploy", "list deployments", "list releases")
COUNT = "count deployments"
LIST_REPEATS = 5  # of each list in a round; the median counts


async def timed(awaitable: Awaitable[T]) -> tuple[float, T]:
    """Await something; return the seconds that it took and its result."""
    started = time.perf_counter()
    result = await awaitable
    return time.perf_counter() - started, result


async def time_request(send: Callable[[], Awaitable[Response]], status: int) -> float:
    """Return the seconds of a request; raise unless the response has the expected status."""
    seconds, response = await timed(send())
    if response.status != status:
        raise RuntimeError(f"{response.status} {response.json}")
    return seconds


async def run_round(world: World, round_number: int) -> Times:
    """Time each operation once and the lists several times; jobs and webhooks are awaited but not timed."""
    version = f"9.{round_number}.0-rc1"
    times = {"cut": await time_request(lambda: world.cut(version, build=True), 201)}
    await finish_newest_run(world)
    times["deploy"] = await time_request(lambda: world.deploy(version), 201)
    await finish_newest_run(world)
    deployments, releases = (
        f"/api/releases/{OLD_PROJECT}/environments/staging/deployments",
        f"/api/projects/{OLD_PROJECT}/releases",
    )
    count_times, deployment_times, release_times = [], [], []
    for _ in range(LIST_REPEATS):
        count_times.append((await timed(queries.count_deployments(OLD_ENVIRONMENT)))[0])
        deployment_times.append(await time_request(lambda: world.ask("GET", deployments), 200))
        release_times.append(await time_request(lambda: world.ask("GET", releases), 200))
    times[COUNT] = median(count_times)
    times["list deployments"] = median(deployment_times) - times[COUNT]
    times["list releases"] = median(release_times)
    return times


async def finish_newest_run(world: World) -> None:
    """Let the worker dispatch the newest run, then complete that run."""
    worker = asyncio.create_task(world.service.work(schedule=False))
    await world.settle()
    await world.github.finish(run=len(world.github.runs))
    await world.settle()
    worker.cancel()
    await asyncio.wait([worker])


async def serve_rounds(url: str, releases: int) -> None:
    """Child process: prepare the database, then run one round for each line on standard input."""
    log.configure("error")
    lines = await requests()
    async with open_testbed(url) as testbed:
        async with testbed.process() as world:
            await create_sample_project(world)
        seconds, _ = await timed(fill_releases(url, releases))
        async with testbed.process(worker=False) as measured:
            measured.token = world.token
            print(json.dumps({"filled": seconds}), flush=True)
            round_number = 0
            while await lines.readline():
                round_number += 1
                print(json.dumps(await run_round(measured, round_number)), flush=True)


def report(results: dict[Key, list[Times]], sizes: tuple[int, int]) -> tuple[str, bool]:
    """Return the table and whether every growth is within the limit."""
    rows, met = [], True
    for engine in ENGINES:
        small_rounds, large_rounds = (results[engine, size] for size in sizes)
        for operation in (*OPERATIONS, COUNT):
            medians = [
                f"{median(times[operation] for times in rounds) * 1000:.2f} ms"
                for rounds in (small_rounds, large_rounds)
            ]
            growth = median(
                large[operation] / small[operation] for small, large in zip(small_rounds, large_rounds, strict=True)
            )
            if operation in OPERATIONS:
                met &= growth <= MAX_GROWTH
            rows.append(
                [
                    operation,
                    ENGINE_LABELS[engine],
                    *medians,
                    f"{growth:.2f}",
                    f"≤ {MAX_GROWTH}" if operation in OPERATIONS else "none",
                ]
            )
    header = ["", "database", *(f"{size:,} releases" for size in sizes), "growth", "required"]
    return markdown_table(header, rows), met


def main() -> int:
    """Measure and print the results; return 1 if a growth exceeds the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--sizes", type=int, nargs=2, default=(1_000, 1_000_000), metavar=("FEW", "MANY"))
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    args = parser.parse_args()
    sizes = (args.sizes[0], args.sizes[1])
    if args.child:
        asyncio.run(serve_rounds(args.child, sizes[0]))
        return 0
    text, met = report(asyncio.run(take_turns("benchmarks.growth", args.rounds, sizes)), sizes)
    print(f"{measured_on()} {args.rounds} rounds. {ENGINES_NOTE}\n")
    print(text)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
