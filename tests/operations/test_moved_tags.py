"""Tags of candidates that were moved or deleted: nothing is dispatched on one that GitHub has not confirmed."""

from tests.world import World


async def test_nothing_is_deployed_on_a_moved_tag(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")
    await world.github.tag("rc/1.0-rc1", at=await world.github.commit(), move=True)
    await world.settle()
    assert (await world.deploy("1.0-rc1", "production")).status == 201
    await world.settle()
    assert len(world.github.dispatches) == 1
    (deployment,) = await world.deployments("production")
    assert deployment["status"] == "error"
    assert "not to the candidate's commit" in deployment["error_message"]
    assert await world.alarms() == ["tag.moved"]
    assert await world.status("1.0-rc1") == "ready"


async def test_a_deleted_tag_is_recreated_for_the_next_deployment(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")
    await world.github.delete_tag("rc/1.0-rc1")
    await world.settle()
    await world.complete_deployment("1.0-rc1", "production")
    assert await world.statuses("production") == [("1.0-rc1", "success")]
    assert await world.alarms() == ["tag.deleted"]


async def test_late_webhooks_about_a_tag_that_was_moved_back_have_no_effect(world: World) -> None:
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await world.github.finish()
    await world.settle()
    original = world.github.head()
    other = await world.github.commit()
    await world.settle()
    world.github.faults.hold()
    await world.github.tag("rc/1.0-rc1", at=other, move=True)
    await world.github.tag("rc/1.0-rc1", at=original, move=True)
    world.github.faults.release()
    await world.settle()
    assert await world.alarms() == []
    assert await world.status("1.0-rc1") == "ready"


async def test_a_dispatch_waits_for_a_tag_that_github_does_not_find_yet(world: World) -> None:
    not_found = '{"message": "No ref found for: rc/1.0-rc1", "status": "422"}'
    world.github.faults.fail(path="*/dispatches", status=422, body=not_found)
    await world.cut("1.0-rc1", build=True)
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 1
    assert await world.status("1.0-rc1") == "building"


async def test_a_trigger_tag_moved_before_its_candidate_was_cut_starts_no_run(world: World) -> None:
    world.github.faults.down()
    await world.github.tag("v1.0-rc1")
    await world.settle()
    moved = await world.github.commit()
    await world.github.tag("v1.0-rc1", at=moved, move=True)
    world.github.faults.up()
    await world.settle(skip_delays=True)
    await world.settle(skip_delays=True)
    assert {run.head_sha for run in world.github.runs} <= {(await world.candidate("1.0-rc1"))["commit"]}
