"""Runs at another commit than the candidate's are canceled and never count."""

import pytest

from tests.world import PROJECT, World


@pytest.mark.parametrize("webhooks", [True, False], ids=["with webhooks", "without webhooks"])
async def test_a_build_at_another_commit_is_canceled_and_invalidates_the_candidate(
    world: World, webhooks: bool
) -> None:
    world.github.faults.webhooks(drop=0.0 if webhooks else 1.0)
    world.github.faults.wrong_head_sha()
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    if not webhooks:
        await world.reconcile()
    candidate = await world.candidate("1.2-rc1")
    assert candidate["status"] == "failed"
    assert f"The run was at {world.github.runs[0].head_sha}, not at {candidate['commit']}" in candidate["reason"]
    assert world.github.runs[0].conclusion == "cancelled"
    assert await world.alarms() == ["candidate.spoiled"]


async def test_the_success_of_a_build_at_another_commit_does_not_count(world: World) -> None:
    world.github.faults.wrong_head_sha()
    world.github.faults.fail(path="*/cancel", status=409, body='{"message": "Cannot cancel"}', times=None)
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1, conclusion="success")
    await world.reconcile()
    assert await world.status("1.2-rc1") == "failed"
    assert await world.alarms() == ["candidate.spoiled"]


async def test_a_deployment_at_another_commit_is_canceled_and_ends_in_error(world: World) -> None:
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


async def test_without_tags_a_branch_that_advanced_runs_the_wrong_commit(world: World) -> None:
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


async def test_a_tag_moved_without_a_webhook_is_noticed_on_deployment(world: World) -> None:
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
