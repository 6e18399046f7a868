"""Builds and tags of candidates that were cut over REST."""

import asyncio

from tests.api.helpers import SITE, change_project, create_project, cut_path, finish_newest_run, status_and_error
from tests.world import World


async def test_a_build_is_dispatched_on_the_candidates_tag_and_tracked_to_its_end(world: World) -> None:
    commit = world.github.head()
    await world.github.commit()
    answer = await world.cut("1.0-rc1", commit, build=True)
    assert (answer.status, answer.json["status"], answer.json["build"]["run_id"]) == (201, "pending", None)
    await world.settle()
    (dispatch,), (run,) = world.github.dispatches, world.github.runs
    assert dispatch.ref in ("rc/1.0-rc1", "refs/tags/rc/1.0-rc1")
    assert world.github.resolve("rc/1.0-rc1") == run.head_sha == commit
    assert dispatch.inputs["commit_sha"] == commit
    build = (await world.candidate("1.0-rc1"))["build"]
    assert (build["run_id"], build["status"]) == (run.id, "queued")
    assert str(run.id) in build["url"]
    await finish_newest_run(world)
    built = await world.candidate("1.0-rc1")
    assert (built["status"], built["build"]["status"], built["build"]["conclusion"]) == (
        "ready",
        "completed",
        "success",
    )


async def test_a_failed_build_is_reported_as_failed(world: World) -> None:
    endings = {"failure": "failed", "timed_out": "failed", "cancelled": "canceled"}
    for number, (conclusion, status) in enumerate(endings.items()):
        await world.cut(f"1.0-rc{number}", build=True)
        await finish_newest_run(world, conclusion)
        candidate = await world.candidate(f"1.0-rc{number}")
        assert candidate["status"] == status
        assert "build run" in candidate["reason"]


