"""Runs that GitHub does not find for a while: one 404 is not their end, and a late end counts."""

import pytest

from bot.operations.workflows.tracking import MISSES
from bot.store.runs import Run
from tests.operations.test_clocks import remove_run_names
from tests.world import World

BY_NAME = "/repos/*/actions/runs/*"


async def start(world: World, *, deployment: bool = False) -> None:
    """Start a build or a deployment; webhooks are dropped from then on."""
    world.github.faults.webhooks(drop=1.0)
    await world.cut("1.2-rc1", build=not deployment)
    if deployment:
        await world.deploy("1.2-rc1")
    await world.settle()
    await world.github.start(run=1)


async def lose(world: World) -> None:
    """Let GitHub not find the run until its end is believed, and then find it again."""
    world.github.faults.lose_run(None)
    for _ in range(MISSES):
        await world.reconcile()
    world.github.faults.clear()


async def state_of(world: World) -> tuple[str, str | None]:
    """The candidate's status and reason."""
    candidate = await world.candidate("1.2-rc1")
    return candidate["status"], candidate["reason"]


@pytest.mark.parametrize("times", [1, 2 * (MISSES - 1)])
@pytest.mark.parametrize("deployment", [False, True], ids=["build", "deployment"])
async def test_a_run_that_is_not_found_once_or_twice_goes_on(world: World, times: int, deployment: bool) -> None:
    await start(world, deployment=deployment)
    world.github.faults.lose_run(times)
    for _ in range(MISSES):
        await world.reconcile()
    await world.github.finish(run=1)
    await world.reconcile()
    if deployment:
        assert await world.statuses() == [("1.2-rc1", "success")]
    else:
        assert await state_of(world) == ("ready", None)
    assert await world.alarms() == []


async def test_a_run_is_asked_for_by_the_id_of_its_repository_too(world: World) -> None:
    await start(world)
    world.github.faults.lose_run(None, path=BY_NAME)
    await world.github.finish(run=1)
    await world.reconcile()
    assert await state_of(world) == ("ready", None)


async def test_a_run_that_is_found_in_between_is_not_given_up(world: World) -> None:
    await start(world)
    for _ in range(MISSES):
        for _ in range(MISSES - 1):
            world.github.faults.lose_run(2)
            await world.reconcile()
        await world.reconcile()
    assert await world.status("1.2-rc1") == "building"


@pytest.mark.parametrize(
    ("conclusion", "status"), [("success", "ready"), ("failure", "failed"), ("cancelled", "canceled")]
)
@pytest.mark.parametrize("by_webhook", [True, False], ids=["by webhook", "by asking"])
async def test_the_late_end_of_a_build_counts(world: World, by_webhook: bool, conclusion: str, status: str) -> None:
    await start(world)
    await lose(world)
    assert await state_of(world) == ("failed", "GitHub no longer has the build's run.")
    await finish(world, conclusion, by_webhook)
    assert (await state_of(world))[0] == status
    assert "no longer" not in str((await state_of(world))[1])
    assert [entry.after["status"] for entry in await world.audit("candidate.finish_build")] == ["failed", status]


@pytest.mark.parametrize(
    ("conclusion", "status"), [("success", "success"), ("failure", "failure"), ("cancelled", "canceled")]
)
@pytest.mark.parametrize("by_webhook", [True, False], ids=["by webhook", "by asking"])
async def test_the_late_end_of_a_deployment_counts(
    world: World, by_webhook: bool, conclusion: str, status: str
) -> None:
    await start(world, deployment=True)
    await lose(world)
    assert await world.statuses() == [("1.2-rc1", "unknown")]
    await finish(world, conclusion, by_webhook)
    (deployment,) = await world.deployments()
    assert deployment["status"] == status
    assert "no longer" not in str(deployment["error_message"])
    await world.reconcile()
    assert await world.statuses() == [("1.2-rc1", status)]


