"""Measurements over a few and over many rows in child processes that take turns, so that a busy moment counts for both.

A child is `python -m MODULE --child URL --sizes ROWS ROWS`. It prepares its database, writes a line of JSON with the
seconds that took (`filled`), and then one for each line on standard input, with the times of a round.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.databases import ENGINE_LABELS, ENGINES, temporary_database

WARM_UP_ROUNDS = 3
FILL_TIMEOUT_SECONDS = 1800

Times = dict[str, float]
Key = tuple[str, int]
"""The name of an engine, and a number of rows."""


async def take_turns(module: str, rounds: int, sizes: tuple[int, int]) -> dict[Key, list[Times]]:
    """Run all rounds of a module's children on all databases."""
    results: dict[Key, list[Times]] = {(engine, size): [] for engine in ENGINES for size in sizes}
    async with AsyncExitStack() as stack:
        children = {}
        for engine, size in results:
            url = await stack.enter_async_context(temporary_database(engine))
            children[engine, size] = await _start(stack, module, url, size)
        for (engine, size), child in children.items():
            seconds = (await _read_line(child))["filled"]
            print(f"  {ENGINE_LABELS[engine]} has {size:,} releases after {seconds:.0f} s", file=sys.stderr, flush=True)
        for number in range(WARM_UP_ROUNDS + rounds):
            for key in children if number % 2 == 0 else reversed(children):
                times = await _request_round(children[key])
                if number >= WARM_UP_ROUNDS:
                    results[key].append(times)
    return results


async def requests() -> asyncio.StreamReader:
    """In a child: the standard input, a line of which requests a round."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    return lines


async def _start(stack: AsyncExitStack, module: str, url: str, size: int) -> Process:
    """Start a child process, which is stopped before its database is deleted."""
    command = (sys.executable, "-m", module, "--child", url, "--sizes", str(size), str(size))
    child = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, cwd=Path(__file__).parent.parent)

    async def stop() -> None:
        assert child.stdin is not None
        child.stdin.close()
        await child.wait()

    stack.push_async_callback(stop)
    return child


async def _read_line(child: Process) -> Times:
    assert child.stdout is not None
    line = await asyncio.wait_for(child.stdout.readline(), FILL_TIMEOUT_SECONDS)
    if not line:
        raise RuntimeError("a child process ended unexpectedly")
    times: Times = json.loads(line)
    return times


async def _request_round(child: Process) -> Times:
    assert child.stdin is not None
    child.stdin.write(b"\n")
    return await _read_line(child)