async def test_a_candidate_without_a_build_gets_its_tag_at_the_first_deployment(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.settle()
    assert "refs/tags/rc/1.0-rc1" not in world.github.repository().history.refs
    await world.complete_deployment("1.0-rc1")
    assert world.github.resolve("rc/1.0-rc1") == world.github.head()


async def test_an_existing_tag_at_the_right_commit_is_used(world: World) -> None:
    await world.github.tag("rc/1.0-rc1")
    await world.github.tag("rc/1.0-rc2", annotated=True)
    for version in ("1.0-rc1", "1.0-rc2"):
        await world.cut(version, build=True)
        await finish_newest_run(world)
        assert await world.status(version) == "ready"


async def test_an_existing_tag_at_another_commit_fails_the_candidate(world: World) -> None:
    await world.github.tag("rc/1.0-rc1", at="main~1")
    await world.settle()
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    candidate = await world.candidate("1.0-rc1")
    assert candidate["status"] == "failed"
    assert world.github.resolve("main~1") in candidate["reason"]
    assert not world.github.dispatches
    assert await world.alarms() == ["candidate.spoiled"]


async def test_further_projects_of_a_repository_get_their_own_tag_prefixes(world: World) -> None:
    created = await create_project(world, "Web Shop", repo="acme/site", build_workflow="build.yml")
    assert (created["tag_prefix"], created["trigger_tag_prefix"]) == ("web-shop/rc/", "web-shop-v")
    body = {"repo": "acme/site", "commit": world.github.head(), "trigger_build_workflow": True}
    assert (await world.ask("POST", cut_path("1.0-rc1", "Web%20Shop"), body)).status == 201
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    assert {dispatch.ref.removeprefix("refs/tags/") for dispatch in world.github.dispatches} == {
        "rc/1.0-rc1",
        "web-shop/rc/1.0-rc1",
    }


async def test_without_tags_the_branch_is_dispatched_and_a_run_at_another_commit_is_cancelled(world: World) -> None:
    await change_project(world, tag_candidates=False)
    assert (await world.cut("1.0-rc1", build=True)).json["tag"] is None
    await finish_newest_run(world)
    assert await world.status("1.0-rc1") == "ready"
    before = world.github.head()
    await world.github.commit()
    await world.cut("1.0-rc2", before, build=True)
    await world.settle()
    stray = world.github.runs[-1]
    assert (stray.status, stray.conclusion) == ("completed", "cancelled")
    candidate = await world.candidate("1.0-rc2")
    assert candidate["status"] == "failed"
    assert stray.head_sha in candidate["reason"]
    assert not [ref for ref in world.github.repository().history.refs if ref.startswith("refs/tags/rc/")]


async def test_a_tag_that_a_ruleset_forbids_fails_with_that_reason(world: World) -> None:
    world.github.protect_tags("rc/*")
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    assert "ruleset" in (await world.candidate("1.0-rc1"))["reason"]


async def test_a_tag_that_needs_another_permission_fails_with_that_reason(world: World) -> None:
    world.github.require_workflows_permission()
    commit = await world.github.commit(files={".github/workflows/build.yml": "on: workflow_dispatch\njobs: {}\n"})
    await world.github.commit(files={".github/workflows/build.yml": "on: workflow_dispatch\njobs: {a: {}}\n"})
    await world.cut("1.0-rc1", commit, build=True)
    await world.settle()
    assert "workflows: write" in (await world.candidate("1.0-rc1"))["reason"]


async def test_a_build_is_cancelled_once_and_only_while_it_runs(world: World) -> None:
    path = f"{cut_path('1.0-rc1')}/cancel"
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    answer = await world.ask("POST", path)
    assert (answer.status, answer.json["status"]) == (202, "building")
    await world.settle()
    assert world.github.runs[0].conclusion == "cancelled"
    assert await world.status("1.0-rc1") == "canceled"
    again = await world.ask("POST", path)
    assert status_and_error(again) == (409, "Release candidate is not being built")
    assert again.json["details"]["status"] == "canceled"


async def test_a_build_that_is_not_dispatched_yet_is_cancelled_at_once(world: World) -> None:
    world.github.faults.limit("primary", method="POST", path="*/git/refs", retry_after=600, times=None)
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    answer = await world.ask("POST", f"{SITE}/releases/1.0-rc1/cancel")
    assert (answer.status, answer.json["status"]) == (202, "canceled")
    world.github.faults.clear()
    await world.settle(skip_delays=True)
    assert await world.status("1.0-rc1") == "canceled"
    assert not world.github.dispatches


async def test_a_candidate_without_a_build_cannot_be_cancelled(world: World) -> None:
    await world.cut("1.0-rc1")
    answer = await world.ask("POST", f"{cut_path('1.0-rc1')}/cancel")
    assert status_and_error(answer) == (409, "Release candidate is not being built")


async def test_a_candidate_cut_without_a_build_is_built_when_it_is_asked_for_again(world: World) -> None:
    await world.cut("1.0-rc1")
    answers = await asyncio.gather(*(world.cut("1.0-rc1", build=True) for _ in range(5)))
    assert {(answer.status, answer.json["status"]) for answer in answers} == {(200, "pending")}
    assert status_and_error(await world.deploy("1.0-rc1")) == (409, "Release candidate is not ready")
    await finish_newest_run(world)
    assert len(world.github.dispatches) == 1
    assert await world.status("1.0-rc1") == "ready"
    assert [entry.subject for entry in await world.audit("candidate.build")] == ["1.0-rc1"]


async def test_a_candidate_that_has_been_built_is_not_built_again(world: World) -> None:
    for number, conclusion in enumerate(("success", "failure")):
        await world.cut(f"1.0-rc{number}", build=True)
        await finish_newest_run(world, conclusion)
        before = await world.candidate(f"1.0-rc{number}")
        answer = await world.cut(f"1.0-rc{number}", build=True)
        assert (answer.status, answer.json) == (200, before)
    await world.settle()
    assert len(world.github.dispatches) == 2


async def test_a_candidate_that_has_been_deployed_is_not_built_later(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")
    answer = await world.cut("1.0-rc1", build=True)
    assert status_and_error(answer) == (409, "Release candidate has been deployed without a build")
    assert await world.status("1.0-rc1") == "ready"


async def test_a_build_that_is_asked_for_later_needs_a_workflow(world: World) -> None:
    await change_project(world, build_workflow=None)
    await world.cut("1.0-rc1")
    assert status_and_error(await world.cut("1.0-rc1", build=True)) == (400, "Build workflow is not configured")
    assert await world.status("1.0-rc1") == "ready"
