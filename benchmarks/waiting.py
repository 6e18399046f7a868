"""How long it takes to find the waiting deployments that are due, and to evaluate one of them.

`python -m benchmarks.waiting ENGINE ROUNDS` measures with one database, and prints the times as JSON: Tortoise keeps
statements of one dialect for a whole process.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from dataclasses import dataclass, field
from statistics import median

import orjson

from benchmarks import datasets
from benchmarks.databases import ENGINE_LABELS, ENGINES, temporary_database
from benchmarks.reporting import markdown_table
from benchmarks.testbed import open_testbed
from bot import log
from bot.operations import gate_jobs, waiting_deployments
from bot.rules.ids import DeploymentId, EnvironmentId
from bot.store.database import execute, fetch
from tests.world import World, create_sample_project

DEPLOYMENTS, DUE = 10_000, 100
MAX_SWEEP_SECONDS = 1.0
GATES = orjson.dumps({"checks": ["build"], "approvals": {"count": 1}}).decode()
ENQUEUED = "SELECT count(*) AS jobs FROM jobs WHERE kind = 'evaluate_waiting'"
A_DUE_ONE = "SELECT id, environment_id FROM deployments WHERE waiting AND evaluate_at < $1 ORDER BY id LIMIT 1"


@dataclass
class Times:
    """Seconds of each sweep, and of each evaluation of a deployment."""

    sweeps: list[float] = field(default_factory=list)
    evaluations: list[float] = field(default_factory=list)


def measure(rounds: int) -> dict[str, Times]:
    """Measure with each database, in a process of its own."""
    results = {}
    for engine in ENGINES:
        command = (sys.executable, "-m", "benchmarks.waiting", engine, str(rounds))
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        results[engine] = Times(**orjson.loads(printed.splitlines()[-1]))
    return results


async def _measure(engine: str, rounds: int) -> Times:
    times = Times()
    async with temporary_database(engine) as url, open_testbed(url) as testbed:
        async with testbed.process() as world:
            await create_sample_project(world)
            await world.cut("1.0-rc1")
            await world.settle()
        await datasets.fill_waiting(url, DEPLOYMENTS, GATES)
        async with testbed.process(worker=False) as world:
            for _ in range(rounds):
                await _sweep(world, times)
                await _evaluate(world, times)
    return times


async def _sweep(world: World, times: Times) -> None:
    """Find the due deployments, of which none is known to be due yet."""
    context = await world.context()
    await execute("DELETE FROM jobs WHERE kind = 'evaluate_waiting'")
    began = time.perf_counter()
    await waiting_deployments.sweep(context, gate_jobs.SweepWaiting())
    times.sweeps.append(time.perf_counter() - began)
    [found] = await fetch(ENQUEUED)
    if found["jobs"] != DUE:
        raise RuntimeError(f"{found['jobs']} of {DUE} due deployments were found")


async def _evaluate(world: World, times: Times) -> None:
    """Evaluate a due deployment, which goes on waiting, and make it due again."""
    context = await world.context()
    [row] = await fetch(A_DUE_ONE, context.now())
    job = gate_jobs.EvaluateWaiting(DeploymentId(row["id"]), EnvironmentId(row["environment_id"]))
    began = time.perf_counter()
    await waiting_deployments.evaluate(context, job)
    times.evaluations.append(time.perf_counter() - began)
    changed = await execute(
        "UPDATE deployments SET evaluate_at = created_at WHERE id = $1 AND waiting AND evaluate_at > $2",
        row["id"],
        context.now(),
    )
    if not changed:
        raise RuntimeError("the deployment was not evaluated, or does not wait any more")


def report(results: dict[str, Times]) -> tuple[str, bool]:
    """Return the table and whether the requirement is met."""
    rows, met = [], True
    for engine, times in results.items():
        sweep = median(times.sweeps)
        met = met and sweep <= MAX_SWEEP_SECONDS
        cells = [f"{sweep * 1000:.0f} ms", f"≤ {MAX_SWEEP_SECONDS:g} s", f"{median(times.evaluations) * 1000:.1f} ms"]
        rows.append([ENGINE_LABELS[engine], *cells])
    return markdown_table(["database", "sweep", "required", "evaluating one"], rows), met


if __name__ == "__main__":
    log.configure("error")
    print(orjson.dumps(asyncio.run(_measure(sys.argv[1], int(sys.argv[2])))).decode())
