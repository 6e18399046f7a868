"""Reconciling runs with GitHub when webhooks are missing."""

import pytest

from bot.operations import jobs
from bot.operations.workflows import reconcile
from bot.operations.workflows.tracking import MISSES
from tests.world import World


async def start_without_webhooks(world: World, *, deployment: bool = False) -> None:
    """Start a build or deployment while all webhooks are dropped."""
    world.github.faults.webhooks(drop=1.0)
    await world.cut("1.2-rc1", build=not deployment)
    if deployment:
        await world.deploy("1.2-rc1")
    await world.settle()


@pytest.mark.parametrize(
    ("conclusion", "candidate", "deployment"),
    [("success", "ready", "success"), ("failure", "failed", "failure"), ("cancelled", "canceled", "canceled")],
)
async def test_an_end_without_a_webhook_is_found(
    world: World, conclusion: str, candidate: str, deployment: str
) -> None:
    await start_without_webhooks(world)
    await world.github.finish(run=1, conclusion=conclusion)
    await world.reconcile()
    assert await world.status("1.2-rc1") == candidate
    await world.cut("1.3-rc1")
    await world.deploy("1.3-rc1")
    await world.settle()
    await world.github.finish(run=2, conclusion=conclusion)
    await world.reconcile()
    assert await world.statuses() == [("1.3-rc1", deployment)]


async def test_a_build_whose_run_was_deleted_fails(world: World) -> None:
    await start_without_webhooks(world)
    world.github.runs.clear()
    for _ in range(MISSES):
        await world.reconcile()
    candidate = await world.candidate("1.2-rc1")
    assert (candidate["status"], candidate["reason"]) == ("failed", "GitHub no longer has the build's run.")


async def test_a_deployment_whose_run_was_deleted_is_unknown(world: World) -> None:
    await start_without_webhooks(world, deployment=True)
    world.github.runs.clear()
    for _ in range(MISSES):
        await world.reconcile()
    (deployment,) = await world.deployments()
    assert deployment["status"] == "unknown"
    assert deployment["deploy_end_at"] is not None


async def test_a_newer_attempt_is_found(world: World) -> None:
    await start_without_webhooks(world)
    await world.github.finish(run=1, conclusion="failure")
    await world.github.rerun(1)
    await world.github.finish(run=1, conclusion="success")
    await world.reconcile()
    assert await world.status("1.2-rc1") == "ready"


async def test_github_is_not_called_while_webhooks_arrive(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    before = len(world.github.calls)
    await reconcile.reconcile(await world.context(), jobs.Reconcile())
    await world.settle()
    assert len(world.github.calls) == before


async def test_a_run_in_progress_is_left_alone(world: World) -> None:
    await start_without_webhooks(world)
    await world.github.start(run=1)
    for _ in range(2):
        await world.reconcile()
    assert await world.status("1.2-rc1") == "building"


async def test_a_failed_reconciliation_is_retried(world: World) -> None:
    await start_without_webhooks(world)
    await world.github.finish(run=1)
    world.github.faults.limit("secondary", path="*/actions/runs/*", retry_after=30)
    await world.reconcile()
    assert await world.status("1.2-rc1") == "building"
    await world.settle(skip_delays=True)
    assert await world.status("1.2-rc1") == "ready"
