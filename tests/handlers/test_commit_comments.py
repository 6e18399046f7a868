"""Commands in comments on commits."""

import pytest

from bot.rules.replies import MARKER
from bot.store.candidates import Candidate
from tests.world import World


async def comment_on(world: World, commit: str, body: str, by: str = "alice") -> list[str]:
    """Comment on a commit and wait; returns Longshore's comments there."""
    await world.github.commit_comment(commit, body, by=by)
    await world.settle()
    bot = f"{world.github.app_slug}[bot]"
    return [comment["body"] for comment in world.github.commit_comments(commit) if comment["user"] == bot]


async def test_the_commented_commit_is_cut(world: World) -> None:
    commit = world.github.resolve("main~1")
    (reply,) = await comment_on(world, commit, "/release cut 1.4.0")
    assert "Cut `1.4.0-rc1`" in reply
    candidate = await world.candidate("1.4.0-rc1")
    assert (candidate["commit"], candidate["created_by"]) == (commit, "alice")
    comment = world.github.commit_comments(commit)[0]
    assert comment["reactions"] == ["eyes", "rocket"]
    assert [entry.channel for entry in await world.audit("candidate.cut")] == ["commit comment"]


async def test_another_commit_may_be_named(world: World) -> None:
    await comment_on(world, world.github.resolve("main~1"), f"/release cut 1.4.0 at {world.github.head()}")
    assert (await world.candidate("1.4.0-rc1"))["commit"] == world.github.head()


async def test_a_tagged_candidate_is_deployed_from_its_commit(world: World) -> None:
    await world.cut("1.4.0-rc1")
    (reply,) = await comment_on(world, world.github.head(), "/release deploy 1.4.0-rc1 to staging")
    assert "Deploying `1.4.0-rc1`" in reply
    assert [dispatch.ref for dispatch in world.github.dispatches] == ["rc/1.4.0-rc1"]


async def test_a_commit_of_a_fork_is_refused(world: World) -> None:
    fork_commit = await world.github.fork_commit()
    (reply,) = await comment_on(world, fork_commit, "/release cut 1.4.0")
    assert "Invalid commit hash" in reply
    assert not await Candidate.exists()


async def test_an_author_without_the_grant_gets_a_refusal(world: World) -> None:
    world.github.person("bob", "read")
    (reply,) = await comment_on(world, world.github.head(), "/release cut 1.4.0", by="bob")
    assert "this action: in this repository it needs write; you have read." in reply
    assert world.github.commit_comments(world.github.head())[0]["reactions"] == ["eyes", "-1"]


async def test_a_comment_without_a_command_gets_no_reply(world: World) -> None:
    assert await comment_on(world, world.github.head(), "Nice. > /release cut 1.4.0") == []


async def test_a_reply_whose_response_was_lost_is_posted_once(world: World) -> None:
    world.github.faults.lose_answer(path="*/commits/*/comments")
    await world.github.commit_comment(world.github.head(), "/release help")
    await world.settle(skip_delays=True)
    assert len(world.github.commit_comments(world.github.head())) == 2


async def test_somebody_elses_comment_with_our_mark_is_not_taken_for_our_reply(world: World) -> None:
    world.github.faults.fail(method="POST", path="*/commits/*/comments", status=502)
    commit = world.github.head()
    comment = await world.github.commit_comment(commit, "/release help")
    await world.github.commit_comment(commit, f"Done.\n\n{MARKER.format(f'commit-comment:{comment}')}", by="mallory")
    await world.settle(skip_delays=True)
    assert len(world.github.commit_comments(commit)) == 3


async def test_our_reply_is_known_after_the_app_was_renamed(world: World) -> None:
    await world.service.github.bot_login()
    world.github.state.app_slug = "renamed"
    world.github.faults.lose_answer(path="*/commits/*/comments")
    await world.github.commit_comment(world.github.head(), "/release help")
    await world.settle(skip_delays=True)
    assert len(world.github.commit_comments(world.github.head())) == 2


@pytest.mark.parametrize("status", [403, 404, 422])
async def test_where_comments_on_commits_are_off_a_command_is_performed_without_a_reply(
    world: World, status: int
) -> None:
    body = '{"message": "Commit comments are disabled"}'
    world.github.faults.fail(method="POST", path="*/commits/*/comments", status=status, times=None, body=body)
    await world.github.commit_comment(world.github.head(), "/release cut 1.4.0")
    await world.settle()
    assert await world.status("1.4.0-rc1") == "building"
    assert [row["state"] for row in await world.jobs("reply")] == ["done"]
