"""Deployments that wait, under every fault: each is dispatched once when its gates are open, whatever gets lost."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from bot.operations import gate_jobs, waiting_deployments
from bot.queue.jobs import enqueue
from bot.store.database import execute
from bot.store.deployments import Deployment
from bot.store.projects import Environment
from sandbox import GitHub
from tests.world import PROJECT, World

WEBHOOKS: dict[str, dict[str, Any]] = {
    "dropped": {"drop": 1.0},
    "doubled": {"double": 1.0},
    "reordered": {"reorder": True},
    "delayed": {"delay": (0.0, 0.3)},
    "all of these": {"drop": 0.5, "double": 0.5, "reorder": True, "delay": (0.0, 0.3)},
}
API: dict[str, Callable[[GitHub], None]] = {
    "the response to the dispatch is lost": lambda github: github.faults.lose_answer(times=1),
    "the dispatch fails": lambda github: github.faults.fail(path="*/dispatches", times=2),
    "the dispatch is limited": lambda github: github.faults.limit("secondary", path="*/dispatches", times=2),
    "the checks cannot be read": lambda github: github.faults.fail(path="*/check-runs*", times=2),
    "the checks are garbage": lambda github: github.faults.garbage(path="*/check-runs*", times=2),
}


@pytest.fixture
async def waiting(world: World) -> World:
    """A world in which a deployment to `staging` waits for the check `test`."""
    await world.cut("1.0-rc1")
    await Environment.filter(name="staging").update(gate_settings={"checks": ["test"]})
    path = f"/api/releases/{PROJECT}/environments/staging/deployments"
    answer = await world.ask("POST", path, {"release_candidate_version": "1.0-rc1", "wait": True})
    assert (answer.status, answer.json["waits_for"]) == (201, ["checks"])
    await world.settle()
    return world


async def the_job() -> gate_jobs.EvaluateWaiting:
    deployment = await Deployment.get()
    return gate_jobs.EvaluateWaiting(deployment.id, deployment.environment_id)


async def sweep(world: World) -> None:
    """Evaluate what waits as if its time had come, and look for what was missed."""
    await world.github.settle(delayed=True)
    await execute("UPDATE deployments SET evaluate_at = created_at WHERE waiting")
    await enqueue(gate_jobs.SweepWaiting())
    await world.settle(skip_delays=True)
    await world.reconcile()


async def succeeds_once(world: World) -> None:
    """The deployment is dispatched once, and ends as its run does."""
    async with asyncio.timeout(20):
        while not world.github.runs:
            await sweep(world)
            await asyncio.sleep(0.05)
        await world.github.finish(run=1)
        while await world.statuses() != [("1.0-rc1", "success")]:
            await sweep(world)
            await asyncio.sleep(0.05)
    await sweep(world)
    assert len(world.github.runs) == 1
    assert (await Deployment.get()).wait_outcome == "dispatched"
    assert len(await world.audit("deployment.deploy")) == 1


@pytest.mark.parametrize("fault", WEBHOOKS)
async def test_whatever_happens_to_the_webhook_of_the_check(waiting: World, fault: str) -> None:
    waiting.github.faults.webhooks(**WEBHOOKS[fault], seed=3)
    await waiting.github.report_check("test")
    await waiting.settle()
    assert len(waiting.github.runs) == 0 or fault != "dropped"
    await succeeds_once(waiting)


@pytest.mark.parametrize("fault", API)
async def test_whatever_github_answers(waiting: World, fault: str) -> None:
    API[fault](waiting.github)
    await waiting.github.report_check("test")
    await waiting.settle()
    await succeeds_once(waiting)
    assert not [each for each in waiting.github.faults.api if each.times is not None]


async def test_a_check_that_turns_green_and_red_again_starts_nothing_while_it_is_red(waiting: World) -> None:
    waiting.github.faults.webhooks(drop=1.0)
    await waiting.github.report_check("test")
    await waiting.github.report_check("test", conclusion="failure")
    await sweep(waiting)
    row = await Deployment.get()
    assert (row.wait_outcome, row.error_message) == ("refused", "`test` failed")
    assert not waiting.github.runs


async def test_an_evaluation_that_is_killed_at_any_moment_leaves_the_deployment_waiting_or_dispatched(
    waiting: World,
) -> None:
    random, context, job = Random(8), await waiting.context(), await the_job()
    waiting.github.faults.webhooks(drop=1.0)
    await waiting.github.report_check("test")
    waiting.github.faults.slow(0.01)
    for _ in range(12):
        task = asyncio.create_task(waiting_deployments.evaluate(context, job))
        await asyncio.sleep(random.uniform(0, 0.06))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        row = await Deployment.get()
        dispatched = len(await waiting.jobs("dispatch"))
        assert (row.waiting, dispatched) in ((True, 0), (False, 1))
    await succeeds_once(waiting)


async def test_a_process_that_ends_after_the_commit_and_before_the_dispatch_loses_nothing(waiting: World) -> None:
    waiting.github.faults.webhooks(drop=1.0)
    await waiting.github.report_check("test")
    waiting.github.faults.slow(1.0, path="*/dispatches", times=1)
    await waiting_deployments.evaluate(await waiting.context(), await the_job())
    assert not (await Deployment.get()).waiting
    assert not waiting.github.runs
    await succeeds_once(waiting)


async def test_evaluations_by_many_workers_at_once_dispatch_once(waiting: World) -> None:
    waiting.github.faults.webhooks(drop=1.0)
    await waiting.github.report_check("test")
    context, job = await waiting.context(), await the_job()
    await asyncio.gather(*(waiting_deployments.evaluate(context, job) for _ in range(8)))
    await succeeds_once(waiting)
