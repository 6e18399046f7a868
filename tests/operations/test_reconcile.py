"""GitHub is asked for what we were not told."""

import pytest

from bot.operations import jobs
from bot.operations.workflows import reconcile
from tests.world import World


async def unheard(world: World, *, deployment: bool = False) -> None:
    """A run under way of which no webhook ever comes."""
    world.github.faults.webhooks(drop=1.0)
    await world.cut("1.2-rc1", build=not deployment)
    if deployment:
        await world.deploy("1.2-rc1")
    await world.settle()


@pytest.mark.parametrize(
    ("conclusion", "candidate", "deployment"),
    [("success", "ready", "success"), ("failure", "failed", "failure"), ("cancelled", "canceled", "canceled")],
)
async def test_an_end_that_we_were_not_told_of_is_asked_for(
    world: World, conclusion: str, candidate: str, deployment: str
) -> None:
    await unheard(world)
    await world.github.finish(run=1, conclusion=conclusion)
    await world.reconcile()
    assert await world.status("1.2-rc1") == candidate
    await world.cut("1.3-rc1")
    await world.deploy("1.3-rc1")
    await world.settle()
    await world.github.finish(run=2, conclusion=conclusion)
    await world.reconcile()
    assert await world.statuses() == [("1.3-rc1", deployment)]


async def test_a_run_that_github_has_no_more_is_lost_with_its_build(world: World) -> None:
    await unheard(world)
    world.github.runs.clear()
    await world.reconcile()
    candidate = await world.candidate("1.2-rc1")
    assert (candidate["status"], candidate["reason"]) == ("failed", "GitHub no longer has the build's run.")


async def test_a_deployment_whose_run_is_gone_is_unknown(world: World) -> None:
    await unheard(world, deployment=True)
    world.github.runs.clear()
    await world.reconcile()
    (deployment,) = await world.deployments()
    assert deployment["status"] == "unknown"
    assert deployment["deploy_end_at"] is not None


async def test_a_newer_attempt_is_found_by_asking(world: World) -> None:
    await unheard(world)
    await world.github.finish(run=1, conclusion="failure")
    await world.github.rerun(1)
    await world.github.finish(run=1, conclusion="success")
    await world.reconcile()
    assert await world.status("1.2-rc1") == "ready"


async def test_nothing_is_asked_while_webhooks_arrive(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    before = len(world.github.calls)
    await reconcile.reconcile(await world.context(), jobs.Reconcile())
    await world.settle()
    assert len(world.github.calls) == before


async def test_a_run_that_goes_on_is_left_alone(world: World) -> None:
    await unheard(world)
    await world.github.start(run=1)
    for _ in range(2):
        await world.reconcile()
    assert await world.status("1.2-rc1") == "building"


async def test_asking_that_fails_is_done_again(world: World) -> None:
    await unheard(world)
    await world.github.finish(run=1)
    world.github.faults.limit("secondary", path="*/actions/runs/*", retry_after=30)
    await world.reconcile()
    assert await world.status("1.2-rc1") == "building"
    await world.settle(skip_delays=True)
    assert await world.status("1.2-rc1") == "ready"
