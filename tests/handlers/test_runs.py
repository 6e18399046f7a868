"""Webhooks about workflow runs: in any order, duplicated, late, and about runs that are not ours."""

import copy
from typing import Any

import pytest

from tests.world import World

ACTIONS = ("requested", "in_progress", "completed")


async def undelivered_payloads(world: World) -> dict[str, dict[str, Any]]:
    """Finish a build while all webhooks are dropped; returns the payloads about its run, by action."""
    world.github.faults.webhooks(drop=1.0)
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.start(run=1)
    await world.github.finish(run=1)
    await world.settle()
    runs = [delivery.payload for delivery in world.github.deliveries if delivery.event == "workflow_run"]
    return {payload["action"]: payload for payload in runs}


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(("requested", "in_progress", "completed"), id="in order"),
        pytest.param(("completed", "in_progress", "requested"), id="backwards"),
        pytest.param(("in_progress", "completed", "requested", "in_progress"), id="in_progress repeated"),
        pytest.param(("completed", "completed", "completed"), id="completed three times"),
    ],
)
async def test_the_order_of_webhooks_does_not_change_the_result(world: World, order: tuple[str, ...]) -> None:
    payloads = await undelivered_payloads(world)
    for number, action in enumerate(order):
        await world.github.send("workflow_run", payloads[action], delivery=f"d{number}")
        await world.settle()
    assert await world.status("1.2-rc1") == "ready"
    assert len(await world.audit("candidate.finish_build")) == 1


async def test_concurrent_webhooks_give_the_same_result(world: World) -> None:
    payloads = await undelivered_payloads(world)
    for number in range(12):
        await world.github.send("workflow_run", payloads[ACTIONS[number % 3]], delivery=f"d{number}")
    await world.settle()
    assert await world.status("1.2-rc1") == "ready"
    assert len(await world.audit("candidate.finish_build")) == 1


CONCLUSIONS = {
    "success": "ready",
    "failure": "failed",
    "timed_out": "failed",
    "startup_failure": "failed",
    "action_required": "failed",
    "cancelled": "canceled",
}


async def test_the_conclusion_of_a_run_decides_the_status_of_the_candidate(world: World) -> None:
    for number in range(len(CONCLUSIONS)):
        await world.cut(f"1.2-rc{number}", build=True)
    await world.settle()
    for run, conclusion in zip(world.github.runs, CONCLUSIONS, strict=True):
        await world.github.finish(run, conclusion=conclusion)
    await world.settle()
    for run, status in zip(world.github.runs, CONCLUSIONS.values(), strict=True):
        candidate = await world.candidate(run.inputs["release_candidate_version"])
        assert candidate["status"] == status
        assert (candidate["reason"] is None) is (status == "ready")


async def test_only_the_first_completion_of_an_attempt_counts(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    for conclusion in ("failure", "success"):
        await world.github.finish(run=1, conclusion=conclusion)
        await world.settle()
    assert await world.status("1.2-rc1") == "failed"


async def test_webhooks_that_arrive_before_the_response_to_the_dispatch_are_not_lost(world: World) -> None:
    world.github.set_run_seconds((0.0, 0.01))
    world.github.faults.slow(0.3, path="*/dispatches", times=1)
    world.github.faults.lose_answer(path="*/dispatches")
    await world.cut("1.2-rc1", build=True)
    await world.settle(skip_delays=True)
    assert await world.status("1.2-rc1") == "ready"


@pytest.mark.parametrize("change", ["id", "repository"])
async def test_runs_that_are_not_ours_change_nothing(world: World, change: str) -> None:
    payload = copy.deepcopy((await undelivered_payloads(world))["completed"])
    (payload["workflow_run"] if change == "id" else payload["repository"])["id"] = 12345
    await world.github.send("workflow_run", payload)
    await world.settle()
    assert await world.status("1.2-rc1") == "building"


async def test_a_deployment_follows_its_run(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.deploy("1.2-rc1")
    await world.settle()
    assert await world.statuses() == [("1.2-rc1", "pending")]
    await world.github.start(run=1)
    await world.settle()
    (deployment,) = await world.deployments()
    assert deployment["status"] == "in_progress"
    assert deployment["deploy_start_at"] is not None
    await world.github.finish(run=1, conclusion="failure")
    await world.settle()
    (deployment,) = await world.deployments()
    assert deployment["status"] == "failure"
    assert "`failure`" in deployment["error_message"]
    assert deployment["deploy_end_at"] is not None
