"""Reports by pipelines about deployments that Longshore also tracks through a run."""

from sandbox.use_cases.runs import dispatch
from tests.world import PROJECT, World


async def test_a_report_before_the_dispatch_does_not_cancel_the_deployment(world: World) -> None:
    await world.cut("1.0-rc1")
    world.github.faults.down()
    await world.deploy("1.0-rc1")
    await world.settle()
    assert (await world.report("1.0-rc1", "in_progress")).status == 200
    world.github.faults.up()
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 1
    await world.github.finish()
    await world.settle()
    assert await world.statuses() == [("1.0-rc1", "success")]


async def test_a_report_does_not_move_a_canceling_deployment_back_to_running(world: World) -> None:
    for version in ("1.0-rc1", "1.0-rc2"):
        await world.cut(version)
    await world.complete_deployment("1.0-rc1")
    await world.deploy("1.0-rc2")
    await world.settle()
    world.github.faults.fail(path="*/cancel", status=502, times=None)
    await world.roll_back()
    assert (await world.report("1.0-rc2", "in_progress")).json["status"] == "canceling"
    world.github.faults.clear()
    await world.settle(skip_delays=True)
    assert await world.statuses() == [("1.0-rc1", "pending"), ("1.0-rc2", "canceled"), ("1.0-rc1", "success")]


async def test_a_rollback_waits_for_the_deployment_that_was_canceled_before_it(world: World) -> None:
    for version in ("1.0-rc1", "1.0-rc2"):
        await world.cut(version)
    await world.complete_deployment("1.0-rc1")
    number = (await world.deploy("1.0-rc2")).json["id"]
    await world.settle()
    world.github.faults.fail(path="*/cancel", status=502, times=None)
    await world.ask("POST", f"/api/releases/{PROJECT}/environments/staging/deployments/{number}/cancel")
    assert (await world.roll_back()).status == 201
    await world.settle()
    assert len(world.github.dispatches) == 2
    world.github.faults.clear()
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 3


async def test_a_run_of_another_workflow_cannot_be_reported_as_the_build(world: World) -> None:
    world.github.faults.down()
    await world.cut("1.0-rc0")
    world.github.faults.up()
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    state = world.github.state
    other = await dispatch(state, world.github.repository(), "deploy.yml", "main", {}, state.account("alice"))
    body = {"release_cut_id": world.github.dispatches[0].inputs["release_cut_id"], "workflow_run_id": other.id}
    response = await world.ask("POST", "/api/v1/sync-build-github-action", body)
    assert response.status == 400
    assert await world.status("1.0-rc1") == "building"
