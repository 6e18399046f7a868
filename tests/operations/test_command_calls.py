"""What the performer of a command gets: times, reasons and overrides; and what is checked before it is called."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.context import Actor
from bot.errors import Forbidden, Refusal
from bot.operations.command_calls import Command, CommandCall
from bot.operations.commands import ROWS
from bot.rules import command_arguments as forms
from bot.rules.commands import parse
from bot.rules.comments import CommandComment
from bot.rules.grammar import Clause, Grammar, ParsedCommand
from bot.rules.ids import CommentId, GitHubUserId, UserId
from bot.store.projects import Repository
from tests.world import World

NOW = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
FREEZE = Grammar(
    "freeze",
    required=(forms.ENVIRONMENT_OR_ALL,),
    clauses=(forms.UNTIL_OR_FOR, forms.BECAUSE),
    flags=(forms.DRY_RUN,),
)
DEPLOY = Grammar(
    "deploy",
    required=(forms.CANDIDATE,),
    clauses=(Clause("to", forms.ENVIRONMENT, required=True), forms.FORCE_BECAUSE),
    flags=(forms.FORCE, forms.DRY_RUN),
)


class Calls:
    """Calls of commands at the time `NOW`, by an actor with some grants."""

    def __init__(self, world: World, template: CommandCall) -> None:
        self.world, self.template = world, template

    def of(self, line: str, *grants: str) -> CommandCall:
        """The call of one command, which must be well-formed."""
        (parsed,) = parse(f"/release {line}", {"freeze": FREEZE, "deploy": DEPLOY}).commands
        assert isinstance(parsed, ParsedCommand), parsed
        actor = Actor(UserId(1), "ada", frozenset(grants), role="read")
        context = replace(self.template.context, actor=actor, now=lambda: NOW)
        return replace(self.template, context=context, arguments=parsed)


@pytest.fixture
async def calls(world: World) -> AsyncIterator[Calls]:
    repository = await Repository.get()
    comment = CommandComment(
        repository_id=repository.github_id,
        thread="pull",
        thread_id="1",
        comment_id=CommentId(1),
        author_id=GitHubUserId(1),
        author="ada",
        body="",
        created_at=NOW.isoformat(),
    )
    yield Calls(world, CommandCall(await world.context(), repository, comment.place, ParsedCommand("")))


ENDS = {
    "freeze qa because x": None,
    "freeze qa for 90s because x": NOW + timedelta(seconds=90),
    "freeze all for 7d because x": NOW + timedelta(days=7),
    "freeze qa until 18:00 because x": NOW + timedelta(hours=2),
    "freeze qa until tomorrow 8:00 because x": NOW + timedelta(hours=16),
    "freeze qa until 2026-12-24T18:00+01:00 because x": datetime(2026, 12, 24, 17, tzinfo=UTC),
}


async def test_the_end_is_the_time_or_the_duration_from_now(calls: Calls) -> None:
    assert {line: calls.of(line).until for line in ENDS} == ENDS


async def test_an_end_in_the_past_is_refused(calls: Calls) -> None:
    with pytest.raises(Refusal, match="The time is in the past"):
        calls.of("freeze qa until 2026-11-01 because x").until  # noqa: B018


async def test_overrides_dry_runs_and_reasons_are_told(calls: Calls) -> None:
    plain = calls.of("deploy 1-rc1 to qa")
    forced = calls.of("deploy 1-rc1 --dry-run to qa force because it is Friday")
    assert (plain.is_forced, plain.is_dry_run, plain.reason) == (False, False, None)
    assert (forced.is_forced, forced.is_dry_run, forced.reason) == (True, True, "it is Friday")


class Performed:
    """A command that records that it was performed."""

    def __init__(self, grammar: Grammar) -> None:
        self.calls: list[CommandCall] = []
        self.command: Command[None] = Command(
            grammar, ("freeze:write",), True, self.perform, lambda result: "Done.", "freeze", "/release freeze qa"
        )

    async def perform(self, call: CommandCall) -> None:
        self.calls.append(call)


async def test_all_arguments_are_checked_before_anything_is_done(calls: Calls) -> None:
    performed = Performed(FREEZE)
    with pytest.raises(Refusal) as refused:
        await performed.command.run(calls.of("freeze qa for ever because x", "freeze:write"))
    assert refused.value.details["argument"] == "DURATION"
    assert performed.calls == []
    assert await performed.command.run(calls.of("freeze qa for 2h because x", "freeze:write")) == "Done."
    assert len(performed.calls) == 1


async def test_who_lacks_the_role_is_told_nothing_else(calls: Calls) -> None:
    performed = Performed(FREEZE)
    with pytest.raises(Forbidden, match="it needs maintain; you have read"):
        await performed.command.run(calls.of("freeze qa for ever because x"))
    assert performed.calls == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.grammar.word)
def test_every_command_says_what_it_does_and_who_may_use_it(row: Command[object]) -> None:
    shown = row.help
    assert shown.summary and shown.summary[0].islower() and not shown.summary.endswith(".")
    assert all(meaning for meaning in shown.arguments.values())
    assert shown.roles or row.grammar.word == "help"
    assert row.example.startswith(f"/release {row.grammar.word}")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.grammar.word)
def test_every_example_has_arguments_of_the_right_types(row: Command[object]) -> None:
    (parsed,) = parse(row.example, {row.grammar.word: row.grammar}).commands
    assert isinstance(parsed, ParsedCommand)
    row.grammar.check(parsed)
