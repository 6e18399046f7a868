"""Lost responses to dispatches when run titles name no request: no second dispatch and no wrong run."""

import pytest

from bot.github import workflows
from bot.store.runs import Run
from sandbox.workflows import BUILD, DEPLOY
from tests.world import PROJECT, World

BUILD_FILE, DEPLOY_FILE = ".github/workflows/build.yml", ".github/workflows/deploy.yml"


def without_run_name(text: str) -> str:
    """A workflow whose run titles do not contain the request id."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("run-name"))


@pytest.fixture
async def untitled(world: World) -> World:
    """The world, with workflows whose run titles do not contain the request id."""
    files: dict[str, str | None] = {BUILD_FILE: without_run_name(BUILD), DEPLOY_FILE: without_run_name(DEPLOY)}
    await world.github.commit("Remove run names", files=files)
    await world.settle()
    return world


async def test_ambiguous_runs_are_neither_dispatched_again_nor_adopted(untitled: World) -> None:
    world = untitled
    await world.cut("1.0-rc1")
    world.github.faults.lose_answer(times=2)
    for environment in ("staging", "production"):
        assert (await world.deploy("1.0-rc1", environment)).status == 201
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 2
    for environment in ("staging", "production"):
        (deployment,) = await world.deployments(environment)
        assert deployment["status"] == "unknown"
        assert "run-name" in deployment["error_message"]
    assert await world.alarms() == ["run.ambiguous", "run.ambiguous"]
    assert {run.status for run in world.github.runs} == {"queued"}


async def test_of_two_runs_the_one_whose_response_was_lost_is_found_by_the_tag(untitled: World) -> None:
    world = untitled
    await world.cut("1.0-rc1")
    world.github.faults.lose_answer()
    await world.deploy("1.0-rc1", "staging")
    await world.settle(skip_delays=True)
    await world.deploy("1.0-rc1", "production")
    await world.settle(skip_delays=True)
    for number in (1, 2):
        await world.github.finish(run=number)
    await world.settle()
    assert len(world.github.dispatches) == 2
    assert await world.statuses("staging") == await world.statuses("production") == [("1.0-rc1", "success")]


async def test_without_tags_a_run_whose_response_was_lost_is_found_on_the_branch(untitled: World) -> None:
    world = untitled
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"tag_candidates": False})
    world.github.faults.lose_answer()
    await world.cut("1.0-rc1", build=True)
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 1
    await world.github.finish()
    await world.settle()
    assert await world.status("1.0-rc1") == "ready"


async def test_a_rate_limited_retry_does_not_end_the_search_for_the_first_dispatch(world: World) -> None:
    world.github.faults.fail(path="*/dispatches", status=502)
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    world.github.faults.limit(path="*/dispatches", kind="429", retry_after=1)
    await world.settle(skip_delays=True)
    calls = [call for call in world.github.calls if call.path.endswith(("/dispatches", "/build.yml/runs"))]
    limited = [call.status for call in calls].index(429)
    assert calls[limited + 1].method == "GET"
    assert len(world.github.dispatches) == 1


async def test_a_second_run_known_only_from_its_webhook_is_canceled_once(world: World) -> None:
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    (first,), (dispatch,) = world.github.runs, world.github.dispatches
    client = world.service.github.client_for(world.github.installation_id, world.github.repository().id, "acme/site")
    second = await workflows.dispatch(client, "build.yml", dispatch.ref, dispatch.inputs, do_nothing)
    await world.settle()
    await world.github.start(run=1)
    await world.settle()
    assert second != first.id
    assert [run.conclusion for run in world.github.runs] == [None, "cancelled"]
    assert await world.alarms() == ["run.stray"]


async def test_a_run_whose_workflow_was_deleted_since_is_found(world: World) -> None:
    world.github.faults.lose_answer()
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await world.github.commit("Drop the build", files={BUILD_FILE: None})
    await world.settle(skip_delays=True)
    await world.github.finish(run=1)
    await world.settle()
    assert len(world.github.dispatches) == 1
    assert await world.status("1.0-rc1") == "ready"


@pytest.mark.parametrize("tagged", [True, False], ids=["on a tag", "on a branch"])
async def test_a_run_at_another_commit_is_found_and_canceled_instead_of_starting_a_second_one(
    untitled: World, tagged: bool
) -> None:
    world = untitled
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"tag_candidates": tagged})
    world.github.faults.wrong_head_sha()
    world.github.faults.lose_answer()
    await world.cut("1.0-rc1", build=True)
    await world.settle(skip_delays=True)
    await world.reconcile()
    assert len(world.github.dispatches) == 1
    assert [run.conclusion for run in world.github.runs] == ["cancelled"]
    assert await world.status("1.0-rc1") == "failed"
    assert await world.alarms() == ["candidate.spoiled"]


async def do_nothing() -> None:
    """Called before the request is sent."""


async def test_a_run_that_appears_after_its_request_failed_is_canceled(world: World) -> None:
    world.github.faults.lose_answer()
    world.github.faults.hold()
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await Run.all().update(state="failed", github_id=None)
    world.github.faults.release()
    await world.settle(skip_delays=True)
    assert [run.conclusion for run in world.github.runs] == ["cancelled"]
    assert await world.alarms() == ["run.stray"]
