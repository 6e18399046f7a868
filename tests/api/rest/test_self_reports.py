"""Workflows that report their own run: the two sync endpoints."""

from typing import Any

import pytest

from sandbox.records import Run
from sandbox.use_cases.runs import dispatch
from tests.api.helpers import UNKNOWN_SHA, count_rows, remove_workflow, status_and_error
from tests.world import Response, World

NOT_OURS = (400, "`workflow_run_id` is not a run of this repository at the candidate's commit")


async def sync(world: World, kind: str, of: Any, run: Any) -> Response:
    """Report the run of a build or a deployment."""
    name = "release_cut_id" if kind == "build" else "deployment_id"
    return await world.ask("POST", f"/api/v1/sync-{kind}-github-action", {name: of, "workflow_run_id": run})


async def test_a_run_that_is_tracked_already_may_report_itself(world: World) -> None:
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    (run,), (dispatch,) = world.github.runs, world.github.dispatches
    for of in (dispatch.inputs["release_cut_id"], 1, "1"):
        for said_run in (run.id, str(run.id)):
            answer = await sync(world, "build", of, said_run)
            assert (answer.status, answer.json) == (200, {"status": "ok"})
    await world.github.finish()
    await world.settle()
    assert await world.status("1.0-rc1") == "ready"


async def test_a_build_whose_webhooks_were_lost_is_found_by_its_own_report(world: World) -> None:
    world.github.faults.webhooks(drop=1)
    world.github.faults.lose_answer()
    world.github.faults.fail(path="*/workflows/*/runs", times=None)
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await world.github.finish()
    answer = await sync(world, "build", world.github.dispatches[0].inputs["release_cut_id"], world.github.runs[0].id)
    assert answer.status == 200
    await world.settle()
    assert await world.status("1.0-rc1") == "ready"
    world.github.faults.clear()
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 1


async def run_of_another_pipeline(world: World) -> Run:
    """A run of the deploy workflow that was not dispatched by Longshore."""
    state = world.github.state
    run = await dispatch(state, world.github.repository(), "deploy.yml", "main", {}, state.account("alice"))
    await world.settle()
    return run


async def test_a_run_of_another_pipeline_is_tracked_once_it_reports_itself(world: World) -> None:
    await remove_workflow()
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1")
    run = await run_of_another_pipeline(world)
    assert (await sync(world, "deploy", 1, run.id)).status == 200
    await world.github.finish()
    await world.settle()
    assert await world.statuses() == [("1.0-rc1", "success")]


async def test_a_run_belongs_to_one_candidate_or_deployment_only(world: World) -> None:
    await remove_workflow()
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await world.github.finish()
    await world.settle()
    await world.deploy("1.0-rc1")
    answer = await sync(world, "deploy", 1, world.github.runs[0].id)
    assert status_and_error(answer) == (400, "`workflow_run_id` belongs to another build or deployment")
    assert await count_rows("runs") == {"runs": 1}
    first, second = await run_of_another_pipeline(world), await run_of_another_pipeline(world)
    assert (await sync(world, "deploy", 1, first.id)).status == 200
    other = await sync(world, "deploy", 1, second.id)
    assert status_and_error(other) == (400, "Another run already belongs to this build or deployment")
    assert other.json["details"]["workflow_run_id"] == first.id


@pytest.mark.parametrize("kind", ["build", "deploy"])
async def test_a_run_of_another_repository_or_commit_is_refused(world: World, kind: str, source: Any) -> None:
    old = world.github.head()
    await world.cut("1.0-rc1", old, build=True)
    await world.settle()
    await world.github.finish()
    await world.settle()
    await world.deploy("1.0-rc1")
    await world.github.commit()
    await world.cut("1.1-rc1", build=True)
    await world.settle()
    other_commit = world.github.runs[2]
    assert other_commit.head_sha != old
    for run in (other_commit.id, 1, 2**40, 10**18 - 1):
        assert status_and_error(await sync(world, kind, 1, run)) == NOT_OURS


@pytest.mark.parametrize("kind", ["build", "deploy"])
async def test_invalid_ids_are_refused_by_name(world: World, kind: str) -> None:
    await world.cut("1.0-rc1", build=True)
    await world.deploy("1.0-rc1")
    await world.settle()
    await world.github.finish()
    await world.settle()
    await world.deploy("1.0-rc1")
    await world.settle()
    name, missing = (
        ("release_cut_id", "Release not found") if kind == "build" else ("deployment_id", "Deployment not found")
    )
    for of in ("2", 2, 0, -1, "x", "", 2**65 - 1, "9" * 400, UNKNOWN_SHA, 2**31, "\u0661"):
        answer = await sync(world, kind, of, world.github.runs[0].id)
        assert status_and_error(answer) == (404, missing) or (answer.status == 400 and f"`{name}`" in answer.error), of
    runs: list[Any] = ["x", "", -1, 0.5, None, True, [], 2**65, "9" * 30, "\u0661"]
    for run in runs:
        answer = await sync(world, kind, 1, run)
        assert answer.status == 400, run
        assert "`workflow_run_id`" in answer.error, run
    for body in ({}, {name: 1}, {"workflow_run_id": 1}):
        answer = await world.ask("POST", f"/api/v1/sync-{kind}-github-action", body)
        assert answer.status == 400
        assert "is required" in answer.error


async def test_a_candidate_without_a_build_has_no_run(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")
    answer = await sync(world, "build", 1, world.github.runs[0].id)
    assert status_and_error(answer) == (400, "The candidate was cut without a build")


async def test_an_outage_of_github_is_503_here_too(world: World) -> None:
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    world.github.faults.limit("primary", retry_after=30, times=None)
    answer = await sync(world, "build", 1, world.github.runs[0].id)
    assert status_and_error(answer) == (503, "GitHub is unavailable")
    assert 25 <= int(answer.headers["Retry-After"]) <= 31
    world.github.faults.clear()
