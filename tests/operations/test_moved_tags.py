"""Tags of candidates that were moved or deleted: nothing is dispatched on one that GitHub has not confirmed."""

from bot.store.candidates import Candidate
from tests.world import World

BAN = "/api/projects/site/candidates/1.0-rc1/ban"


async def deployed(world: World) -> None:
    """Cut a candidate and deploy it to staging."""
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")


async def move_tag(world: World, *, unnoticed: bool = False) -> None:
    """Move the candidate's tag to another commit; `unnoticed`: without webhooks."""
    world.github.faults.webhooks(drop=1.0 if unnoticed else 0.0)
    await world.github.tag("rc/1.0-rc1", at=await world.github.commit(), move=True)
    await world.settle()
    world.github.faults.clear()


async def test_nothing_is_deployed_on_a_moved_tag(world: World) -> None:
    await deployed(world)
    await move_tag(world)
    refused = await world.deploy("1.0-rc1", "production")
    assert (refused.status, refused.error) == (409, "Release candidate is not ready")
    assert (refused.json["details"]["status"], len(world.github.dispatches)) == ("banned", 1)
    assert await world.alarms() == ["tag.moved"]


async def test_a_tag_that_moved_unnoticed_is_found_at_the_dispatch_and_bans_the_candidate(world: World) -> None:
    await deployed(world)
    await move_tag(world, unnoticed=True)
    await Candidate.all().update(tagged=False)
    assert (await world.deploy("1.0-rc1", "production")).status == 201
    await world.settle()
    assert len(world.github.dispatches) == 1
    (deployment,) = await world.deployments("production")
    assert deployment["status"] == "error"
    assert "not to the candidate's commit" in deployment["error_message"]
    assert await world.alarms() == ["tag.elsewhere"]
    assert await world.status("1.0-rc1") == "banned"


async def test_a_deleted_tag_is_recreated_for_the_next_deployment_once_the_candidate_is_unbanned(world: World) -> None:
    await deployed(world)
    await world.github.delete_tag("rc/1.0-rc1")
    await world.settle()
    assert (await world.deploy("1.0-rc1", "production")).status == 409
    assert (await world.ask("DELETE", BAN)).status == 204
    await world.complete_deployment("1.0-rc1", "production")
    assert await world.statuses("production") == [("1.0-rc1", "success")]
    assert await world.alarms() == ["tag.deleted"]


async def test_a_candidate_is_not_unbanned_while_its_tag_is_elsewhere(world: World) -> None:
    await deployed(world)
    original = (await world.candidate("1.0-rc1"))["commit"]
    await move_tag(world)
    refused = await world.ask("DELETE", BAN)
    moved_to = world.github.resolve("rc/1.0-rc1")
    assert (refused.status, refused.json["tag"]) == (409, "rc/1.0-rc1")
    assert f"The tag `rc/1.0-rc1` is at {moved_to}, not at the candidate's commit" in refused.json["detail"]
    assert await world.status("1.0-rc1") == "banned"
    await world.github.tag("rc/1.0-rc1", at=original, move=True)
    await world.settle()
    assert await world.status("1.0-rc1") == "banned", "only somebody's word ends a ban"
    assert (await world.ask("DELETE", BAN)).status == 204
    assert (await world.deploy("1.0-rc1", "production")).status == 201


async def test_a_tag_that_moves_again_after_the_ban_ended_bans_again_with_the_alarm(world: World) -> None:
    await deployed(world)
    original = (await world.candidate("1.0-rc1"))["commit"]
    await move_tag(world)
    await world.github.tag("rc/1.0-rc1", at=original, move=True)
    await world.settle()
    assert (await world.ask("DELETE", BAN)).status == 204
    await move_tag(world)
    assert await world.status("1.0-rc1") == "banned"
    assert await world.alarms() == ["tag.moved", "tag.moved"]


async def test_while_github_is_down_a_candidate_with_a_tag_stays_banned(world: World) -> None:
    await deployed(world)
    await move_tag(world)
    world.github.faults.down()
    assert (await world.ask("DELETE", BAN)).status == 503
    world.github.faults.up()
    assert await world.status("1.0-rc1") == "banned"


async def test_a_tag_that_moved_during_the_build_bans_the_candidate_once_it_is_built(world: World) -> None:
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await move_tag(world)
    assert await world.status("1.0-rc1") == "building"
    await world.github.finish()
    await world.settle()
    assert await world.status("1.0-rc1") == "banned"
    assert await world.alarms() == ["tag.moved"]


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
