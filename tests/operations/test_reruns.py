"""Runs that GitHub runs again: the same id, a newer attempt."""

import pytest

from bot.store.candidates import Candidate
from tests.world import PROJECT, World

STAGING = f"/api/projects/{PROJECT}/environments/staging"


async def built(world: World, conclusion: str) -> None:
    """A candidate whose build has ended."""
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1, conclusion=conclusion)
    await world.settle()


async def again(world: World, conclusion: str, run: int = 1) -> None:
    """Run a run again to its end."""
    await world.github.rerun(run)
    await world.github.start(run)
    await world.github.finish(run, conclusion=conclusion)
    await world.settle()


@pytest.mark.parametrize("first", ["failure", "cancelled"])
async def test_a_build_that_is_run_again_is_building_and_then_ready(world: World, first: str) -> None:
    await built(world, first)
    await world.github.rerun(1)
    await world.github.start(1)
    await world.settle()
    assert await world.status("1.2-rc1") == "building"
    await world.github.finish(1)
    await world.settle()
    candidate = await world.candidate("1.2-rc1")
    assert (candidate["status"], candidate["reason"]) == ("ready", None)


async def test_a_ready_candidate_stays_ready_whatever_a_later_attempt_says(world: World) -> None:
    await built(world, "success")
    await again(world, "failure")
    assert await world.status("1.2-rc1") == "ready"


async def test_late_word_of_an_earlier_attempt_changes_nothing(world: World) -> None:
    await built(world, "failure")
    ended = next(one.payload for one in reversed(world.github.deliveries) if one.event == "workflow_run")
    await world.github.rerun(1)
    await world.github.start(1)
    await world.settle()
    await world.github.send("workflow_run", ended, delivery="late")
    await world.settle()
    assert await world.status("1.2-rc1") == "building"
    await world.github.finish(1)
    await world.settle()
    assert await world.status("1.2-rc1") == "ready"


async def test_a_build_that_missed_its_deadline_may_be_run_again(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.expire_deadlines()
    await world.reconcile()
    assert await world.status("1.2-rc1") == "failed"
    await again(world, "success")
    assert await world.status("1.2-rc1") == "ready"


async def test_a_build_that_is_run_again_has_a_deadline_again(world: World) -> None:
    await built(world, "failure")
    await world.github.rerun(1)
    await world.github.start(1)
    await world.settle()
    await world.reconcile()
    assert await world.status("1.2-rc1") == "building"
    await world.expire_deadlines()
    await world.reconcile()
    assert await world.status("1.2-rc1") == "failed"


@pytest.mark.parametrize(("first", "second"), [("success", "failure"), ("failure", "success"), ("success", "success")])
async def test_a_finished_deployment_that_is_run_again_is_a_new_deployment(
    world: World, first: str, second: str
) -> None:
    await world.cut("1.2-rc1")
    await world.complete_deployment("1.2-rc1", conclusion=first)
    await again(world, second)
    assert await world.statuses() == [("1.2-rc1", second), ("1.2-rc1", first)]
    assert await world.alarms() == []


async def test_each_attempt_is_a_deployment_of_its_own(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.complete_deployment("1.2-rc1", conclusion="failure")
    await again(world, "failure")
    await again(world, "success")
    assert [status for _, status in await world.statuses()] == ["success", "failure", "failure"]


async def test_a_deployment_that_missed_its_deadline_and_is_run_again_is_seen(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.deploy("1.2-rc1")
    await world.settle()
    await world.expire_deadlines()
    await world.reconcile()
    await again(world, "success")
    assert [status for _, status in await world.statuses()] == ["success", "error"]


async def test_a_re_run_that_a_freeze_would_have_refused_raises_the_alarm(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.complete_deployment("1.2-rc1")
    assert (await world.ask("PATCH", STAGING, {"frozen": {"reason": "holidays"}})).status == 200
    await again(world, "success")
    assert [status for _, status in await world.statuses()] == ["success", "success"]
    (alarm,) = await world.audit("deployment.rerun")
    assert alarm.alarm
    assert alarm.after["refusal"] == "Environment is frozen"
    assert alarm.commit == world.github.head()


async def test_a_re_run_of_what_is_not_ready_any_more_raises_the_alarm(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    await world.complete_deployment("1.2-rc1", conclusion="failure")
    await Candidate.all().update(status="banned")
    await again(world, "success", run=2)
    assert await world.alarms() == ["deployment.rerun"]


async def test_a_re_run_is_seen_by_any_word_of_it(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.complete_deployment("1.2-rc1")
    world.github.faults.webhooks(drop=1.0)
    await world.github.rerun(1)
    await world.github.start(1)
    await world.settle()
    world.github.faults.clear()
    await world.github.finish(1, conclusion="failure")
    await world.settle()
    assert [status for _, status in await world.statuses()] == ["failure", "success"]
