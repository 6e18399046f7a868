"""Canceling builds and deployments: at once, or when GitHub confirms it."""

import pytest

from tests.world import PROJECT, Response, World


async def cancel_build(world: World) -> Response:
    """Cancel the build."""
    return await world.ask("POST", f"/api/releases/{PROJECT}/releases/1.2-rc1/cancel")


async def cancel_deployment(world: World, number: int = 1) -> Response:
    """Cancel a deployment to staging."""
    return await world.ask("POST", f"/api/releases/{PROJECT}/environments/staging/deployments/{number}/cancel")


async def test_a_running_build_is_canceled_on_github(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    response = await cancel_build(world)
    assert (response.status, response.json["status"]) == (202, "building")
    await world.settle()
    candidate = await world.candidate("1.2-rc1")
    assert candidate["status"] == "canceled"
    assert world.github.runs[0].conclusion == "cancelled"
    assert (await cancel_build(world)).status == 409


@pytest.mark.parametrize("fault", ["response lost", "limit", "502"])
async def test_a_cancellation_reaches_github_despite_faults(world: World, fault: str) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    if fault == "response lost":
        world.github.faults.lose_answer(path="*/cancel")
    elif fault == "limit":
        world.github.faults.limit("secondary", path="*/cancel", retry_after=30)
    else:
        world.github.faults.fail(path="*/cancel", status=502)
    await cancel_build(world)
    await world.settle(skip_delays=True)
    assert await world.status("1.2-rc1") == "canceled"
    assert world.github.runs[0].conclusion == "cancelled"


@pytest.mark.parametrize("times", [1, 2], ids=["by its name", "by its name and its id"])
async def test_a_run_that_is_not_found_once_is_canceled_nevertheless(world: World, times: int) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    world.github.faults.refuse(404, "Not Found", path="*/cancel", times=times)
    await cancel_build(world)
    await world.settle()
    await world.reconcile()
    assert await world.status("1.2-rc1") == "canceled"
    assert world.github.runs[0].conclusion == "cancelled"


async def test_a_build_is_canceled_once_its_run_is_found(world: World) -> None:
    world.github.faults.lose_answer(path="*/dispatches")
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    assert (await cancel_build(world)).status == 202
    await world.settle(skip_delays=True)
    assert world.github.runs[0].conclusion == "cancelled"
    assert await world.status("1.2-rc1") == "canceled"


async def test_a_build_whose_dispatch_failed_is_canceled_without_another_dispatch(world: World) -> None:
    world.github.faults.fail(path="*/dispatches", status=502)
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await cancel_build(world)
    await world.settle(skip_delays=True)
    assert world.github.dispatches == []
    assert await world.status("1.2-rc1") == "canceled"


async def test_a_build_that_ends_before_its_cancellation_is_ready(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    world.github.faults.hold()
    await world.github.finish(run=1)
    assert (await cancel_build(world)).status == 202
    world.github.faults.release()
    await world.settle()
    assert await world.status("1.2-rc1") == "ready"


async def test_a_running_deployment_is_canceling_until_github_reports_its_end(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.deploy("1.2-rc1")
    await world.settle()
    await world.github.start(run=1)
    world.github.faults.hold()
    response = await cancel_deployment(world)
    assert (response.status, response.json["status"]) == (202, "canceling")
    world.github.faults.release()
    await world.settle()
    assert await world.statuses() == [("1.2-rc1", "canceled")]
    assert (await cancel_deployment(world)).status == 409


async def test_canceling_a_run_on_github_cancels_the_deployment(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.complete_deployment("1.2-rc1", conclusion="cancelled")
    assert await world.statuses() == [("1.2-rc1", "canceled")]


async def test_a_rollback_is_dispatched_once_the_run_that_it_cancels_has_ended(world: World) -> None:
    await world.cut("1.1-rc1")
    await world.cut("1.2-rc1")
    await world.complete_deployment("1.1-rc1")
    await world.deploy("1.2-rc1")
    await world.settle()
    world.github.faults.fail(path="*/cancel", status=409, body='{"message": "Cannot cancel"}')
    assert (await world.roll_back()).status == 201
    await world.settle()
    assert await world.statuses() == [("1.1-rc1", "pending"), ("1.2-rc1", "canceling"), ("1.1-rc1", "success")]
    assert len(world.github.dispatches) == 2
    await world.github.finish(run=2, conclusion="cancelled")
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 3
    await world.github.finish(run=3)
    await world.settle()
    assert [status for _, status in await world.statuses()] == ["success", "canceled", "success"]