async def finish(world: World, conclusion: str, by_webhook: bool) -> None:
    """Finish the run; its end arrives by webhook, or is asked for."""
    if not by_webhook:
        world.github.faults.webhooks(drop=1.0)
    await world.github.finish(run=1, conclusion=conclusion)
    await world.settle()
    if not by_webhook:
        await world.reconcile()


async def test_a_run_that_comes_back_is_followed_to_its_end(world: World) -> None:
    await start(world)
    await lose(world)
    world.github.faults.webhooks(drop=1.0)
    await world.reconcile()
    assert await state_of(world) == ("building", None)
    await world.github.finish(run=1)
    await world.reconcile()
    assert await state_of(world) == ("ready", None)


async def test_a_run_that_was_deleted_is_asked_for_until_its_deadline(world: World) -> None:
    await start(world)
    world.github.runs.clear()
    for _ in range(MISSES + 2):
        await world.reconcile()
    before = len(world.github.calls)
    await world.expire_deadlines()
    await world.reconcile()
    assert len(world.github.calls) == before
    assert await state_of(world) == ("failed", "GitHub no longer has the build's run.")


async def test_a_late_webhook_about_an_earlier_attempt_does_not_bring_a_lost_run_back(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1, conclusion="failure")
    await world.settle()
    completed = next(sent.payload for sent in reversed(world.github.deliveries) if sent.event == "workflow_run")
    await world.github.rerun(1)
    await world.github.start(1)
    await world.settle()
    await lose(world)
    await world.github.send("workflow_run", completed, delivery="late")
    await world.settle()
    assert (await Run.get()).state == "lost"
    assert await state_of(world) == ("failed", "GitHub no longer has the build's run.")


@pytest.mark.parametrize("skew", [-600, 0, 600])
@pytest.mark.parametrize(("last", "live"), [("1.2-rc1", "1.2-rc1"), ("1.3-rc1", "1.3-rc1")])
async def test_what_is_live_is_what_ended_last_on_github(world: World, skew: int, last: str, live: str) -> None:
    world.github.skew(skew)
    await world.cut("1.3-rc1")
    await start(world, deployment=True)
    if last != "1.2-rc1":
        await world.github.finish(run=1)  # nobody hears of it
    await lose(world)
    world.github.faults.lose_run(None, path=f"*/{world.github.runs[0].id}")
    world.github.advance(10)
    await world.complete_deployment("1.3-rc1")
    world.github.faults.clear()
    await world.github.finish(run=1)
    await world.settle()
    assert await world.statuses() == [("1.3-rc1", "success"), ("1.2-rc1", "success")]
    await world.cut("1.4-rc1")
    assert (await world.deploy("1.4-rc1")).json["from_release_candidate_version"] == live
    await world.settle()


async def test_a_lost_run_at_another_commit_is_refused_when_it_comes_back(world: World) -> None:
    await start(world, deployment=True)
    await lose(world)
    world.github.runs[0].head_sha = world.github.resolve("main~1")
    await finish(world, "success", by_webhook=True)
    (deployment,) = await world.deployments()
    assert deployment["status"] == "error"
    assert await world.alarms() == ["deployment.wrong_commit"]


async def test_a_deployment_that_could_not_be_told_is_known_once_its_run_reports_itself(world: World) -> None:
    await remove_run_names(world)
    await world.cut("1.0-rc1")
    world.github.faults.lose_answer(times=2)
    for environment in ("staging", "production"):
        await world.deploy("1.0-rc1", environment)
    await world.settle(skip_delays=True)
    assert await world.statuses() == [("1.0-rc1", "unknown")]
    for run in world.github.runs:
        body = {"deployment_id": run.inputs["deployment_id"], "workflow_run_id": run.id}
        answer = await world.ask("POST", "/api/v1/sync-deploy-github-action", body)
        assert (answer.status, answer.json) == (200, {"status": "ok"})
        await world.github.finish(run, "success" if run.inputs["environment"] == "staging" else "failure")
    await world.settle()
    assert await world.statuses("staging") == [("1.0-rc1", "success")]
    assert await world.statuses("production") == [("1.0-rc1", "failure")]
    assert [run.conclusion for run in world.github.runs].count("cancelled") == 0
