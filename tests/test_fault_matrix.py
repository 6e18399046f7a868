"""Every fault with builds and deployments: all end as their runs did, and nothing is dispatched twice."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

import pytest

from sandbox import GitHub
from sandbox.records import Run
from tests.world import PROJECT, Response, World

WEBHOOKS: dict[str, dict[str, Any]] = {
    "none": {},
    "30 % dropped": {"drop": 0.3},
    "30 % doubled": {"double": 0.3},
    "reordered": {"reorder": True},
    "delayed": {"delay": (0.0, 0.4)},
    "all of these": {"drop": 0.3, "double": 0.3, "reorder": True, "delay": (0.0, 0.4)},
}


def unnamed_and_lost(github: GitHub) -> None:
    """Be an older Enterprise Server, and lose responses to dispatches."""
    github.server.set_run_details("ignored")
    github.faults.lose_answer(times=3)


API: dict[str, Callable[[GitHub], None]] = {
    "502": lambda github: github.faults.fail(times=5),
    "502 to a dispatch": lambda github: github.faults.fail(path="*/dispatches", times=3),
    "429": lambda github: github.faults.limit("429", times=3),
    "403 secondary to a dispatch": lambda github: github.faults.limit("secondary", path="*/dispatches", times=3),
    "slow": lambda github: github.faults.slow(0.02),
    "lost response to a dispatch": lambda github: github.faults.lose_answer(times=3),
    "lost response to a tag": lambda github: github.faults.lose_answer(method="POST", path="*/git/refs", times=3),
    "garbage": lambda github: github.faults.garbage(times=5),
    "garbage to a dispatch": lambda github: github.faults.garbage(path="*/dispatches", times=3),
    "runs are not named": lambda github: github.server.set_run_details("refused"),
    "runs are not named, and a response is lost": unnamed_and_lost,
}
CLOCKS = (-600, 600)
CONCLUSIONS = ("success", "failure", "cancelled", "success", "timed_out")
CANDIDATE_STATUS = {"success": "ready", "failure": "failed", "cancelled": "canceled", "timed_out": "failed"}
DEPLOYMENT_STATUS = {"success": "success", "failure": "failure", "cancelled": "canceled", "timed_out": "failure"}
ENVIRONMENTS = ("one", "two", "three", "four", "five")

Statuses = tuple[dict[str, str], dict[str, str]]
"""The actual and the expected statuses, by version or environment."""


async def builds(world: World, random: Random) -> Callable[[], Awaitable[Statuses]]:
    """Cut ten candidates with builds, and finish the builds."""
    versions = [f"1.{number}-rc1" for number in range(10)]
    await asyncio.gather(*(retry(world.cut, version, build=True) for version in versions))
    finished = await finish_runs(world, random, 10)

    async def statuses() -> Statuses:
        expected = {
            run.inputs["release_candidate_version"]: CANDIDATE_STATUS[conclusion] for run, conclusion in finished
        }
        return {version: await world.status(version) for version in versions}, expected

    return statuses


async def deployments(world: World, random: Random) -> Callable[[], Awaitable[Statuses]]:
    """Deploy two candidates to five environments, one after the other, and finish the deployments."""
    for environment in ENVIRONMENTS:
        body = {"name": environment, "tier": "staging", "workflow": "deploy.yml"}
        assert (await world.ask("POST", f"/api/projects/{PROJECT}/environments", body)).status == 201
    finished = []
    for version in ("1.0-rc1", "1.0-rc2"):
        await retry(world.cut, version)
        await asyncio.gather(*(retry(world.deploy, version, environment) for environment in ENVIRONMENTS))
        finished += await finish_runs(world, random, 5)
        await converge(world)

    async def statuses() -> Statuses:
        actual, expected = {}, {}
        for environment in ENVIRONMENTS:
            newest_first = [
                (run.inputs["release_candidate_version"], DEPLOYMENT_STATUS[conclusion])
                for run, conclusion in reversed(finished)
                if run.inputs["environment"] == environment
            ]
            actual[environment], expected[environment] = str(await world.statuses(environment)), str(newest_first)
        return actual, expected

    return statuses


SCENARIOS = {"build": builds, "deployment": deployments}


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("fault", WEBHOOKS)
async def test_whatever_happens_to_webhooks_everything_ends_as_its_run_did(
    world: World, fault: str, scenario: str
) -> None:
    world.github.faults.webhooks(**WEBHOOKS[fault], seed=11)
    statuses = await SCENARIOS[scenario](world, Random(f"{fault} {scenario}"))
    await converge(world)
    await check(world, statuses)
    await world.sweep()
    await converge(world)
    await check(world, statuses)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("fault", API)
async def test_whatever_github_responds_everything_is_dispatched_once_and_ends_as_its_run_did(
    world: World, fault: str, scenario: str
) -> None:
    API[fault](world.github)
    statuses = await SCENARIOS[scenario](world, Random(f"{fault} {scenario}"))
    await converge(world)
    await check(world, statuses)
    unused = [fault for fault in world.github.faults.api if fault.times is not None]
    assert not unused, f"faults that no request met: {unused}"


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("skew", CLOCKS)
async def test_whatever_githubs_clock_says_everything_is_dispatched_once_and_ends_as_its_run_did(
    world: World, skew: int, scenario: str
) -> None:
    world.github.skew(skew)
    world.github.faults.webhooks(drop=0.3, delay=(0.0, 0.4), seed=11)
    world.github.faults.lose_answer(times=5)
    statuses = await SCENARIOS[scenario](world, Random(f"{skew} {scenario}"))
    await converge(world)
    await check(world, statuses)


async def test_dispatches_without_a_response_are_repeated(world: World) -> None:
    """A build and a deployment in one test: each waits out the real timeout of a request."""
    await world.cut("2.0-rc1")
    world.github.faults.time_out(path="*/dispatches", times=1)
    await asyncio.gather(world.cut("1.0-rc1", build=True), world.deploy("2.0-rc1"))
    await finish_runs(world, Random(1), 2, ("success",))
    await converge(world)
    assert await world.status("1.0-rc1") == "ready"
    assert await world.statuses() == [("2.0-rc1", "success")]
    assert len(world.github.dispatches) == 2


async def retry(send: Callable[..., Awaitable[Response]], *args: Any, **more: Any) -> None:
    """Send a request as a client that retries after a 503."""
    while (response := await send(*args, **more)).status == 503:
        assert int(response.headers["Retry-After"]) > 0
        await asyncio.sleep(0.02)
    assert response.status in (200, 201), response.json


async def finish_runs(
    world: World, random: Random, count: int, conclusions: Sequence[str] = CONCLUSIONS
) -> list[tuple[Run, str]]:
    """Wait for `count` new runs, then start and finish them in random order, with the given conclusions in turn."""
    github = world.github
    earlier = sum(run.status != "queued" for run in github.runs)
    async with asyncio.timeout(20):
        while len(github.runs) < earlier + count:
            await world.settle()
            await skip_delays(world)
    runs = github.runs[earlier:]
    concluded = [(run, conclusions[index % len(conclusions)]) for index, run in enumerate(runs)]
    for run, _ in random.sample(concluded, len(concluded)):
        await github.start(run)
    for run, conclusion in random.sample(concluded, len(concluded)):
        await github.finish(run, conclusion)
    return concluded


async def converge(world: World) -> None:
    """Deliver delayed webhooks, reconcile, and perform delayed jobs until none is left."""
    async with asyncio.timeout(20):
        await world.github.settle(delayed=True)
        await world.settle()
        await world.reconcile()
        while await world.unfinished_jobs():
            await skip_delays(world)


async def skip_delays(world: World) -> None:
    """Perform delayed jobs now, at most about 30 times a second."""
    await asyncio.sleep(0.03)
    await world.settle(skip_delays=True)


async def check(world: World, statuses: Callable[[], Awaitable[Statuses]]) -> None:
    """Assert the expected statuses, one dispatch per request and no alarm."""
    actual, expected = await statuses()
    assert actual == expected
    requests = Counter(
        dispatch.inputs.get("release_cut_id") or dispatch.inputs["deployment_id"]
        for dispatch in world.github.dispatches
    )
    assert set(requests.values()) == {1}
    assert len(requests) == 10
    assert await world.alarms() == []
