"""Who may give which command: every command, by every role on GitHub, on both kinds of tiers."""

import pytest

from bot.context import Context
from bot.errors import Forbidden, Refusal
from bot.operations import users
from bot.operations.command_calls import CommandCall
from bot.operations.commands import COMMANDS, GRAMMARS, ROWS
from bot.rules.commands import Mistake, parse
from bot.rules.comments import Place
from bot.rules.grammar import ParsedCommand
from bot.store.audit import AuditEntry
from bot.store.projects import Environment, Repository
from tests.authority.attempts import Attempt, Who, people, plan, prepare
from tests.authority.table import ACTS, COMMIT, CUSTOM, MESSAGE, PULL, offered
from tests.authority.written_commands import LINES, OF_FILES, READING, line_of, say
from tests.world import World

TRIED_AS_COMMANDS = {
    "build again": "build {candidate}",
    "withdraw one's announcement": "announcement withdraw {release}",
    "withdraw somebody's announcement": "unannounce {release}",
    "create a release": "create {release}",
    "change a release": "edit {release}",
    "add files": "files {release}",
    "replace files": "files {release}",
    "report a deployment": "report {candidate} on {environment}",
    "report the run of a build": "report {candidate}",
    "report the run of a deployment": "report {candidate} on {environment}",
    "withdraw somebody's approval": "unapprove {candidate} for {environment} by root",
    "freeze the service": "freeze the service because of a test",
    "end the freeze of the service": "unfreeze the service",
    "create a project": "create project {new}",
    "change a project": "configure {project}",
    "change the profile of a project": "describe {project}",
    "add a link": "link https://x.test",
    "change a link": "link https://x.test",
    "remove a link": "unlink https://x.test",
    "create an environment": "create environment {new}",
    "make a gate stronger": "require ci for {environment}",
    "make a gate weaker": "weaken {environment}",
    "create a token": "token create",
    "revoke a token": "token revoke",
    "write content": "content",
}
"""What somebody might write for the acts that are no commands."""


def test_every_command_is_in_the_table() -> None:
    assert set(LINES) == {act.name for act in offered(PULL)} == {act.name for act in offered(COMMIT)}
    assert set(LINES) == {act.name for act in offered(MESSAGE)}
    words = {parsed.word for parsed in map(parsed_line, LINES.values()) if isinstance(parsed, ParsedCommand)}
    assert words == {row.grammar.word for row in ROWS}
    assert {row.grammar.word for row in ROWS if not row.changes} == {LINES[name].split()[0] for name in READING}


def test_no_other_act_is_a_command() -> None:
    assert {act.name for act in ACTS if PULL not in act.channels} == set(TRIED_AS_COMMANDS)
    for name, line in TRIED_AS_COMMANDS.items():
        assert isinstance(parsed_line(line), Mistake), name


def parsed_line(line: str) -> ParsedCommand | Mistake:
    """A command of the table as it is read."""
    names = {"candidate": "1.4.0-rc1", "release": "1.4.0", "environment": "staging", "project": "site", "new": "x"}
    (parsed,) = parse(f"/release {line}".format(head="a" * 40, **names), GRAMMARS).commands
    return parsed


# --- each command, by everybody


def planned(everybody: list[Who], channel: str) -> list[Attempt]:
    acts = [act for act in offered(channel) if act.name not in OF_FILES]
    return plan(everybody, acts, lambda who, act, tier: act.is_for(who.role, tier, channel))


@pytest.mark.parametrize("channel", [COMMIT, MESSAGE])
async def test_a_written_command_is_for_the_roles_of_the_table(world: World, channel: str) -> None:
    attempts = planned(await people(world), channel)
    await prepare(world, attempts)
    for allowed in (False, True):
        tried = [attempt for attempt in attempts if attempt.allowed is allowed]
        done = set(map(str, await say(world, channel, tried)))
        assert done == (set(map(str, tried)) if allowed else set())
        acts = await AuditEntry.filter(actor__in=[attempt.who.name for attempt in tried]).values_list("act", "channel")
        assert acts and ({act for act, _ in acts} == {"command.refused"}) is not allowed
        assert {used for _, used in acts} == {"tag" if channel == MESSAGE else channel}


async def give(repository: Repository, context: Context, line: str) -> None:
    """Give a command for real."""
    (parsed,) = parse(line, GRAMMARS).commands
    assert isinstance(parsed, ParsedCommand), parsed
    await COMMANDS[parsed.word].run(CommandCall(context, repository, Place("pull", "1"), parsed))


async def may(repository: Repository, context: Context, line: str) -> bool:
    """Give a command; returns whether it was permitted. Any other refusal is a fault of the test."""
    try:
        await give(repository, context, line)
    except Forbidden as forbidden:
        assert "gated" not in forbidden.sentence
        return False
    return True


async def acting(world: World, who: Who) -> Context:
    """The context of somebody's comments on a pull request."""
    account, context = world.github.state.account(who.name), await world.context()
    actor = await users.actor_from_github(context, account.id, who.name, await Repository.get())
    return context.acting_as(actor, PULL)


async def test_a_command_and_its_dry_run_are_for_the_roles_of_the_table(world: World) -> None:
    everybody = await people(world, CUSTOM)
    repository, contexts = await Repository.get(), {who: await acting(world, who) for who in everybody}
    attempts = sorted(planned(everybody, PULL), key=lambda attempt: attempt.allowed)
    await prepare(world, attempts)
    for flag in (" --dry-run", ""):
        tried = [attempt for attempt in attempts if not flag or attempt.act.name not in READING]
        lines = [line_of(attempt, world.github.head(), flag) for attempt in tried]
        done = [await may(repository, contexts[attempt.who], line) for attempt, line in zip(tried, lines, strict=True)]
        assert done == [attempt.allowed for attempt in tried], [
            f"{attempt}{flag}" for attempt, allowed in zip(tried, done, strict=True) if attempt.allowed is not allowed
        ]


# --- where more than the role decides


async def test_only_who_has_approved_withdraws_their_approval(world: World) -> None:
    await world.cut("1.4.0-rc1")
    await Environment.filter(name="staging").update(gate_settings={"approvals": {"count": 1}})
    repository, contexts = await Repository.get(), {who.name: await acting(world, who) for who in await people(world)}
    assert await may(repository, contexts["write-ron"], "/release approve 1.4.0-rc1 for staging")
    with pytest.raises(Refusal, match="You have not approved"):
        await give(repository, contexts["admin-ron"], "/release unapprove 1.4.0-rc1 for staging")
    assert await may(repository, contexts["write-ron"], "/release unapprove 1.4.0-rc1 for staging")


async def test_the_deployers_of_an_environment_narrow_who_deploys(world: World) -> None:
    await world.cut("1.4.0-rc1")
    repository, contexts = await Repository.get(), {who.name: await acting(world, who) for who in await people(world)}
    for name, environment in (("write-ron", "staging"), ("read-ron", "production")):
        listed = {name: world.github.state.account(name).id}
        settings = {"deployers": [f"user:{name}"]}
        await Environment.filter(name=environment).update(gate_settings=settings, listed_users=listed, workflow=None)
    with pytest.raises(Forbidden, match="gated"):
        await give(repository, contexts["maintain-ron"], "/release deploy 1.4.0-rc1 to staging")
    assert await may(repository, contexts["write-ron"], "/release deploy 1.4.0-rc1 to staging")
    assert not await may(repository, contexts["read-ron"], "/release deploy 1.4.0-rc1 to production")
