"""What holds for every command that changes something: it takes effect once, and a dry run has no effect."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bot.context import Context
from bot.operations import users
from bot.operations.command_calls import Command, CommandCall
from bot.operations.commands import GRAMMARS, ROWS
from bot.rules import replies
from bot.rules.command_arguments import DRY_RUN
from bot.rules.commands import parse
from bot.rules.comments import Place
from bot.rules.grammar import ParsedCommand
from bot.store.audit import AuditEntry
from bot.store.database import fetch
from bot.store.performed_requests import PerformedRequest
from bot.store.projects import Repository
from tests.handlers.prepared import needs_approval, prepare
from tests.handlers.test_comments import reply_to
from tests.world import World

CHANGING = [command for command in ROWS if command.changes]
TABLES = (
    *(
        "config_changes",
        "config_approvals",
        "candidates",
        "releases",
        "deployments",
        "runs",
        "approvals",
        "environment_locks",
        "freezes",
        "bans",
    ),
    *("announcements", "audit_entries", "performed_requests", "environments", "projects"),
)


@dataclass
class Example:
    """The example of a command, given by alice on a merged pull request, in a world that is ready for it."""

    world: World
    command: Command[Any]
    call: CommandCall

    async def run(self, *flags: str) -> str:
        """Run the command; returns the reply."""
        arguments = replace(self.call.arguments, flags=self.call.arguments.flags | frozenset(flags))
        return await self.command.run(replace(self.call, arguments=arguments))


async def acting_as(world: World, login: str, role: str, origin: str) -> Context:
    """The context of a person's command."""
    repository = await Repository.get()
    account = world.github.person(login, role)
    context = await world.context()
    actor = await users.actor_from_github(context, account.id, login, repository)
    return context.acting_as(actor, "pull comment").with_origin(origin)


@pytest.fixture(params=CHANGING, ids=lambda row: row.grammar.word)
async def example(world: World, request: pytest.FixtureRequest) -> AsyncIterator[Example]:
    """The example of each command that changes something."""
    command: Command[Any] = request.param
    await world.cut("1.4.0-rc1")
    await prepare(world, command.grammar.word, "production" if "production" in command.example else "staging")
    number = await world.github.pull_request()
    await world.github.merge(number)
    login, role = ("carol", "write") if command.grammar.word == "approve config" else ("alice", "admin")
    context = await acting_as(world, login, role, "pull-comment:1:0")
    [parsed] = parse(command.example, GRAMMARS).commands
    assert isinstance(parsed, ParsedCommand)
    call = CommandCall(context, await Repository.get(), Place("pull", str(number)), parsed)
    example = Example(world, command, call)
    if command.grammar.word == "unapprove":
        await needs_approval(world, "production")
        await reply_to(world, "/release approve 1.4.0-rc1 for production")
    if command.grammar.word == "unlock":
        await reply_to(world, "/release lock staging because of a migration")
    await world.settle()
    yield example


async def stored() -> dict[str, list[dict[str, Any]]]:
    """All rows of the tables that commands write."""
    return {table: await fetch(f"SELECT * FROM {table} ORDER BY id") for table in TABLES}


def first_sentence(reply: str) -> str:
    """What was done; the sentences after it may tell what has come of it meanwhile."""
    return re.split(r"\. |\n", reply)[0].rstrip(".")


async def test_a_command_that_is_tried_again_changes_nothing_and_gets_the_same_reply(example: Example) -> None:
    reply = await example.run()
    await example.world.settle()
    before = await stored()
    assert first_sentence(await example.run()) == first_sentence(reply)
    await example.world.settle()
    assert await stored() == before
    (performed,) = [row for row in await PerformedRequest.all() if row.origin == "pull-comment:1:0"]
    assert performed.result_id > 0


async def test_a_command_that_is_handled_twice_at_once_takes_effect_once(example: Example) -> None:
    entries = await AuditEntry.all().count()
    first, second = await asyncio.gather(example.run(), example.run())
    assert first_sentence(first) == first_sentence(second)
    assert await PerformedRequest.filter(origin="pull-comment:1:0").count() == 1
    await example.world.settle()
    after = await AuditEntry.all().count()
    await example.run()
    await example.world.settle()
    assert await AuditEntry.all().count() == after > entries


async def test_a_dry_run_says_what_it_would_do_and_does_nothing(example: Example) -> None:
    before, calls = await stored(), len(example.world.github.calls)
    reply = await example.run(DRY_RUN)
    assert reply.startswith(f"{replies.DRY_RUN}\nI would")
    await example.world.settle()
    assert await stored() == before
    assert {call.method for call in example.world.github.calls[calls:]} <= {"GET"}
    await example.run()
    assert await stored() != before


async def test_a_refused_dry_run_is_not_audited(world: World) -> None:
    await world.cut("1.4.0-rc1")
    assert "is not locked" in await reply_to(world, "/release unlock staging --dry-run")
    assert await world.audit("command.refused") == []
    await reply_to(world, "/release unlock staging")
    assert len(await world.audit("command.refused")) == 1


@pytest.mark.parametrize("command", CHANGING, ids=lambda row: row.grammar.word)
def test_every_command_that_changes_something_takes_dry_run(command: Command[Any]) -> None:
    assert DRY_RUN in command.grammar.flags
