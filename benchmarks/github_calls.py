"""Count the calls to GitHub of a cut with a build, a deployment and a rollback, in a new and in a warm process.

Last come deployments of which GitHub shows something, each part alone and all of them.

Responses with status 304 do not count against GitHub's rate limit and are not counted. The exit code is 1 if an
operation in a warm process makes more calls than allowed.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.databases import temporary_database
from benchmarks.reporting import markdown_table, measured_on
from benchmarks.testbed import Testbed, open_testbed
from bot import log
from bot.rules.views import PARTS, Part
from sandbox.records import Call
from tests.world import PROJECT, Response, World, create_sample_project

PATH_PATTERN = re.compile(r":[^}]*(?=})")
"""The regular expression of a path parameter in a route, which is not shown."""


SHOWN: Sequence[tuple[tuple[Part, ...], int | None]] = (
    (("deployments",), 1 + 3 + 1),
    (("checks",), None),
    (("comments",), None),
    (("comments", "checks", "deployments"), None),
)
"""Parts of what GitHub shows, and how many calls a deployment to production may make with them.

With deployments these are the dispatch, three for its own deployment, and one for the one that was live before. Texts
are changed at once here, without the pause between two changes, which makes one of several: this is the most there are.
"""


@dataclass(frozen=True)
class Step:
    """An operation, its limit and the calls that it made."""

    label: str
    allowed: int | None
    calls: Sequence[Call]

    @property
    def counted_calls(self) -> int:
        """The number of calls that count against the rate limit."""
        return sum(call.status != 304 for call in self.calls)

    @property
    def within_limit(self) -> bool:
        """Whether the step makes no more calls than allowed."""
        return self.allowed is None or self.counted_calls <= self.allowed

    def row(self) -> Sequence[object]:
        """Return the step as a row of the table."""
        requests = "<br>".join(f"`{PATH_PATTERN.sub('', call.route)}` {call.status}" for call in self.calls)
        return self.label, self.counted_calls, "" if self.allowed is None else f"≤ {self.allowed}", requests or "none"


class Ledger:
    """The measured steps in order."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    async def add(self, world: World, label: str, operation: Awaitable[Any], allowed: int | None = None) -> None:
        """Run an operation, wait until all resulting jobs are done, and record the calls."""
        before = len(world.github.calls)
        result = await operation
        if isinstance(result, Response) and result.status != 201:
            raise RuntimeError(f"{label}: {result.status} {result.json}")
        await world.settle()
        self.steps.append(Step(label, allowed, world.github.calls[before:]))


async def finish_run(world: World, label: str, ledger: Ledger | None = None) -> None:
    """Complete the newest run; GitHub reports this by webhook."""
    finish = world.github.finish(run=len(world.github.runs))
    if ledger is None:
        await finish
        await world.settle()
    else:
        await ledger.add(world, label, finish, 0)


async def push_commit(world: World) -> None:
    """Push a commit, for which no cache has an entry."""
    await world.github.commit()
    await world.settle()


async def measure_cold(testbed: Testbed, ledger: Ledger, token: str) -> None:
    """Measure each operation as the first of a process."""
    async with testbed.process() as world:
        world.token = token
        await ledger.add(world, "cold: cut with build", world.cut("1.0-rc1", build=True))
        await finish_run(world, "")
    async with testbed.process() as world:
        world.token = token
        await ledger.add(world, "cold: deployment", world.deploy("1.0-rc1"))
        await finish_run(world, "")


async def measure_warm(testbed: Testbed, ledger: Ledger, token: str) -> None:
    """Measure each operation in a process that has done it before."""
    async with testbed.process() as world:
        world.token = token
        await world.cut("1.0-rc2", build=True)
        await world.settle()
        await finish_run(world, "")
        await world.complete_deployment("1.0-rc2")
        await push_commit(world)
        await ledger.add(world, "warm: cut with build", world.cut("1.0-rc3", build=True), 3)
        await finish_run(world, "warm: the build completes", ledger)
        await ledger.add(world, "warm: deployment", world.deploy("1.0-rc3"), 1)
        await finish_run(world, "warm: the run completes", ledger)
        await push_commit(world)
        await ledger.add(world, "warm: cut without build", world.cut("1.0-rc4"), 1)
        await ledger.add(world, "warm: deployment, candidate without a tag yet", world.deploy("1.0-rc4"), 2)
        await finish_run(world, "warm: the run completes", ledger)
        await ledger.add(world, "warm: rollback", world.roll_back(), 1)
        await finish_run(world, "warm: the run completes", ledger)
        await world.check_no_jobs_left()


async def deploy_slowly(world: World, version: str) -> None:
    """Deploy to production and show each state on GitHub: while the run is queued, in progress, and after its end."""
    response = await world.deploy(version, "production")
    if response.status != 201:
        raise RuntimeError(f"{response.status} {response.json}")
    await world.show_all()
    await world.github.start(run=len(world.github.runs))
    await world.show_all()
    await world.github.finish(run=len(world.github.runs))
    await world.show_all()


async def measure_shown(testbed: Testbed, ledger: Ledger, token: str) -> None:
    """Measure a whole deployment to production with each part of what GitHub shows, and with all of them."""
    async with testbed.process() as world:
        world.token = token
        pull = await world.github.pull_request()
        await world.github.merge(pull)
        await world.settle()
        for number, (parts, allowed) in enumerate(SHOWN):
            show = {part: part in parts for part in PARTS}
            await world.ask("PATCH", f"/api/projects/{PROJECT}", {"show": dict.fromkeys(PARTS, True)})
            for version in (f"3.{number}-rc1", f"3.{number}-rc2"):
                await world.github.comment(pull, f"/release cut {version}")
                await world.show_all()
                await finish_run(world, "")
                await world.show_all()
                await world.ask("PATCH", f"/api/projects/{PROJECT}", {"show": show})
                await world.show_all()
                label = f"deployment to production, shown: {', '.join(parts)}"
                if version.endswith("rc1"):
                    await deploy_slowly(world, version)
                else:
                    await ledger.add(world, label, deploy_slowly(world, version), allowed)
        await world.check_no_jobs_left()


async def run() -> Ledger:
    """Measure all steps on one database."""
    ledger = Ledger()
    async with temporary_database("sqlite") as url, open_testbed(url) as testbed:
        async with testbed.process() as world:
            await create_sample_project(world)
        await measure_cold(testbed, ledger, world.token)
        await measure_warm(testbed, ledger, world.token)
        await measure_shown(testbed, ledger, world.token)
    return ledger


def main() -> int:
    """Measure and print the results; return 1 if a step exceeds its limit."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    log.configure("error")
    ledger = asyncio.run(run())
    print(f"{measured_on()}\n")
    print(markdown_table(["step", "calls", "allowed", "requests"], [step.row() for step in ledger.steps]))
    return 0 if all(step.within_limit for step in ledger.steps) else 1


if __name__ == "__main__":
    sys.exit(main())
