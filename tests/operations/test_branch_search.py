"""The branch that a commit is on, among more branches than can be looked at."""

import pytest

from tests.api.helpers import UNKNOWN_SHA
from tests.world import PROJECT, World

COUNT = 1_200


@pytest.fixture
async def crowded(world: World) -> World:
    """The world, with many release branches at the commit before the head of `main`."""
    await world.github.branches(COUNT, "release/", at="main~1")
    return world


async def commit_below_tip(world: World, branch: str) -> str:
    """Push two commits to a branch; returns the first."""
    commit = await world.github.commit("Fix it", branch=branch)
    await world.github.commit("Fix more", branch=branch)
    await world.settle()
    return commit


def compared(world: World) -> int:
    """The number of branches that the commit was compared with."""
    return sum("/compare/" in call.path for call in world.github.calls)


async def test_a_commit_at_the_tip_of_any_branch_is_found(crowded: World) -> None:
    world = crowded
    commit = await world.github.commit("Fix it", branch="release/00007")
    await world.settle()
    await world.cut("1.0-rc1")
    world.github.forget_calls()
    assert (await world.cut("1.0-rc2", commit)).status == 201
    assert compared(world) == 1
    assert len(world.github.calls) == 2


@pytest.mark.parametrize(("branch", "version"), [("release/01199", "9.0-rc1"), ("release/00007", "00007-rc1")])
async def test_the_newest_branches_and_those_named_like_the_release_are_looked_at(
    crowded: World, branch: str, version: str
) -> None:
    commit = await commit_below_tip(crowded, branch)
    assert (await crowded.cut(version, commit)).status == 201


async def test_a_refusal_tells_which_branches_were_looked_at_and_what_to_do(crowded: World) -> None:
    world = crowded
    commit = await commit_below_tip(world, "release/00007")
    answer = await world.cut("9.0-rc1", commit)
    assert (answer.status, answer.error) == (400, "Invalid commit hash")
    reason = answer.json["details"]["reason"]
    assert "of 1,200 branches that match `release/*`, only 200 were looked at" in reason
    assert "from `release/01200` to `release/01001`" in reason
    assert "add the commit's branch to `allowed_branches`" in reason
    branches = {"allowed_branches": ["release/*", "release/00007"]}
    assert (await world.ask("PATCH", f"/api/projects/{PROJECT}", branches)).status == 200
    assert (await world.cut("9.0-rc1", commit)).status == 201


async def test_an_unknown_commit_is_not_compared_with_every_branch(crowded: World) -> None:
    crowded.github.forget_calls()
    answer = await crowded.cut("9.0-rc1", UNKNOWN_SHA)
    assert (answer.status, answer.error) == (400, "Invalid commit hash")
    assert compared(crowded) == 1
    assert "looked at" not in answer.json["details"]["reason"]


async def test_a_commit_of_a_fork_is_on_none_of_many_branches(crowded: World) -> None:
    answer = await crowded.cut("9.0-rc1", await crowded.github.fork_commit())
    assert (answer.status, answer.error) == (400, "Invalid commit hash")


async def test_when_few_branches_match_all_of_them_are_looked_at(world: World) -> None:
    await world.github.branches(150, "release/", at="main~1")
    commit = await commit_below_tip(world, "release/00001")
    assert (await world.cut("9.0-rc1", commit)).status == 201
