"""Comments of our own: posted once, found again by a marker that others may copy, and edited."""

import pytest

from bot.github import comments
from bot.github.limits import ResponseLost
from bot.github.repository import RepositoryClient
from bot.rules.comments import Thread
from bot.rules.ids import CommentId
from tests.world import World

MARKER = "<!-- longshore:state:1 -->"


async def thread(world: World, kind: Thread) -> str:
    return world.github.head() if kind == "commit" else str(await world.github.pull_request())


async def find(world: World, client: RepositoryClient, kind: Thread, thread_id: str) -> CommentId | None:
    return await comments.find_own(world.service.github, client, kind, thread_id, MARKER)


@pytest.mark.parametrize("kind", ["pull", "commit"])
async def test_a_comment_that_was_posted_is_found_by_its_marker(
    world: World, client: RepositoryClient, kind: Thread
) -> None:
    place = await thread(world, kind)
    assert await find(world, client, kind, place) is None
    await comments.post(client, kind, place, "Another one")
    posted = await comments.post(client, kind, place, f"Hello\n\n{MARKER}")
    await comments.post(client, kind, place, "A third one")
    assert await find(world, client, kind, place) == posted


@pytest.mark.parametrize("kind", ["pull", "commit"])
async def test_a_comment_whose_answer_was_lost_is_found(world: World, client: RepositoryClient, kind: Thread) -> None:
    place = await thread(world, kind)
    world.github.faults.lose_answer(path="*/comments")
    with pytest.raises(ResponseLost):
        await comments.post(client, kind, place, MARKER)
    assert await find(world, client, kind, place) is not None


async def test_a_marker_that_somebody_copied_is_not_ours(world: World, client: RepositoryClient) -> None:
    number, sha = await world.github.pull_request(), world.github.head()
    await world.github.comment(number, MARKER, by="mallory")
    await world.github.commit_comment(sha, MARKER, by="mallory")
    assert await find(world, client, "pull", str(number)) is None
    assert await find(world, client, "commit", sha) is None


async def texts(client: RepositoryClient, kind: Thread, thread_id: str) -> list[str]:
    return [each.body for each in await comments.since(client, kind, thread_id, comments.BEGINNING)]


@pytest.mark.parametrize("kind", ["pull", "commit"])
async def test_a_comment_is_edited_in_place(world: World, client: RepositoryClient, kind: Thread) -> None:
    place = await thread(world, kind)
    posted = await comments.post(client, kind, place, "Waiting")
    assert await comments.update(client, kind, posted, "Done")
    assert await texts(client, kind, place) == ["Done"]


@pytest.mark.parametrize("kind", ["pull", "commit"])
async def test_a_comment_that_was_deleted_cannot_be_edited(
    world: World, client: RepositoryClient, kind: Thread
) -> None:
    place = await thread(world, kind)
    posted = await comments.post(client, kind, place, "Waiting")
    for stored in (world.github.repository().comments, world.github.repository().commit_comments):
        stored.pop(posted, None)
    assert not await comments.update(client, kind, posted, "Done")
    assert await texts(client, kind, place) == []
