"""How the time of a cut, a deployment and two lists grows from 1,000 to 1,000,000 releases in the database.

Each database has a process of its own, with the real application and the sandbox in it; they take turns, one round
each, and stand still meanwhile. The worker works between the calls that are timed. The time of exact counts (the `last`
link of the list of deployments) is told apart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import TypeVar

from benchmarks.databases import KINDS, LABELS, MISSING, fresh
from benchmarks.filling import fill
from benchmarks.stages import a_stage
from benchmarks.tables import machine, table
from bot import log
from bot.store import queries
from tests.world import Answer, World, furnish

T = TypeVar("T")
MOST = 1.3
WARM_UP = 3
QUIET, STAGING = "filler-2", 3
"""A project whose rows are among the oldest, and its environment: the harder case for a list that is newest first."""
ACTS = ("cut", "deploy", "list deployments", "list releases")
COUNT = "count deployments"
LISTS = 5  # of each list in a round, of which the median counts
FILL_SECONDS = 1800

Times = dict[str, float]
Key = tuple[str, int]


async def timed(work: Awaitable[T]) -> tuple[float, T]:
    """How many seconds something takes, and what it gives."""
    begun = time.perf_counter()
    given = await work
    return time.perf_counter() - begun, given


async def asked(ask: Callable[[], Awaitable[Answer]], status: int) -> float:
    """How long a call takes that has to be answered with a status."""
    seconds, answer = await timed(ask())
    if answer.status != status:
        raise RuntimeError(f"{answer.status} {answer.json}")
    return seconds


async def one_round(world: World, number: int) -> Times:
    """Each act once, the lists a few times; what follows from an act is waited for, but not timed."""
    version = f"9.{number}.0-rc1"
    times = {"cut": await asked(lambda: world.cut(version, build=True), 201)}
    await finish(world)
    times["deploy"] = await asked(lambda: world.deploy(version), 201)
    await finish(world)
    deployments, releases = f"/api/releases/{QUIET}/environments/staging/deployments", f"/api/projects/{QUIET}/releases"
    counts, lists, more_lists = [], [], []
    for _ in range(LISTS):
        counts.append((await timed(queries.count_deployments(STAGING)))[0])
        lists.append(await asked(lambda: world.ask("GET", deployments), 200))
        more_lists.append(await asked(lambda: world.ask("GET", releases), 200))
    times[COUNT] = median(counts)
    times["list deployments"] = median(lists) - times[COUNT]
    times["list releases"] = median(more_lists)
    return times


async def finish(world: World) -> None:
    """Let the worker dispatch the newest run, and let that end."""
    working = asyncio.create_task(world.service.work(scheduled=False))
    await world.settle()
    await world.github.finish(run=len(world.github.runs))
    await world.settle()
    working.cancel()
    await asyncio.wait([working])


async def serve_rounds(url: str, releases: int) -> None:
    """The child: furnish and fill, then one round for each line that is read."""
    log.configure("error")
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with a_stage(url) as stage:
        async with stage.process() as world:
            await furnish(world)
        seconds, _ = await timed(fill(url, releases))
        async with stage.process(works=False) as second:
            second.token = world.token
            print(json.dumps({"filled": seconds}), flush=True)
            number = 0
            while await lines.readline():
                number += 1
                print(json.dumps(await one_round(second, number)), flush=True)


async def answer(child: Process) -> Times:
    """The next line that a child writes."""
    assert child.stdout is not None
    line = await asyncio.wait_for(child.stdout.readline(), FILL_SECONDS)
    if not line:
        raise RuntimeError("a process has ended too early")
    given: Times = json.loads(line)
    return given


async def take_turn(child: Process) -> Times:
    """One round of a child."""
    assert child.stdin is not None
    child.stdin.write(b"\n")
    return await answer(child)


async def run(rounds: int, sizes: tuple[int, int]) -> dict[Key, list[Times]]:
    """All rounds of all databases."""
    results: dict[Key, list[Times]] = {(kind, size): [] for kind in KINDS for size in sizes}
    async with AsyncExitStack() as stack:
        children = {}
        for kind, size in results:
            url = await stack.enter_async_context(fresh(kind))
            children[kind, size] = await start(stack, url, size)
        for (kind, size), child in children.items():
            filled = (await answer(child))["filled"]
            print(f"  {LABELS[kind]} has {size:,} releases after {filled:.0f} s", file=sys.stderr, flush=True)
        for number in range(WARM_UP + rounds):
            for key in children if number % 2 == 0 else reversed(children):
                times = await take_turn(children[key])
                if number >= WARM_UP:
                    results[key].append(times)
    return results


async def start(stack: AsyncExitStack, url: str, size: int) -> Process:
    """A child, which ends when its database is to go."""
    command = (sys.executable, "-m", "benchmarks.growth", "--child", url, "--sizes", str(size), str(size))
    child = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, cwd=Path(__file__).parent.parent)

    async def end() -> None:
        assert child.stdin is not None
        child.stdin.close()
        await child.wait()

    stack.push_async_callback(end)
    return child


def report(results: dict[Key, list[Times]], sizes: tuple[int, int]) -> tuple[str, bool]:
    """The table, and whether nothing grows more than it may."""
    rows, met = [], True
    for kind in KINDS:
        few, many = (results[kind, size] for size in sizes)
        for act in (*ACTS, COUNT):
            shown = [f"{median(times[act] for times in each) * 1000:.2f} ms" for each in (few, many)]
            growth = median(large[act] / small[act] for small, large in zip(few, many, strict=True))
            if act in ACTS:
                met &= growth <= MOST
            rows.append([act, LABELS[kind], *shown, f"{growth:.2f}", f"≤ {MOST}" if act in ACTS else "apart"])
    head = ["", "database", *(f"{size:,} releases" for size in sizes), "growth", "required"]
    return table(head, rows), met


def main() -> int:
    """Measure and print; 1 when something grows more than it may."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--sizes", type=int, nargs=2, default=(1_000, 1_000_000), metavar=("FEW", "MANY"))
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    sizes = (given.sizes[0], given.sizes[1])
    if given.child:
        asyncio.run(serve_rounds(given.child, sizes[0]))
        return 0
    text, met = report(asyncio.run(run(given.rounds, sizes)), sizes)
    print(f"{machine()} {given.rounds} rounds. {'' if 'postgres' in KINDS else MISSING}\n")
    print(text)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
