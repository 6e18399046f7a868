"""Comments that are edited: their commands are not performed, and whoever adds one is told to write it again."""

import pytest

from bot.rules import replies
from bot.rules.grammar import PREFIX
from bot.store.candidates import Candidate
from bot.store.database import execute
from bot.store.handled_comments import HandledComment
from tests.handlers.test_comment_limits import pass_time
from tests.handlers.test_comments import add_comment, last_payload, reactions
from tests.world import World

AGAIN = replies.edited(PREFIX)
CUT = "/release cut 1.0"


async def edit(world: World, comment: int, *bodies: str, by: str = "alice") -> None:
    """Edit a comment, once for each text, and wait after each time."""
    for body in bodies:
        await world.github.edit_comment(comment, body, by)
        await world.settle()


async def test_a_command_that_is_added_by_an_edit_is_not_performed_and_gets_one_reply(world: World) -> None:
    number, comment = await add_comment(world, "hello")
    await edit(world, comment, f"/release cut 1.0 at {world.github.head()}")
    (reply,) = world.replies(number)
    assert reply.startswith(AGAIN)
    assert reactions(world, number, comment) == ["confused"]
    assert not await Candidate.exists()


async def test_a_comment_that_is_edited_many_times_gets_one_reply(world: World) -> None:
    number, comment = await add_comment(world, "hello")
    await edit(world, comment, CUT, "hello", CUT, f"{CUT}\n/release status", "/release ctu")
    assert len(world.replies(number)) == 1
    await pass_time(3601)
    await edit(world, comment, "/release help")
    assert len(world.replies(number)) == 1


async def test_the_reply_is_posted_once_also_after_all_jobs_and_counts_were_pruned(world: World) -> None:
    number, comment = await add_comment(world, "hello")
    await edit(world, comment, CUT)
    await HandledComment.all().delete()
    await execute("DELETE FROM jobs WHERE state = 'done'")
    await edit(world, comment, "/release status")
    assert len(world.replies(number)) == 1


async def test_an_edit_that_adds_no_command_leaves_the_reply_to_the_one_that_does(world: World) -> None:
    number, comment = await add_comment(world, "/release status")
    await edit(world, comment, "please\n/release status", "please\n/release status\n\nthanks", "never mind")
    assert len(world.replies(number)) == 1
    await edit(world, comment, "/release help")
    first, second = world.replies(number)
    assert "newest candidate" in first and second.startswith(AGAIN)


async def test_a_command_that_was_there_before_is_performed_once(world: World) -> None:
    head = world.github.head()
    number, comment = await add_comment(world, f"/release cut 1.0 at {head}")
    await edit(world, comment, f"LGTM\n/release cut 1.0 at {head}")
    assert [candidate.version for candidate in await Candidate.all()] == ["1.0-rc1"]
    assert len(world.replies(number)) == 1


async def test_an_edit_that_is_delivered_twice_gets_one_reply(world: World) -> None:
    number, comment = await add_comment(world, "hello")
    await edit(world, comment, CUT)
    for guid in ("second", "third"):
        assert await world.github.send("issue_comment", last_payload(world), delivery=guid) == 202
    await world.settle()
    assert len(world.replies(number)) == 1


async def test_the_reply_to_an_edit_whose_response_was_lost_is_posted_once(world: World) -> None:
    number, comment = await add_comment(world, "/release status")
    world.github.faults.lose_answer(path=f"*/issues/{number}/comments")
    await world.github.edit_comment(comment, "/release help")
    await world.settle(skip_delays=True)
    assert len(world.replies(number)) == 2


async def test_an_edit_of_an_old_comment_is_answered_in_the_same_way(world: World) -> None:
    number, comment = await add_comment(world, "hello")
    world.github.faults.webhooks(drop=1.0)
    await world.github.edit_comment(comment, CUT)
    await world.settle()
    world.github.faults.clear()
    payload = last_payload(world)
    payload["comment"]["created_at"] = "2020-01-01T00:00:00Z"
    await world.github.send("issue_comment", payload)
    await world.settle()
    (reply,) = world.replies(number)
    assert reply.startswith(AGAIN)


async def test_edits_count_within_the_limits_for_readers(world: World) -> None:
    world.github.person("bob", "read")
    number, first = await add_comment(world, "hello", by="bob")
    _, second = await add_comment(world, "hello", by="bob", pull=number)
    await edit(world, first, CUT, by="bob")
    await edit(world, second, CUT, by="bob")
    assert len(world.replies(number)) == 1
    await pass_time(3601)
    await edit(world, second, "/release help", by="bob")
    assert len(world.replies(number)) == 2


async def test_who_edits_the_comment_of_somebody_else_is_the_one_who_is_limited(world: World) -> None:
    world.github.person("bob", "read")
    number, comment = await add_comment(world, "hello", by="bob")
    await edit(world, comment, CUT)
    assert world.replies(number)[0].startswith(AGAIN)
    [row] = await HandledComment.all()
    assert row.may_write is True


BOT = "helper[bot]"


@pytest.mark.parametrize(("author", "editor"), [(BOT, BOT), ("alice", BOT), (BOT, "alice")])
async def test_edits_by_bots_and_of_what_bots_wrote_are_ignored(world: World, author: str, editor: str) -> None:
    world.github.state.account(BOT, "Bot")
    number, comment = await add_comment(world, "hello", by=author)
    await edit(world, comment, CUT, by=editor)
    assert world.replies(number) == []


async def test_an_edit_that_changed_something_else_is_ignored(world: World) -> None:
    number, comment = await add_comment(world, "hello")
    await edit(world, comment, "hello!")
    payload = last_payload(world)
    payload["comment"]["body"] = CUT
    for changes in ({}, {"body": None}, {"body": {"from": None}}, None):
        payload["changes"] = changes
        assert await world.github.send("issue_comment", payload) == 202
    await world.settle()
    assert world.replies(number) == []


async def test_a_quoted_command_that_an_edit_adds_is_no_command(world: World) -> None:
    number, comment = await add_comment(world, "hello")
    await edit(world, comment, f"> {CUT}", f"```\n{CUT}\n```", f"<!-- \n{CUT}\n-->")
    assert world.replies(number) == []
