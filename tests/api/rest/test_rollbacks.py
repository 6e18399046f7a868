"""Rolling back over REST."""

import asyncio

import pytest

from bot.store.candidates import Candidate
from bot.store.projects import Environment
from tests.api.helpers import (
    change_project,
    env_path,
    finish_newest_run,
    freeze,
    hold,
    remove_workflow,
    status_and_error,
)
from tests.world import World

NOTHING = (404, "No previous deployment to roll back from")


async def report_history(world: World, *lives: str) -> None:
    """Report deployments of `1.0-rcN` to staging: `1` succeeded, `2!` failed."""
    await remove_workflow()
    for life in lives:
        await world.cut(f"1.0-rc{life[0]}")
        await world.report(f"1.0-rc{life[0]}", "pending")
        await world.report(f"1.0-rc{life[0]}", "failure" if life.endswith("!") else "success")


async def roll_back_and_finish(world: World, outcome: str = "success") -> str:
    """Roll back, finish the run, and return the version that was deployed."""
    answer = await world.roll_back()
    assert answer.status == 201, answer.json
    version = str(answer.json["release_candidate_version"])
    await world.report(version, outcome)
    return version


async def test_a_rollback_after_a_success_redeploys_the_one_before_it(world: World) -> None:
    for number in (1, 2):
        await world.cut(f"1.0-rc{number}")
        await world.complete_deployment(f"1.0-rc{number}")
    answer = await world.roll_back()
    assert answer.status == 201
    expected = {
        name: answer.json[name] for name in ("release_candidate_version", "from_release_candidate_version", "status")
    }
    assert expected == {
        "release_candidate_version": "1.0-rc1",
        "from_release_candidate_version": "1.0-rc2",
        "status": "pending",
    }
    await finish_newest_run(world)
    assert world.github.dispatches[-1].ref.endswith("rc/1.0-rc1")
    assert (await world.statuses())[0] == ("1.0-rc1", "success")


async def test_a_rollback_after_a_failure_redeploys_the_last_success(world: World) -> None:
    await report_history(world, "1", "2", "3!", "4!")
    assert await roll_back_and_finish(world) == "1.0-rc2"


async def test_a_second_rollback_goes_further_back_and_not_forward_again(world: World) -> None:
    await report_history(world, "1", "2", "3")
    assert [await roll_back_and_finish(world) for _ in range(2)] == ["1.0-rc2", "1.0-rc1"]
    assert status_and_error(await world.roll_back()) == NOTHING


async def test_a_failed_rollback_is_tried_again(world: World) -> None:
    await report_history(world, "1", "2")
    assert await roll_back_and_finish(world, "failure") == "1.0-rc1"
    assert await roll_back_and_finish(world) == "1.0-rc1"


async def test_a_rolled_back_candidate_that_is_deployed_by_hand_becomes_a_target_again(world: World) -> None:
    await report_history(world, "1", "2")
    await roll_back_and_finish(world)
    await report_history(world, "2", "3")
    assert await roll_back_and_finish(world) == "1.0-rc2"


async def test_without_an_earlier_success_there_is_nothing_to_roll_back_to(world: World) -> None:
    assert status_and_error(await world.roll_back()) == NOTHING
    await report_history(world, "1!")
    assert status_and_error(await world.roll_back()) == NOTHING
    await report_history(world, "1", "1")
    assert status_and_error(await world.roll_back()) == NOTHING
    assert len(await world.deployments()) == 3


async def test_banned_candidates_are_skipped(world: World) -> None:
    await report_history(world, "1", "2", "3")
    await Candidate.filter(version="1.0-rc2").update(status="banned")
    assert await roll_back_and_finish(world) == "1.0-rc1"


async def test_candidates_of_held_releases_are_skipped(world: World) -> None:
    await report_history(world, "1", "2")
    await world.cut("2.0-rc1")
    await world.report("2.0-rc1", "success")
    await hold("1.0")
    assert status_and_error(await world.roll_back()) == NOTHING


async def test_a_rollback_cancels_a_deployment_in_progress_and_waits_for_its_end(world: World) -> None:
    for number in (1, 2, 3):
        await world.cut(f"1.0-rc{number}")
    await world.complete_deployment("1.0-rc1")
    await world.complete_deployment("1.0-rc2")
    await world.deploy("1.0-rc3")
    await world.settle()
    world.github.faults.hold()  # the webhook about the end of the run is delayed
    assert (await world.roll_back()).json["release_candidate_version"] == "1.0-rc2"
    await world.settle()
    assert await world.statuses() == [
        ("1.0-rc2", "pending"),
        ("1.0-rc3", "canceling"),
        ("1.0-rc2", "success"),
        ("1.0-rc1", "success"),
    ]
    assert len(world.github.dispatches) == 3
    world.github.faults.release()
    await world.settle()
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 4
    await finish_newest_run(world)
    assert (await world.statuses())[:2] == [("1.0-rc2", "success"), ("1.0-rc3", "canceled")]


