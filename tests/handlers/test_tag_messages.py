"""Commands in the messages of annotated tags: with the authority of who pushed the tag, once, and only if it is new."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.rules.ids import CommitSha, GitHubUserId, RepositoryId
from bot.rules.tags import TagMessage, TagPush, why_no_commands
from bot.store.candidates import Candidate
from bot.store.database import execute
from bot.store.deployments import Deployment
from tests.handlers.test_tags import answers
from tests.world import World

NOREPLY = "users.noreply.github.com"


async def push_tag(world: World, message: str, by: str = "alice", name: str = "notes-1", **options: Any) -> list[str]:
    """Push an annotated tag; returns the answers on its commit."""
    options = {"tagger": f"{by} <{by}@{NOREPLY}>", **options}
    await world.github.tag(name, annotated=True, by=by, message=message, **options)
    await world.settle()
    return answers(world, world.github.head())


async def test_commands_are_performed_and_answered_in_one_comment(world: World) -> None:
    message = "Release day\n\n/release cut 1.4.0\n/release deploy 1.4.0-rc1 to staging\n/release ctu 1.0"
    (answer,) = await push_tag(world, message)
    assert answer.startswith("The message of the tag `notes-1`:\n\nCut `1.4.0-rc1`")
    assert "`1.4.0-rc1` waits to be deployed to `staging`" in answer and "did you mean `/release cut" in answer
    (entry,) = await world.audit("candidate.cut")
    assert (entry.actor, entry.channel, entry.commit) == ("alice", "tag", world.github.head())
    await world.github.finish(run=1)
    await world.settle()
    await world.github.finish(run=2)
    await world.settle()
    assert await world.statuses() == [("1.4.0-rc1", "success")]


async def test_the_commands_of_a_tag_object_are_performed_once(world: World) -> None:
    await push_tag(world, "/release cut 1.4.0")
    push = next(sent.payload for sent in reversed(world.github.deliveries) if sent.event == "push")
    for guid, ref in (("second", push["ref"]), ("third", "refs/tags/other-name")):
        await world.github.send("push", {**push, "ref": ref}, delivery=guid)
        await world.settle()
    await execute("DELETE FROM jobs WHERE kind IN ('tag_commands', 'answer_tag')")
    await world.github.send("push", push, delivery="fourth")
    await world.settle()
    assert [candidate.version for candidate in await Candidate.all()] == ["1.4.0-rc1"]
    assert len(answers(world, world.github.head())) == 1


async def test_the_role_of_who_pushed_the_tag_decides(world: World) -> None:
    await world.cut("1.4.0-rc1")
    for person, role in (("wim", "write"), ("tom", "triage"), ("mia", "maintain")):
        world.github.person(person, role)
        await push_tag(world, "/release deploy 1.4.0-rc1 to production", person, f"notes-{person}")
    refused, deployed = answers(world, world.github.head())
    assert "it needs maintain; you have write" in refused
    assert "Deploying `1.4.0-rc1` to `production`" in deployed
    assert [row["actor"] for row in await world.deployments("production")] == ["mia"]


async def test_a_message_of_another_tagger_carries_no_commands_and_says_so(world: World) -> None:
    (answer,) = await push_tag(world, "/release cut 1.4.0", tagger="Bob <bob@example.com>")
    assert "I performed no commands of the message of the tag `notes-1`" in answer
    assert "e-mail address is not that of who pushed it" in answer
    assert not await Candidate.exists()


async def test_a_message_without_commands_is_not_answered(world: World) -> None:
    assert await push_tag(world, "Version 1.4.0\n\nSee /releases.") == []


async def test_the_commands_of_a_message_count_for_the_limit_of_a_minute(world: World) -> None:
    for number in range(4):
        await push_tag(world, "/release status\n" * 5, name=f"notes-{number}")
    posted = answers(world, world.github.head())
    assert [answer.count("newest candidate") for answer in posted] == [5, 5, 0]
    assert "at most 10 commands a minute" in posted[2]


NOW = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
PUSH = TagPush(RepositoryId(1), "v1", CommitSha("a" * 40), GitHubUserId(1), "ada", "guid", email="ada@example.com")


@pytest.mark.parametrize(
    ("email", "age", "carries"),
    [
        ("ada@example.com", timedelta(), True),
        ("ADA@example.com", timedelta(minutes=59), True),
        ("ada@example.com", timedelta(minutes=61), False),
        ("ada@example.com", timedelta(minutes=-4), True),
        ("ada@example.com", timedelta(minutes=-6), False),
        ("ada@example.com", None, False),
        ("bob@example.com", timedelta(), False),
        (None, timedelta(), False),
    ],
)
def test_a_message_carries_commands_if_its_pusher_has_just_made_it(
    email: str | None, age: timedelta | None, carries: bool
) -> None:
    why = why_no_commands(PUSH, email, None if age is None else NOW - age, NOW)
    assert (why is None) is carries


def test_the_same_tag_object_in_another_repository_is_another_message() -> None:
    messages = [
        TagMessage(RepositoryId(number), CommitSha("a" * 40), "b" * 40, GitHubUserId(1), NOW.isoformat())
        for number in (1, 2)
    ]
    assert messages[0].marker != messages[1].marker


async def test_a_waiting_deployment_of_a_tag_has_the_tags_origin(world: World) -> None:
    await push_tag(world, "/release cut 1.4.0\n/release deploy 1.4.0-rc1 to staging")
    (deployment,) = await Deployment.all()
    assert str(deployment.origin).startswith("tag-message:") and str(deployment.origin).endswith(":1")
    await world.github.finish(run=1)
    await world.settle()
    await world.github.finish(run=2)
    await world.settle()
