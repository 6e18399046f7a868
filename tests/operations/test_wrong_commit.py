"""What runs is checked to run at the candidate's commit: anything else is stopped and never counts."""

import pytest

from tests.world import PROJECT, World


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
async def test_a_build_at_another_commit_is_cancelled_and_spoils_the_candidate(world: World, told: bool) -> None:
    world.github.faults.webhooks(drop=0.0 if told else 1.0)
    world.github.faults.wrong_head_sha()
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    if not told:
        await world.reconcile()
    candidate = await world.candidate("1.2-rc1")
    assert candidate["status"] == "failed"
    assert f"The run was at {world.github.runs[0].head_sha}, not at {candidate['commit']}" in candidate["reason"]
    assert world.github.runs[0].conclusion == "cancelled"
    assert await world.alarms() == ["candidate.spoiled"]


async def test_its_success_does_not_count(world: World) -> None:
    world.github.faults.wrong_head_sha()
    world.github.faults.fail(path="*/cancel", status=409, body='{"message": "Cannot cancel"}', times=None)
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1, conclusion="success")
    await world.reconcile()
    assert await world.status("1.2-rc1") == "failed"
    assert await world.alarms() == ["candidate.spoiled"]


async def test_a_deployment_at_another_commit_is_cancelled_and_ends_in_error(world: World) -> None:
    await world.cut("1.2-rc1")
    world.github.faults.wrong_head_sha()
    await world.deploy("1.2-rc1")
    await world.settle()
    (deployment,) = await world.deployments()
    assert deployment["status"] == "error"
    assert world.github.runs[0].head_sha in deployment["error_message"]
    assert world.github.runs[0].conclusion == "cancelled"
    assert await world.alarms() == ["deployment.wrong_commit"]
    assert await world.status("1.2-rc1") == "ready"


async def test_without_tags_a_branch_that_has_moved_on_runs_the_wrong_commit(world: World) -> None:
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"tag_candidates": False})
    commit = world.github.head()
    await world.cut("1.2-rc1", commit, build=True)
    await world.settle()
    await world.github.finish(run=1)
    await world.github.commit()
    await world.cut("1.2-rc2", commit, build=True)
    await world.settle()
    assert [dispatch.ref for dispatch in world.github.dispatches] == ["main", "main"]
    assert [await world.status(f"1.2-rc{number}") for number in (1, 2)] == ["ready", "failed"]
    assert world.github.runs[1].conclusion == "cancelled"
    assert "refs/tags/rc/1.2-rc1" not in world.github.repository().history.refs


async def test_a_tag_that_was_moved_unheard_is_noticed_when_it_is_deployed(world: World) -> None:
    await world.cut("1.2-rc1", await world.github.commit(), build=True)
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    world.github.faults.webhooks(drop=1.0)
    await world.github.tag("rc/1.2-rc1", at="main~1", move=True)
    await world.settle()
    world.github.faults.clear()
    await world.deploy("1.2-rc1")
    await world.settle()
    assert await world.statuses() == [("1.2-rc1", "error")]
    assert world.github.runs[1].conclusion == "cancelled"