async def test_a_rollback_cancels_a_reported_deployment_in_progress(world: World) -> None:
    await report_history(world, "1", "2")
    await world.report("1.0-rc1", "in_progress")
    await world.roll_back()
    assert (await world.statuses())[:2] == [("1.0-rc2", "pending"), ("1.0-rc1", "canceled")]


async def test_of_a_concurrent_rollback_and_deployments_one_is_active_in_the_end(world: World) -> None:
    await report_history(world, "1", "2")
    answers = await asyncio.gather(
        *(world.roll_back() if n % 2 else world.deploy("1.0-rc2") for n in range(8)),
    )
    assert {answer.status for answer in answers} <= {201, 409}
    active = [status for _, status in await world.statuses() if status in ("pending", "in_progress")]
    assert len(active) == 1


async def test_a_freeze_stops_a_rollback_unless_forced(world: World) -> None:
    await report_history(world, "1", "2")
    await freeze(world)
    answer = await world.roll_back()
    assert status_and_error(answer) == (400, "Environment is frozen")
    assert answer.json["details"]["reason"] == "moving house"
    assert (await world.roll_back(force=False)).status == 400
    assert (await world.roll_back(force=True)).status == 201


async def test_forcing_requires_a_grant_of_its_own(world: World) -> None:
    await report_history(world, "1", "2")
    starter = await world.create_token("deployment:start")
    answer = await world.ask("POST", env_path("/rollback"), {"force": True}, token=starter)
    assert answer.status == 403
    assert answer.json["details"]["grant"] == "deployment:force"
    forcer = await world.create_token("deployment:start", "deployment:force")
    assert (await world.ask("POST", env_path("/rollback"), {"force": True}, token=forcer)).status == 201


async def test_a_body_may_be_empty_and_a_malformed_force_is_named(world: World) -> None:
    await report_history(world, "1", "2")
    for body in ({"force": "yes"}, {"force": 1}, {"force": None}):
        answer = await world.ask("POST", env_path("/rollback"), body)
        assert answer.status == 400
        assert "`force`" in answer.error
    assert (await world.ask("POST", env_path("/rollback"))).status == 201


async def test_checks_are_made_in_the_documented_order(world: World) -> None:
    await freeze(world)
    reader, starter = await world.create_token("project:read"), await world.create_token("deployment:start")

    async def roll_back(path: str, token: str | None = None) -> tuple[int, str]:
        return status_and_error(await world.ask("POST", path, {}, token=token))

    assert [
        await roll_back(env_path("/rollback", "moon", "none"), ""),
        await roll_back(env_path("/rollback", "moon", "none"), reader),
        await roll_back(env_path("/rollback", "moon", "none"), starter),
        await roll_back(env_path("/rollback", "moon"), starter),
        await roll_back(env_path("/rollback", "production"), starter),
        await roll_back(env_path("/rollback"), starter),
    ] == [
        (401, "Authentication credentials were not provided."),
        (403, "You do not have permission to perform this action."),
        (404, "Release project not found"),
        (404, "Release environment not found"),
        (403, "You do not have permission to perform this action."),
        (400, "Environment is frozen"),
    ]


async def test_a_rollback_blocks_promotion_until_a_deployment_by_hand(world: World) -> None:
    await report_history(world, "1", "2")

    async def held() -> bool:
        return (await Environment.get(name="staging")).promotion_held

    await roll_back_and_finish(world)
    assert await held()
    await world.deploy("1.0-rc2")
    assert not await held()


async def test_an_archived_project_cannot_be_rolled_back(world: World) -> None:
    await report_history(world, "1", "2")
    await change_project(world, archived=True)
    assert status_and_error(await world.roll_back()) == (409, "Release project is archived")


@pytest.mark.parametrize("field", ["release_candidate_version", "to", "version", "target", "Candidate", "to-version"])
async def test_a_rollback_to_a_candidate_of_choice_is_refused_and_told_how_to_deploy_one(
    world: World, field: str
) -> None:
    await report_history(world, "1", "2", "3")
    answer = await world.ask("POST", env_path("/rollback"), {field: "1.0-rc1"})
    assert answer.status == 400
    assert answer.json["error"] == (
        "A rollback takes no target: it deploys what was live before. To deploy a candidate of your choice, send "
        "`release_candidate_version` to `POST /api/releases/{project}/environments/{environment}/deployments`."
    )
    assert answer.json["details"] == {"field": field}
    assert (await world.statuses())[0] == ("1.0-rc3", "success")


async def test_other_fields_that_a_rollback_does_not_know_are_ignored(world: World) -> None:
    await report_history(world, "1", "2")
    answer = await world.ask("POST", env_path("/rollback"), {"reason": "broken", "ticket": 7})
    assert (answer.status, answer.json["release_candidate_version"]) == (201, "1.0-rc1")
