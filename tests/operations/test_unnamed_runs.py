"""Servers that do not say which run a dispatch started: Enterprise Server up to 3.20."""

from datetime import UTC, datetime

import pytest

from bot.store.database import execute
from bot.store.runs import Run
from sandbox.workflows import BUILD
from tests.operations.test_clocks import remove_run_names
from tests.operations.test_dispatch import posts
from tests.world import PROJECT, World

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
MODES = ("refused", "ignored")


@pytest.fixture(params=MODES)
async def enterprise(world: World, request: pytest.FixtureRequest) -> World:
    """The world with a GitHub that refuses to return runs, or ignores that it should."""
    world.github.server.set_run_details(request.param)
    return world


async def finish_all(world: World) -> None:
    """Finish every run with success."""
    for run in world.github.runs:
        await world.github.finish(run)
    await world.settle()


@pytest.mark.parametrize(("mode", "first"), [("refused", [422, 204]), ("ignored", [204])])
async def test_a_dispatch_is_sent_again_without_asking_for_its_run_and_then_always_so(
    world: World, mode: str, first: list[int]
) -> None:
    world.github.server.set_run_details(mode)
    for version in ("1.2-rc1", "1.2-rc2"):
        await world.cut(version, build=True)
        await world.settle(skip_delays=True)
    assert posts(world) == [*first, 204]
    assert len(world.github.dispatches) == 2
    await finish_all(world)
    assert [await world.status(version) for version in ("1.2-rc1", "1.2-rc2")] == ["ready", "ready"]


async def test_a_server_that_learns_to_name_runs_is_searched_no_more(world: World) -> None:
    world.github.server.set_run_details("ignored")
    await world.cut("1.2-rc1", build=True)
    await world.settle(skip_delays=True)
    world.github.server.set_run_details("returned")
    await world.cut("1.2-rc2", build=True)
    await world.settle()
    assert [await world.status(version) for version in ("1.2-rc1", "1.2-rc2")] == ["building", "building"]


async def test_inputs_that_are_refused_are_not_taken_for_it(world: World) -> None:
    message = 'Unexpected inputs provided: ["return_run_details"]'
    world.github.faults.refuse(422, message, path="*/dispatches")
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.cut("1.2-rc2", build=True)
    await world.settle()
    assert posts(world) == [422, 200, 200]
    assert [await world.status(version) for version in ("1.2-rc1", "1.2-rc2")] == ["building", "building"]


async def test_inputs_are_refused_as_elsewhere(enterprise: World) -> None:
    text = BUILD.replace("      commit_sha:", "      flavor: {required: true}\n      commit_sha:")
    await enterprise.github.commit("Need more", files={".github/workflows/build.yml": text})
    await enterprise.cut("1.2-rc1", build=True)
    await enterprise.settle()
    assert "Required input 'flavor' not provided" in (await enterprise.candidate("1.2-rc1"))["reason"]
    assert enterprise.github.dispatches == []


async def test_a_lost_response_makes_no_second_run(enterprise: World) -> None:
    enterprise.github.faults.lose_answer(times=2)
    await enterprise.cut("1.2-rc1", build=True)
    await enterprise.settle(skip_delays=True)
    await finish_all(enterprise)
    assert len(enterprise.github.dispatches) == 1
    assert await enterprise.status("1.2-rc1") == "ready"


async def test_unnamed_runs_of_several_candidates_at_one_commit_are_told_apart_by_their_tags(
    enterprise: World,
) -> None:
    world = enterprise
    await remove_run_names(world)
    versions = [f"1.{number}-rc1" for number in range(4)]
    for version in versions:
        await world.cut(version, build=True)
    await world.settle(skip_delays=True)
    conclusions = {"rc/1.0-rc1": "success", "rc/1.1-rc1": "failure", "rc/1.2-rc1": "cancelled"}
    for run in world.github.runs:
        await world.github.finish(run, conclusions.get(str(run.head_branch), "success"))
    await world.settle()
    assert len(world.github.dispatches) == 4
    assert [await world.status(version) for version in versions] == ["ready", "failed", "canceled", "ready"]
    assert await world.alarms() == []


async def test_lost_responses_of_several_candidates_at_one_commit_are_told_apart_by_their_tags(world: World) -> None:
    await remove_run_names(world)
    world.github.faults.lose_answer(times=3)
    versions = [f"1.{number}-rc1" for number in range(3)]
    for version in versions:
        await world.cut(version, build=True)
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 3
    rows = await Run.all().select_related("candidate")
    by_id = {run.id: run.head_branch for run in world.github.runs}
    assert all(by_id[row.github_id or 0] == row.candidate.tag for row in rows if row.candidate)
    assert await world.alarms() == []


async def test_unnamed_runs_of_one_candidate_on_several_environments_are_started_one_after_the_other(
    enterprise: World,
) -> None:
    world = enterprise
    await remove_run_names(world)
    await world.cut("1.0-rc1")
    await world.settle()
    for environment in ("staging", "production"):
        assert (await world.deploy("1.0-rc1", environment)).status == 201
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 2
    for run in world.github.runs:
        await world.github.finish(run, "success" if run.inputs["environment"] == "production" else "failure")
    await world.settle()
    assert await world.statuses("production") == [("1.0-rc1", "success")]
    assert await world.statuses("staging") == [("1.0-rc1", "failure")]
    assert await world.alarms() == []


async def test_a_run_that_github_started_is_searched_for_until_the_deadline_and_never_started_again(
    enterprise: World,
) -> None:
    world = enterprise
    world.github.faults.webhooks(drop=1.0)
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    hidden = world.github.runs.pop()  # not listed yet
    await Run.all().update(posted_at=LONG_AGO, first_posted_at=LONG_AGO)
    for _ in range(3):
        await execute("UPDATE jobs SET run_at = 0 WHERE state = 'queued'")
        await world.settle()
    assert len(world.github.dispatches) == 1
    world.github.runs.append(hidden)
    await world.settle(skip_delays=True)
    await world.github.finish(run=1)
    await world.reconcile()
    assert await world.status("1.2-rc1") == "ready"
    assert len(world.github.dispatches) == 1


async def test_a_run_that_is_never_listed_ends_at_the_deadline_with_that_reason(enterprise: World) -> None:
    world = enterprise
    await world.cut("1.2-rc1")
    await world.deploy("1.2-rc1")
    await world.settle()
    world.github.runs.clear()
    await world.expire_deadlines()
    await world.reconcile()
    await world.settle(skip_delays=True)
    (deployment,) = await world.deployments()
    assert deployment["status"] == "error"
    assert "GitHub does not list its run" in deployment["error_message"]
    assert len(world.github.dispatches) == 1
    assert (await Run.get()).state == "lost"


async def test_a_build_is_canceled_while_its_run_is_searched_for(enterprise: World) -> None:
    world = enterprise
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    path = f"/api/releases/{PROJECT}/releases/1.2-rc1/cancel"
    assert (await world.ask("POST", path)).status == 202
    await world.settle(skip_delays=True)
    assert [run.conclusion for run in world.github.runs] == ["cancelled"]
    assert await world.status("1.2-rc1") == "canceled"
