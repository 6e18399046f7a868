"""How many calls to GitHub a cut with a build and a deployment cost, in a fresh process and in a warm one.

Answers 304 cost nothing at GitHub and are not counted. Exit code 1 when a warm one costs more than the design allows.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.databases import fresh
from benchmarks.stages import Stage, a_stage
from benchmarks.tables import machine, table
from bot import log
from sandbox.records import Call
from tests.world import Answer, World, furnish

PATTERN = re.compile(r":[^}]*(?=})")
"""What a route says of how a part of it looks."""


@dataclass(frozen=True)
class Step:
    """What was done, what it may cost, and what it did cost."""

    says: str
    allowed: int | None
    calls: Sequence[Call]

    @property
    def counted(self) -> int:
        """Calls that GitHub counts."""
        return sum(call.status != 304 for call in self.calls)

    @property
    def within(self) -> bool:
        """Whether it costs no more than is allowed."""
        return self.allowed is None or self.counted <= self.allowed

    def row(self) -> Sequence[object]:
        """A line of the table."""
        each = "<br>".join(f"`{PATTERN.sub('', call.route)}` {call.status}" for call in self.calls)
        return self.says, self.counted, "" if self.allowed is None else f"≤ {self.allowed}", each or "none"


class Ledger:
    """Steps, in the order in which they were done."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    async def add(self, world: World, says: str, act: Awaitable[Any], allowed: int | None = None) -> None:
        """Do something, wait for all that follows from it, and take note of the calls."""
        before = len(world.github.calls)
        answer = await act
        if isinstance(answer, Answer) and answer.status != 201:
            raise RuntimeError(f"{says}: {answer.status} {answer.json}")
        await world.settle()
        self.steps.append(Step(says, allowed, world.github.calls[before:]))


async def end_run(world: World, says: str, ledger: Ledger | None = None) -> None:
    """End the newest run; GitHub tells us by webhook."""
    end = world.github.finish(run=len(world.github.runs))
    if ledger is None:
        await end
        await world.settle()
    else:
        await ledger.add(world, says, end, 0)


async def another_commit(world: World) -> None:
    """Push one, so that nothing that GitHub is asked about it has been asked before."""
    await world.github.commit()
    await world.settle()


async def cold(stage: Stage, ledger: Ledger, token: str) -> None:
    """Each act as the first of a process."""
    async with stage.process() as world:
        world.token = token
        await ledger.add(world, "cold: cut with build", world.cut("1.0-rc1", build=True))
        await end_run(world, "")
    async with stage.process() as world:
        world.token = token
        await ledger.add(world, "cold: deployment", world.deploy("1.0-rc1"))
        await end_run(world, "")


async def warm(stage: Stage, ledger: Ledger, token: str) -> None:
    """Each act again, in a process that has done it before."""
    async with stage.process() as world:
        world.token = token
        await world.cut("1.0-rc2", build=True)
        await world.settle()
        await end_run(world, "")
        await world.live("1.0-rc2")
        await another_commit(world)
        await ledger.add(world, "warm: cut with build", world.cut("1.0-rc3", build=True), 3)
        await end_run(world, "warm: its build ends", ledger)
        await ledger.add(world, "warm: deployment", world.deploy("1.0-rc3"), 1)
        await end_run(world, "warm: it ends", ledger)
        await another_commit(world)
        await ledger.add(world, "warm: cut without build", world.cut("1.0-rc4"), 1)
        await ledger.add(world, "warm: deployment, candidate without a tag yet", world.deploy("1.0-rc4"), 2)
        await end_run(world, "warm: it ends", ledger)
        await ledger.add(world, "warm: rollback", world.roll_back(), 1)
        await end_run(world, "warm: it ends", ledger)
        await world.check_nothing_is_left()


async def run() -> Ledger:
    """Everything, on one database."""
    ledger = Ledger()
    async with fresh("sqlite") as url, a_stage(url) as stage:
        async with stage.process() as world:
            await furnish(world)
        await cold(stage, ledger, world.token)
        await warm(stage, ledger, world.token)
    return ledger


def main() -> int:
    """Measure and print; 1 when something costs more than is allowed."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    log.configure("error")
    ledger = asyncio.run(run())
    print(f"{machine()}\n")
    print(table(["step", "calls", "allowed", "each"], [step.row() for step in ledger.steps]))
    return 0 if all(step.within for step in ledger.steps) else 1


if __name__ == "__main__":
    sys.exit(main())
