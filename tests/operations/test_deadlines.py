"""Deadlines end builds and deployments, with the reason."""

from tests.world import PROJECT, World

CANNOT_CANCEL = '{"message": "Cannot cancel"}'


async def pass_deadlines(world: World) -> None:
    """Let every deadline expire, and reconcile."""
    await world.expire_deadlines()
    await world.reconcile()


async def test_a_build_past_its_deadline_fails_and_its_run_is_canceled(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.start(run=1)
    await world.settle()
    await pass_deadlines(world)
    candidate = await world.candidate("1.2-rc1")
    assert candidate["status"] == "failed"
    assert candidate["reason"] == "The build did not end within 60 minutes: GitHub says `in_progress`."
    assert world.github.runs[0].conclusion == "cancelled"


async def test_the_deadline_of_the_project_applies(world: World) -> None:
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"build_deadline_minutes": 5})
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await pass_deadlines(world)
    assert "within 5 minutes: GitHub says `queued`" in (await world.candidate("1.2-rc1"))["reason"]


async def test_a_build_that_ended_before_its_deadline_without_a_webhook_counts(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    world.github.faults.webhooks(drop=1.0)
    await world.github.finish(run=1)
    await pass_deadlines(world)
    assert await world.status("1.2-rc1") == "ready"


async def test_a_build_that_could_not_be_dispatched_fails_and_is_not_dispatched_later(world: World) -> None:
    world.github.faults.fail(path="*/dispatches", status=502, times=None)
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await pass_deadlines(world)
    candidate = await world.candidate("1.2-rc1")
    assert candidate["status"] == "failed"
    assert "could not be started" in candidate["reason"]
    world.github.faults.clear()
    await world.settle(skip_delays=True)
    assert world.github.dispatches == []
    assert await world.unfinished_jobs() == []


async def test_a_run_that_is_found_after_the_deadline_is_canceled(world: World) -> None:
    world.github.faults.lose_answer(path="*/dispatches")
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await pass_deadlines(world)
    await world.settle(skip_delays=True)
    assert await world.status("1.2-rc1") == "failed"
    assert [run.conclusion for run in world.github.runs] == ["cancelled"]


async def test_a_deployment_past_its_deadline_ends_in_error(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.deploy("1.2-rc1")
    await world.settle()
    await world.github.start(run=1)
    await world.settle()
    await pass_deadlines(world)
    (deployment,) = await world.deployments()
    assert deployment["status"] == "error"
    assert "did not end within 60 minutes: GitHub says `in_progress`" in deployment["error_message"]
    assert world.github.runs[0].conclusion == "cancelled"


async def test_deadlines_apply_while_github_is_unavailable(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.deploy("1.2-rc1")
    await world.settle()
    world.github.faults.limit("429", times=None)
    await pass_deadlines(world)
    assert await world.statuses() == [("1.2-rc1", "error")]
    world.github.faults.clear()
    await world.settle(skip_delays=True)
    assert world.github.runs[0].conclusion == "cancelled"


async def test_a_cancellation_that_github_does_not_confirm_ends_at_its_deadline(world: World) -> None:
    await world.cut("1.2-rc1")
    number = (await world.deploy("1.2-rc1")).json["id"]
    await world.settle()
    world.github.faults.fail(path="*/cancel", status=409, body=CANNOT_CANCEL, times=None)
    path = f"/api/releases/{PROJECT}/environments/staging/deployments/{number}/cancel"
    assert (await world.ask("POST", path)).status == 202
    await world.settle()
    assert await world.statuses() == [("1.2-rc1", "canceling")]
    await pass_deadlines(world)
    (deployment,) = await world.deployments()
    assert deployment["status"] == "canceled"
    assert deployment["error_message"] == "GitHub did not confirm that the run has ended."


async def test_a_deployment_by_an_external_pipeline_that_never_reports_ends_in_error(world: World) -> None:
    await world.ask("POST", f"/api/projects/{PROJECT}/environments", {"name": "lab", "tier": "development"})
    await world.cut("1.2-rc1")
    assert (await world.deploy("1.2-rc1", "lab")).status == 201
    await pass_deadlines(world)
    (deployment,) = await world.deployments("lab")
    assert deployment["status"] == "error"
    assert deployment["error_message"] == "No pipeline reported an end within 60 minutes."
    assert world.github.dispatches == []


async def test_finished_builds_and_deployments_have_no_deadline(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    await world.complete_deployment("1.2-rc1")
    await pass_deadlines(world)
    assert await world.status("1.2-rc1") == "ready"
    assert await world.statuses() == [("1.2-rc1", "success")]
