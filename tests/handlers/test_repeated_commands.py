"""Commands that are performed twice: they take effect once, and the reply is the same."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from bot.operations import users
from bot.operations.command_calls import CommandCall
from bot.operations.commands import COMMANDS, GRAMMARS
from bot.rules.commands import parse
from bot.rules.comments import CommandComment
from bot.rules.grammar import ParsedCommand
from bot.store.candidates import Candidate
from bot.store.database import execute
from bot.store.deployments import Deployment
from bot.store.performed_requests import PerformedRequest
from bot.store.projects import Repository
from tests.world import PROJECT, World

CUT, CUT_NUMBER = "/release cut 2.0 at {head}", "/release cut 2.0-rc7 at {head}"
DEPLOY = "/release deploy 1.0-rc1 to staging"


@dataclass
class UndeliveredComment:
    """A comment with one command on a pull request, and the payload of its undelivered webhook."""

    world: World
    number: int
    payload: dict[str, object]
    comment: CommandComment

    async def deliver(self, guid: str) -> str:
        """Deliver the comment; returns the only reply to it."""
        assert await self.world.github.send("issue_comment", self.payload, delivery=guid) == 202
        await self.world.settle()
        (reply,) = self.world.replies(self.number)
        return reply

    async def forget_reply(self) -> None:
        """Undo all that was recorded after the commands were performed: the end of the jobs, and the reply."""
        await execute("DELETE FROM jobs WHERE kind IN ('command', 'reply')")
        for comment in self.world.github.comments(self.number):
            if comment["id"] != self.comment.comment_id:
                await self.world.github.delete_comment(comment["id"])

    async def perform(self) -> str:
        """Perform the command as a job does that ends before it enqueues the reply; returns the reply's text."""
        repository = await Repository.get()
        context = await self.world.context()
        actor = await users.actor_from_github(context, self.comment.author_id, self.comment.author, repository)
        acting = context.acting_as(actor, "pull comment").with_origin(f"{self.comment.marker}:0")
        (parsed,) = parse(self.comment.body, GRAMMARS).commands
        assert isinstance(parsed, ParsedCommand)
        return await COMMANDS[parsed.word].run(CommandCall(acting, repository, self.comment.place, parsed))


@pytest.fixture(params=[CUT, CUT_NUMBER, DEPLOY], ids=["cut", "cut with a number", "deploy"])
async def undelivered(world: World, request: pytest.FixtureRequest) -> UndeliveredComment:
    """A comment whose webhook was not delivered; the candidate 1.0-rc1 exists."""
    await world.cut("1.0-rc1")
    number = await world.github.pull_request()
    await world.settle()
    world.github.faults.webhooks(drop=1.0)
    body = request.param.format(head=world.github.head())
    comment_id = await world.github.comment(number, body)
    await world.settle()
    world.github.faults.clear()
    payload = world.github.deliveries[-1].payload
    comment = CommandComment(
        repository_id=payload["repository"]["id"],
        thread="pull",
        thread_id=str(number),
        comment_id=payload["comment"]["id"],
        author_id=payload["comment"]["user"]["id"],
        author="alice",
        body=body,
        created_at=payload["comment"]["created_at"],
    )
    assert comment.comment_id == comment_id
    return UndeliveredComment(world, number, payload, comment)


async def effects(world: World) -> tuple[int, int, int, list[str]]:
    """The numbers of candidates, deployments and dispatches, and the acts in the audit log."""
    acts = [entry.act for act in ("candidate.cut", "deployment.deploy") for entry in await world.audit(act)]
    return await Candidate.all().count(), await Deployment.all().count(), len(world.github.dispatches), acts


async def test_a_command_performed_again_takes_effect_once_and_gets_the_same_reply(
    undelivered: UndeliveredComment,
) -> None:
    reply = await undelivered.deliver("first")
    before = await effects(undelivered.world)
    await undelivered.forget_reply()
    assert await undelivered.deliver("second") == reply
    assert await effects(undelivered.world) == before


async def test_a_command_that_took_effect_before_a_crash_takes_effect_once_and_is_replied_to(
    undelivered: UndeliveredComment,
) -> None:
    text = await undelivered.perform()
    await undelivered.world.settle()
    before = await effects(undelivered.world)
    assert (await undelivered.deliver("first")).startswith(text.splitlines()[0])
    assert await effects(undelivered.world) == before


async def test_a_repeated_command_is_recognised_by_the_performed_request_alone(undelivered: UndeliveredComment) -> None:
    reply = await undelivered.deliver("first")
    before = await effects(undelivered.world)
    await Candidate.all().update(origin=None)
    await Deployment.all().update(origin=None)
    await undelivered.forget_reply()
    assert await undelivered.deliver("second") == reply
    assert await effects(undelivered.world) == before
    assert [row.origin for row in await PerformedRequest.all()] == [f"{undelivered.comment.marker}:0"]


@pytest.mark.parametrize(
    "undelivered", [CUT, CUT_NUMBER, DEPLOY], indirect=True, ids=["cut", "cut with a number", "deploy"]
)
async def test_concurrent_handlers_of_one_command_perform_it_once(undelivered: UndeliveredComment) -> None:
    first, second = await asyncio.gather(undelivered.perform(), undelivered.perform())
    assert first == second
    candidates, deployments, _, acts = await effects(undelivered.world)
    assert candidates + deployments == len(acts) == 2
    assert await PerformedRequest.all().count() == 1


GATES: dict[str, Callable[[World], Awaitable[object]]] = {
    "frozen": lambda world: world.ask(
        "PATCH", f"/api/projects/{PROJECT}/environments/staging", {"frozen": {"reason": "holidays"}}
    ),
    "banned": lambda world: Candidate.all().update(status="banned"),
}


@pytest.mark.parametrize("undelivered", [DEPLOY], indirect=True, ids=["deploy"])
@pytest.mark.parametrize("gate", GATES)
async def test_a_repeated_deployment_is_not_refused_by_a_gate_that_closed_since(
    undelivered: UndeliveredComment, gate: str
) -> None:
    world = undelivered.world
    reply = await undelivered.deliver("first")
    await world.github.finish(run=1)
    await world.settle()
    await GATES[gate](world)
    await undelivered.forget_reply()
    assert await undelivered.deliver("second") == reply
    assert await world.statuses() == [("1.0-rc1", "success")]
