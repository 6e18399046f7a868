"""Reruns on GitHub: newer attempts of a run, under the same id."""

import asyncio
from dataclasses import replace

import pytest

from bot.github import workflow_runs
from bot.operations.workflows import tracking
from bot.rules.ids import RunId
from bot.store.candidates import Candidate
from bot.store.runs import Run
from tests.world import PROJECT, World

STAGING = f"/api/projects/{PROJECT}/environments/staging"


async def build(world: World, conclusion: str) -> None:
    """Cut a candidate and finish its build."""
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1, conclusion=conclusion)
    await world.settle()


async def rerun(world: World, conclusion: str, run: int = 1) -> None:
    """Rerun a run and finish it."""
    await world.github.rerun(run)
    await world.github.start(run)
    await world.github.finish(run, conclusion=conclusion)
    await world.settle()


@pytest.mark.parametrize("first", ["failure", "cancelled"])
async def test_a_rerun_build_is_building_and_then_ready(world: World, first: str) -> None:
    await build(world, first)
    await world.github.rerun(1)
    await world.github.start(1)
    await world.settle()
    assert await world.status("1.2-rc1") == "building"
    await world.github.finish(1)
    await world.settle()
    candidate = await world.candidate("1.2-rc1")
    assert (candidate["status"], candidate["reason"]) == ("ready", None)


async def test_a_ready_candidate_stays_ready_whatever_later_attempts_conclude(world: World) -> None:
    await build(world, "success")
    await rerun(world, "failure")
    assert await world.status("1.2-rc1") == "ready"


async def test_a_late_webhook_about_an_earlier_attempt_changes_nothing(world: World) -> None:
    await build(world, "failure")
    completed = next(sent.payload for sent in reversed(world.github.deliveries) if sent.event == "workflow_run")
    await world.github.rerun(1)
    await world.github.start(1)
    await world.settle()
    await world.github.send("workflow_run", completed, delivery="late")
    await world.settle()
    assert await world.status("1.2-rc1") == "building"
    await world.github.finish(1)
    await world.settle()
    assert await world.status("1.2-rc1") == "ready"


async def test_two_facts_about_a_rerun_deployment_that_arrive_together_make_one_row_and_one_deployment(
    world: World,
) -> None:
    await world.cut("1.2-rc1")
    await world.complete_deployment("1.2-rc1", conclusion="failure")
    [run] = await Run.all().select_related("repository")
    context = await world.context()
    fact = await workflow_runs.get(context.client_for(run.repository), RunId(run.github_id or 0))
    assert fact is not None
    queued = replace(fact, attempt=2, status="queued", conclusion=None)
    started = replace(queued, status="in_progress")
    await asyncio.gather(*(tracking.apply_fact(context, run.id, each) for each in (queued, started, queued, started)))
    assert [row.first_attempt for row in await Run.all().order_by("id")] == [1, 2]
    assert await world.statuses() == [("1.2-rc1", "in_progress"), ("1.2-rc1", "failure")]


async def test_a_build_that_missed_its_deadline_may_be_rerun(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.expire_deadlines()
    await world.reconcile()
    assert await world.status("1.2-rc1") == "failed"
    await rerun(world, "success")
    assert await world.status("1.2-rc1") == "ready"


async def test_a_rerun_build_has_a_new_deadline(world: World) -> None:
    await build(world, "failure")
    await world.github.rerun(1)
    await world.github.start(1)
    await world.settle()
    await world.reconcile()
    assert await world.status("1.2-rc1") == "building"
    await world.expire_deadlines()
    await world.reconcile()
    assert await world.status("1.2-rc1") == "failed"


@pytest.mark.parametrize(("first", "second"), [("success", "failure"), ("failure", "success"), ("success", "success")])
async def test_a_rerun_of_a_finished_deployment_is_a_new_deployment(world: World, first: str, second: str) -> None:
    await world.cut("1.2-rc1")
    await world.complete_deployment("1.2-rc1", conclusion=first)
    await rerun(world, second)
    assert await world.statuses() == [("1.2-rc1", second), ("1.2-rc1", first)]
    assert await world.alarms() == []


async def test_each_attempt_is_a_deployment_of_its_own(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.complete_deployment("1.2-rc1", conclusion="failure")
    await rerun(world, "failure")
    await rerun(world, "success")
    assert [status for _, status in await world.statuses()] == ["success", "failure", "failure"]


async def test_a_rerun_of_a_deployment_that_missed_its_deadline_is_recorded(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.deploy("1.2-rc1")
    await world.settle()
    await world.expire_deadlines()
    await world.reconcile()
    await rerun(world, "success")
    assert [status for _, status in await world.statuses()] == ["success", "error"]


async def test_a_rerun_that_a_freeze_would_have_refused_raises_the_alarm(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.complete_deployment("1.2-rc1")
    assert (await world.ask("PATCH", STAGING, {"frozen": {"reason": "holidays"}})).status == 200
    await rerun(world, "success")
    assert [status for _, status in await world.statuses()] == ["success", "success"]
    (alarm,) = await world.audit("deployment.rerun")
    assert alarm.alarm
    assert alarm.after["refusal"] == "Environment is frozen"
    assert alarm.commit == world.github.head()


async def test_a_rerun_of_a_candidate_that_is_no_longer_ready_raises_the_alarm(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    await world.complete_deployment("1.2-rc1", conclusion="failure")
    await Candidate.all().update(status="banned")
    await rerun(world, "success", run=2)
    assert await world.alarms() == ["deployment.rerun"]


async def test_a_rerun_is_recorded_from_any_webhook_about_it(world: World) -> None:
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
