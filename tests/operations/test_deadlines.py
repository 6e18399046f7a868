"""Nothing waits for ever: each deadline ends what waits, with the reason."""

from tests.world import PROJECT, World

REFUSED = '{"message": "Cannot cancel"}'


async def overdue(world: World) -> None:
    """Let every deadline pass, and have it noticed."""
    await world.expire_deadlines()
    await world.reconcile()


async def test_a_build_that_does_not_end_fails_and_its_run_is_cancelled(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.start(run=1)
    await world.settle()
    await overdue(world)
    candidate = await world.candidate("1.2-rc1")
    assert candidate["status"] == "failed"
    assert candidate["reason"] == "The build did not end within 60 minutes: GitHub says `in_progress`."
    assert world.github.runs[0].conclusion == "cancelled"


async def test_the_projects_own_deadline_counts(world: World) -> None:
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"build_deadline_minutes": 5})
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await overdue(world)
    assert "within 5 minutes: GitHub says `queued`" in (await world.candidate("1.2-rc1"))["reason"]


async def test_a_build_that_ended_unheard_before_its_deadline_counts(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    world.github.faults.webhooks(drop=1.0)
    await world.github.finish(run=1)
    await overdue(world)
    assert await world.status("1.2-rc1") == "ready"


async def test_a_build_that_github_never_took_fails_and_is_not_sent_later(world: World) -> None:
    world.github.faults.fail(path="*/dispatches", status=502, times=None)
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await overdue(world)
    candidate = await world.candidate("1.2-rc1")
    assert candidate["status"] == "failed"
    assert "could not be dispatched" in candidate["reason"]
    world.github.faults.clear()
    await world.settle(skip_delays=True)
    assert world.github.dispatches == []
    assert await world.unfinished_jobs() == []


async def test_a_run_that_was_started_after_all_is_cancelled_when_it_is_found(world: World) -> None:
    world.github.faults.lose_answer(path="*/dispatches")
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await overdue(world)
    await world.settle(skip_delays=True)
    assert await world.status("1.2-rc1") == "failed"
    assert [run.conclusion for run in world.github.runs] == ["cancelled"]


async def test_a_deployment_that_does_not_end_ends_in_error(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.deploy("1.2-rc1")
    await world.settle()
    await world.github.start(run=1)
    await world.settle()
    await overdue(world)
    (deployment,) = await world.deployments()
    assert deployment["status"] == "error"
    assert "did not end within 60 minutes: GitHub says `in_progress`" in deployment["error_message"]
    assert world.github.runs[0].conclusion == "cancelled"


async def test_a_deadline_stands_while_github_is_away(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.deploy("1.2-rc1")
    await world.settle()
    world.github.faults.limit("429", times=None)
    await overdue(world)
    assert await world.statuses() == [("1.2-rc1", "error")]
    world.github.faults.clear()
    await world.settle(skip_delays=True)
    assert world.github.runs[0].conclusion == "cancelled"


async def test_a_cancelled_deployment_does_not_wait_for_ever_for_githubs_word(world: World) -> None:
    await world.cut("1.2-rc1")
    number = (await world.deploy("1.2-rc1")).json["id"]
    await world.settle()
    world.github.faults.fail(path="*/cancel", status=409, body=REFUSED, times=None)
    path = f"/api/releases/{PROJECT}/environments/staging/deployments/{number}/cancel"
    assert (await world.ask("POST", path)).status == 202
    await world.settle()
    assert await world.statuses() == [("1.2-rc1", "canceling")]
    await overdue(world)
    (deployment,) = await world.deployments()
    assert deployment["status"] == "canceled"
    assert deployment["error_message"] == "GitHub did not confirm that the run has ended."


async def test_a_pipeline_of_their_own_that_never_reports_ends_in_error(world: World) -> None:
    await world.ask("POST", f"/api/projects/{PROJECT}/environments", {"name": "lab", "tier": "development"})
    await world.cut("1.2-rc1")
    assert (await world.deploy("1.2-rc1", "lab")).status == 201
    await overdue(world)
    (deployment,) = await world.deployments("lab")
    assert deployment["status"] == "error"
    assert deployment["error_message"] == "No pipeline reported an end within 60 minutes."
    assert world.github.dispatches == []


async def test_what_has_ended_has_no_deadline(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    await world.complete_deployment("1.2-rc1")
    await overdue(world)
    assert await world.status("1.2-rc1") == "ready"
    assert await world.statuses() == [("1.2-rc1", "success")]
