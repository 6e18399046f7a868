"""Every fault with all that GitHub shows: each text, deployment and answer ends right, and none is there twice."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sandbox import GitHub
from sandbox.workflows import DEPLOY
from tests.shown import check_shown
from tests.world import PROJECT, World

WEBHOOKS: dict[str, dict[str, Any]] = {
    "30 % dropped": {"drop": 0.3},
    "all doubled": {"double": 1.0},
    "reordered": {"reorder": True},
    "delayed": {"delay": (0.0, 0.4)},
    "all of these": {"drop": 0.3, "double": 0.5, "reorder": True, "delay": (0.0, 0.4)},
}
WRITES = {
    "a comment": "*/issues/*/comments",
    "an edit": "*/issues/comments/*",
    "a check run": "*/check-runs*",
    "a deployment": "*/deployments",
    "a status": "*/statuses",
    "an answer": "*/deployment_protection_rule",
}
FAULTS: dict[str, Callable[[GitHub, str], None]] = {
    "lost": lambda github, path: github.faults.lose_answer(method="P*", path=path),
    "failed": lambda github, path: github.faults.fail(method="P*", path=path, times=2),
    "limited": lambda github, path: github.faults.limit("secondary", method="P*", path=path, times=2),
}


async def converge(world: World, done: Callable[[], Awaitable[bool]]) -> None:
    """Let missed deliveries and runs be found, and delayed jobs be performed, until something is true."""
    async with asyncio.timeout(30):
        while True:
            await world.github.settle(delayed=True)
            await world.sweep()
            await world.reconcile()
            await world.show_all()
            if await done() and not await world.unfinished_jobs():
                return
            await asyncio.sleep(0.05)


async def release(world: World) -> int:
    """Cut, build and deploy by comments, to an environment that the App guards; returns the pull request."""
    world.github.environment("production", rule=True)
    job = "    runs-on: ubuntu-latest\n    environment: production\n"
    guarded = DEPLOY.replace("    runs-on: ubuntu-latest\n", job)
    await world.github.commit("Guard it", files={".github/workflows/guarded.yml": guarded})
    await world.ask("PATCH", f"/api/projects/{PROJECT}/environments/production", {"workflow": "guarded.yml"})
    world.github.person("mia", "maintain")
    number = await world.github.pull_request()
    await world.github.merge(number)
    await world.github.comment(number, "/release cut 1.0", by="mia")
    await converge(world, lambda: has_runs(world, 1))
    await world.github.finish(run=1)
    await converge(world, lambda: is_ready(world))
    for run, environment in enumerate(("staging", "production"), start=2):
        await world.github.comment(number, f"/release deploy 1.0-rc1 to {environment}", by="mia")
        await converge(world, lambda run=run: has_runs(world, run))  # type: ignore[misc]
        await world.github.finish(run=run)
        await converge(world, lambda environment=environment: is_live(world, environment))  # type: ignore[misc]
    return number


async def has_runs(world: World, count: int) -> bool:
    return len(world.github.runs) == count and world.github.runs[-1].status == "queued"


async def is_ready(world: World) -> bool:
    return await world.status("1.0-rc1") == "ready"


async def is_live(world: World, environment: str) -> bool:
    return await world.statuses(environment) == [("1.0-rc1", "success")]


@pytest.mark.parametrize("fault", WEBHOOKS)
async def test_whatever_happens_to_webhooks(shown: World, fault: str) -> None:
    world = shown
    world.github.faults.webhooks(**WEBHOOKS[fault], seed=7)
    number = await release(world)
    check_shown(world, number)
    await world.sweep()
    await world.show_all()
    check_shown(world, number)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("write", WRITES)
async def test_whatever_github_answers(shown: World, write: str, fault: str) -> None:
    world = shown
    FAULTS[fault](world.github, WRITES[write])
    check_shown(world, await release(world))
    unused = [each for each in world.github.faults.api if each.times is not None]
    assert not unused, f"faults that no request met: {unused}"
