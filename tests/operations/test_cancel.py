"""Builds and deployments that are cancelled: at once, or once GitHub says so."""

import pytest

from tests.world import PROJECT, Response, World


async def cancel_build(world: World) -> Response:
    """Ask for the build to be cancelled."""
    return await world.ask("POST", f"/api/releases/{PROJECT}/releases/1.2-rc1/cancel")


async def cancel_deployment(world: World, number: int = 1) -> Response:
    """Ask for a deployment to staging to be cancelled."""
    return await world.ask("POST", f"/api/releases/{PROJECT}/environments/staging/deployments/{number}/cancel")


async def test_a_running_build_is_cancelled_on_github(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    answer = await cancel_build(world)
    assert (answer.status, answer.json["status"]) == (202, "building")
    await world.settle()
    candidate = await world.candidate("1.2-rc1")
    assert candidate["status"] == "canceled"
    assert world.github.runs[0].conclusion == "cancelled"
    assert (await cancel_build(world)).status == 409


@pytest.mark.parametrize("fault", ["answer lost", "limit", "502"])
async def test_a_cancellation_reaches_github_in_the_end(world: World, fault: str) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    if fault == "answer lost":
        world.github.faults.lose_answer(path="*/cancel")
    elif fault == "limit":
        world.github.faults.limit("secondary", path="*/cancel", retry_after=30)
    else:
        world.github.faults.fail(path="*/cancel", status=502)
    await cancel_build(world)
    await world.settle(skip_delays=True)
    assert await world.status("1.2-rc1") == "canceled"
    assert world.github.runs[0].conclusion == "cancelled"


async def test_a_build_whose_run_is_still_searched_for_is_cancelled_once_it_is_found(world: World) -> None:
    world.github.faults.lose_answer(path="*/dispatches")
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    assert (await cancel_build(world)).status == 202
    await world.settle(skip_delays=True)
    assert world.github.runs[0].conclusion == "cancelled"
    assert await world.status("1.2-rc1") == "canceled"


async def test_a_build_that_was_never_started_is_cancelled_without_being_sent_again(world: World) -> None:
    world.github.faults.fail(path="*/dispatches", status=502)
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await cancel_build(world)
    await world.settle(skip_delays=True)
    assert world.github.dispatches == []
    assert await world.status("1.2-rc1") == "canceled"


async def test_a_build_that_was_faster_than_its_cancellation_is_ready(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    world.github.faults.hold()
    await world.github.finish(run=1)
    assert (await cancel_build(world)).status == 202
    world.github.faults.release()
    await world.settle()
    assert await world.status("1.2-rc1") == "ready"


async def test_a_running_deployment_is_canceling_until_github_says_that_it_has_ended(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.deploy("1.2-rc1")
    await world.settle()
    await world.github.start(run=1)
    world.github.faults.hold()
    answer = await cancel_deployment(world)
    assert (answer.status, answer.json["status"]) == (202, "canceling")
    world.github.faults.release()
    await world.settle()
    assert await world.statuses() == [("1.2-rc1", "canceled")]
    assert (await cancel_deployment(world)).status == 409


async def test_who_cancels_a_run_on_github_cancels_the_deployment(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.complete_deployment("1.2-rc1", conclusion="cancelled")
    assert await world.statuses() == [("1.2-rc1", "canceled")]


async def test_a_rollback_goes_out_once_the_run_it_cancels_has_ended(world: World) -> None:
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
