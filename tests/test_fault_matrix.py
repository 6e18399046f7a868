"""Every accident of the way, with every kind of run: all ends as it should, and nothing is dispatched twice."""

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
    "all together": {"drop": 0.3, "double": 0.3, "reorder": True, "delay": (0.0, 0.4)},
}
API: dict[str, Callable[[GitHub], None]] = {
    "502": lambda github: github.faults.fail(times=5),
    "502 to a dispatch": lambda github: github.faults.fail(path="*/dispatches", times=3),
    "429": lambda github: github.faults.limit("429", times=3),
    "403 secondary to a dispatch": lambda github: github.faults.limit("secondary", path="*/dispatches", times=3),
    "slow": lambda github: github.faults.slow(0.02),
    "answer to a dispatch lost": lambda github: github.faults.lose_answer(times=3),
    "answer to a tag lost": lambda github: github.faults.lose_answer(method="POST", path="*/git/refs", times=3),
    "garbage": lambda github: github.faults.garbage(times=5),
    "garbage to a dispatch": lambda github: github.faults.garbage(path="*/dispatches", times=3),
}
CONCLUSIONS = ("success", "failure", "cancelled", "success", "timed_out")
CANDIDATE = {"success": "ready", "failure": "failed", "cancelled": "canceled", "timed_out": "failed"}
DEPLOYMENT = {"success": "success", "failure": "failure", "cancelled": "canceled", "timed_out": "failure"}
PLACES = ("one", "two", "three", "four", "five")


Found = tuple[dict[str, str], dict[str, str]]
"""How things stand, and how they ought to: by version, or by place."""


async def builds(world: World, random: Random) -> Callable[[], Awaitable[Found]]:
    """Ten candidates are cut with a build each, and the builds end."""
    versions = [f"1.{number}-rc1" for number in range(10)]
    await asyncio.gather(*(insist(world.cut, version, build=True) for version in versions))
    ended = await play(world, random, 10)

    async def look() -> Found:
        wanted = {run.inputs["release_candidate_version"]: CANDIDATE[conclusion] for run, conclusion in ended}
        return {version: await world.status(version) for version in versions}, wanted

    return look


async def deployments(world: World, random: Random) -> Callable[[], Awaitable[Found]]:
    """Two candidates are deployed to five environments, one after the other, and the deployments end."""
    for place in PLACES:
        environment = {"name": place, "tier": "staging", "workflow": "deploy.yml"}
        assert (await world.ask("POST", f"/api/projects/{PROJECT}/environments", environment)).status == 201
    ended = []
    for version in ("1.0-rc1", "1.0-rc2"):
        await insist(world.cut, version)
        await asyncio.gather(*(insist(world.deploy, version, place) for place in PLACES))
        ended += await play(world, random, 5)
        await calm(world)

    async def look() -> Found:
        found, wanted = {}, {}
        for place in PLACES:
            here = [one for one in ended if one[0].inputs["environment"] == place]
            said = [(run.inputs["release_candidate_version"], DEPLOYMENT[conclusion]) for run, conclusion in here]
            found[place], wanted[place] = f"{await world.statuses(place)}", f"{said[::-1]}"
        return found, wanted

    return look


SUBJECTS = {"build": builds, "deployment": deployments}


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("fault", WEBHOOKS)
async def test_whatever_becomes_of_webhooks_everything_ends_as_its_run_did(
    world: World, fault: str, subject: str
) -> None:
    world.github.faults.webhooks(**WEBHOOKS[fault], seed=11)
    look = await SUBJECTS[subject](world, Random(f"{fault} {subject}"))
    await calm(world)
    await check(world, look)
    await world.sweep()
    await calm(world)
    await check(world, look)


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("fault", API)
async def test_whatever_github_answers_everything_is_dispatched_once_and_ends_as_its_run_did(
    world: World, fault: str, subject: str
) -> None:
    API[fault](world.github)
    look = await SUBJECTS[subject](world, Random(f"{fault} {subject}"))
    await calm(world)
    await check(world, look)
    left = [one for one in world.github.faults.api if one.times is not None]
    assert not left, f"faults that nobody met: {left}"


async def test_dispatches_that_are_never_answered_are_sent_once_more(world: World) -> None:
    """The one case that costs the real time limit of a request, so that both kinds share it."""
    await world.cut("2.0-rc1")
    world.github.faults.time_out(path="*/dispatches", times=1)
    await asyncio.gather(world.cut("1.0-rc1", build=True), world.deploy("2.0-rc1"))
    await play(world, Random(1), 2, ("success",))
    await calm(world)
    assert await world.status("1.0-rc1") == "ready"
    assert await world.statuses() == [("2.0-rc1", "success")]
    assert len(world.github.dispatches) == 2


async def insist(ask: Callable[..., Awaitable[Response]], *args: Any, **more: Any) -> None:
    """Ask as a client does that is told to come again later."""
    while (answer := await ask(*args, **more)).status == 503:
        assert int(answer.headers["Retry-After"]) > 0
        await asyncio.sleep(0.02)
    assert answer.status in (200, 201), answer.json


async def play(
    world: World, random: Random, new: int, conclusions: Sequence[str] = CONCLUSIONS
) -> list[tuple[Run, str]]:
    """Wait for so many new runs, and let them all begin and end, each in its own way and time."""
    github, seen = world.github, len(world.github.runs)
    seen -= sum(run.status == "queued" for run in github.runs)
    async with asyncio.timeout(20):
        while len(github.runs) < seen + new:
            await world.settle()
            await in_a_hurry(world)
    runs = github.runs[seen:]
    ended = [(run, conclusions[place % len(conclusions)]) for place, run in enumerate(runs)]
    for run, _ in random.sample(ended, len(ended)):
        await github.start(run)
    for run, conclusion in random.sample(ended, len(ended)):
        await github.finish(run, conclusion)
    return ended


async def calm(world: World) -> None:
    """What is late arrives, what was missed is asked for, and what waits for a later moment is done now."""
    async with asyncio.timeout(20):
        await world.github.settle(delayed=True)
        await world.settle()
        await world.reconcile()
        while await world.unfinished_jobs():
            await in_a_hurry(world)


async def in_a_hurry(world: World) -> None:
    """Let no back-off be waited for, without asking all the time."""
    await asyncio.sleep(0.03)
    await world.settle(skip_delays=True)


async def check(world: World, look: Callable[[], Awaitable[Found]]) -> None:
    found, wanted = await look()
    assert found == wanted
    requests = Counter(
        one.inputs.get("release_cut_id") or one.inputs["deployment_id"] for one in world.github.dispatches
    )
    assert set(requests.values()) == {1}
    assert len(requests) == 10
    assert await world.alarms() == []
