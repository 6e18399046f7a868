"""Answers that were lost where no run's title tells whose it is: never a second dispatch, never the wrong run."""

import pytest

from bot.github import workflows
from bot.store.runs import Run
from sandbox.workflows import BUILD, DEPLOY
from tests.world import PROJECT, World

BUILD_FILE, DEPLOY_FILE = ".github/workflows/build.yml", ".github/workflows/deploy.yml"


def nameless(text: str) -> str:
    """A workflow that says nothing of its request in its runs' titles."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("run-name"))


@pytest.fixture
async def untitled(world: World) -> World:
    """The world, where no run's title says what it is for."""
    files: dict[str, str | None] = {BUILD_FILE: nameless(BUILD), DEPLOY_FILE: nameless(DEPLOY)}
    await world.github.commit("Say nothing", files=files)
    await world.settle()
    return world


async def test_two_runs_that_cannot_be_told_apart_are_neither_sent_again_nor_mistaken(untitled: World) -> None:
    world = untitled
    await world.cut("1.0-rc1")
    world.github.faults.lose_answer(times=2)
    for environment in ("staging", "production"):
        assert (await world.deploy("1.0-rc1", environment)).status == 201
    await world.settle(hurry=True)
    assert len(world.github.dispatches) == 2
    for environment in ("staging", "production"):
        (deployment,) = await world.deployments(environment)
        assert deployment["status"] == "unknown"
        assert "run-name" in deployment["error_message"]
    assert await world.alarms() == ["run.ambiguous", "run.ambiguous"]
    assert {run.status for run in world.github.runs} == {"queued"}


async def test_one_lost_answer_of_two_is_found_by_the_tag(untitled: World) -> None:
    world = untitled
    await world.cut("1.0-rc1")
    world.github.faults.lose_answer()
    await world.deploy("1.0-rc1", "staging")
    await world.settle(hurry=True)
    await world.deploy("1.0-rc1", "production")
    await world.settle(hurry=True)
    for number in (1, 2):
        await world.github.finish(run=number)
    await world.settle()
    assert len(world.github.dispatches) == 2
    assert await world.statuses("staging") == await world.statuses("production") == [("1.0-rc1", "success")]


async def test_without_tags_a_lost_answer_is_found_on_the_branch(untitled: World) -> None:
    world = untitled
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"tag_candidates": False})
    world.github.faults.lose_answer()
    await world.cut("1.0-rc1", build=True)
    await world.settle(hurry=True)
    assert len(world.github.dispatches) == 1
    await world.github.finish()
    await world.settle()
    assert await world.status("1.0-rc1") == "ready"


async def test_a_request_that_is_refused_for_now_leaves_the_one_before_it_searched_for(world: World) -> None:
    world.github.faults.fail(path="*/dispatches", status=502)
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    world.github.faults.limit(path="*/dispatches", kind="429", retry_after=1)
    await world.settle(hurry=True)
    asked = [call for call in world.github.calls if call.path.endswith(("/dispatches", "/build.yml/runs"))]
    limited = [call.status for call in asked].index(429)
    assert asked[limited + 1].method == "GET"
    assert len(world.github.dispatches) == 1


async def test_a_second_run_that_only_its_webhook_tells_of_is_cancelled_once(world: World) -> None:
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    (first,), (sent,) = world.github.runs, world.github.dispatches
    client = world.service.github.client_for(world.github.installation_id, world.github.repository().id, "acme/site")
    second = await workflows.dispatch(client, "build.yml", sent.ref, sent.inputs, _nothing)
    await world.settle()
    await world.github.start(run=1)
    await world.settle()
    assert second != first.id
    assert [run.conclusion for run in world.github.runs] == [None, "cancelled"]
    assert await world.alarms() == ["run.stray"]


async def _nothing() -> None:
    """Before a request that is not ours to make."""


async def test_a_run_that_turns_up_after_its_request_was_given_up_is_cancelled(world: World) -> None:
    world.github.faults.lose_answer()
    world.github.faults.hold()
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await Run.all().update(state="failed", github_id=None)
    world.github.faults.release()
    await world.settle(hurry=True)
    assert [run.conclusion for run in world.github.runs] == ["cancelled"]
    assert await world.alarms() == ["run.stray"]
