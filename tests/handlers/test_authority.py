"""Who may give which command: every command, by every role on GitHub, on both kinds of tiers.

The expected roles are written by hand. Each attempt is made for real, in a world where the command has something to do.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bot.context import Context
from bot.errors import Forbidden
from bot.operations import users
from bot.operations.command_calls import CommandCall
from bot.operations.commands import COMMANDS, GRAMMARS, ROWS
from bot.rules.commands import parse
from bot.rules.comments import Place
from bot.rules.grammar import ParsedCommand
from bot.store.candidates import Candidate
from bot.store.database import execute
from bot.store.projects import Environment, Project, Repository
from tests.handlers.prepared import prepare, under_way
from tests.world import World

ROLES = ("none", "read", "triage", "write", "maintain", "admin")
RANK = {role: rank for rank, role in enumerate(ROLES)}
CUSTOM = {"read": "read", "triage": "read", "write": "write", "maintain": "write"}
"""Custom roles by the role that they extend, with the role that GitHub tells of them: a plain permission."""
PUBLIC = {"none": "read"}
"""What GitHub tells of somebody without a role: everybody reads a public repository."""

# command, the lowest role for it on a staging environment, and on a production one
TABLE = {
    "cut 9.{number}.0 at {head}": ("write", "write"),
    "deploy 1.4.0-rc1 to {environment}": ("write", "maintain"),
    "deploy 1.4.0-rc1 to {environment} force because of an outage": ("admin", "admin"),
    "promote 1.4.0-rc1 to {environment}": ("write", "maintain"),
    "promote 1.4.0-rc1 to {environment} force because of an outage": ("admin", "admin"),
    "rollback {environment}": ("write", "maintain"),
    "rollback {environment} force because of an outage": ("admin", "admin"),
    "cancel {environment}": ("write", "maintain"),
    "cancel 1.4.0-rc1": ("write", "write"),
    "approve 1.4.0-rc1 for {environment}": ("write", "maintain"),
    "why 1.4.0-rc1 for {environment}": ("read", "read"),
    "hold 1.4.0 because of a test": ("maintain", "maintain"),
    "unhold 1.4.0": ("maintain", "maintain"),
    "ban 1.4.0-rc1 because of a test": ("maintain", "maintain"),
    "unban 1.4.0-rc1": ("maintain", "maintain"),
    "freeze {environment} because of a test": ("maintain", "maintain"),
    "freeze all because of a test": ("maintain", "maintain"),
    "unfreeze {environment}": ("maintain", "maintain"),
    "unfreeze all": ("maintain", "maintain"),
    "lock {environment} because of a test": ("write", "maintain"),
    "unlock {environment}": ("admin", "admin"),  # somebody else's
    "announce 1.4.0": ("write", "write"),
    "announcement approve 1.4.0": ("maintain", "maintain"),
    "announcement reject 1.4.0 because of a test": ("maintain", "maintain"),
    "status": ("read", "read"),
    "where": ("read", "read"),
    "help": ("none", "none"),
}
OWN = {"unapprove", "approve config"}
"""Commands that no role decides: one takes back what one has done oneself, the other follows a rule of the file."""
RULES = {"staging": {"approvals": {"count": 1}}, "production": {"approvals": {"count": 1}}}
RESET = (
    *("DELETE FROM runs", "DELETE FROM deployments", "DELETE FROM approvals", "DELETE FROM environment_locks"),
    *("DELETE FROM freezes", "DELETE FROM bans", "DELETE FROM announcements"),
    "UPDATE candidates SET status = 'ready'",
    "UPDATE releases SET held = NULL, notes = ''",
    "UPDATE environments SET gate_settings = '{}'",
)


@dataclass
class Person:
    """Somebody with a role, and the role that GitHub tells of them."""

    login: str
    told: str
    context: Context


async def people(world: World) -> list[Person]:
    """A person with each role, and one with a custom role on each base; their roles are asked of GitHub."""
    repository, context = await Repository.get(), await world.context()
    roles: list[tuple[str, str, str | None, str]] = []
    roles += [(f"{role}-ron", role, None, PUBLIC.get(role, role)) for role in ROLES]
    roles += [(f"custom-{base}", f"captain-{base}", base, told) for base, told in CUSTOM.items()]
    found = []
    for login, role, base, told in roles:
        account = world.github.person(login, role, base=base)
        actor = await users.actor_from_github(context, account.id, login, repository)
        found.append(Person(login, told, context.acting_as(actor, "pull comment")))
    return found


async def ready(world: World, line: str, environment: str) -> None:
    """Undo what earlier attempts did, and make the world ready for a command."""
    for statement in RESET:
        await execute(statement)
    grammar = parse(f"/release {line}", GRAMMARS).commands[0]
    assert isinstance(grammar, ParsedCommand), grammar
    if line.startswith("cancel 1.4.0"):
        await Candidate.filter(version="1.4.0-rc1").update(status="building")
    elif line.startswith("approve"):
        await Environment.filter(name=environment).update(gate_settings=RULES[environment])
    elif line.startswith("unlock"):
        path = f"/api/projects/site/environments/{environment}/lock"
        assert (await world.ask("POST", path, {"reason": "mine"})).status < 300
    elif line.startswith("cancel"):
        await under_way(world, environment)
    else:
        await prepare(world, grammar.word, environment)


async def may(world: World, person: Person, line: str) -> bool:
    """Give a command for real; returns whether it was permitted. Any other refusal is a fault of the test."""
    (parsed,) = parse(f"/release {line}", GRAMMARS).commands
    assert isinstance(parsed, ParsedCommand), parsed
    call = CommandCall(person.context, await Repository.get(), Place("commit", world.github.head()), parsed)
    try:
        await COMMANDS[parsed.word].run(call)
    except Forbidden:
        return False
    return True


@pytest.fixture
async def quiet(world: World) -> AsyncIterator[World]:
    """A world in which nothing is built and pipelines deploy, with the candidate 1.4.0-rc1."""
    await Project.all().update(build_workflow=None)
    await Environment.all().update(workflow=None)
    assert (await world.cut("1.4.0-rc1")).status == 201
    yield world
    for statement in RESET:
        await execute(statement)


@pytest.mark.parametrize("environment", ["staging", "production"])
async def test_who_may_give_a_command_and_nobody_else(quiet: World, environment: str) -> None:
    everybody = await people(quiet)
    numbers = iter(range(1_000))
    for line, (staging, production) in TABLE.items():
        lowest = staging if environment == "staging" else production
        for person in everybody:
            values = {"head": quiet.github.head(), "environment": environment, "number": next(numbers)}
            written = line.format(**values)
            await ready(quiet, written, environment)
            expected = RANK[person.told] >= RANK[lowest]
            assert await may(quiet, person, written) is expected, (person.login, written)


@pytest.mark.parametrize("environment", ["staging", "production"])
async def test_a_dry_run_needs_the_same_role(quiet: World, environment: str) -> None:
    everybody = await people(quiet)
    for line, (staging, production) in TABLE.items():
        lowest = staging if environment == "staging" else production
        word = line.partition(" because ")
        values = {"head": quiet.github.head(), "environment": environment, "number": 1}
        written = f"{word[0]} --dry-run{word[1]}{word[2]}".format(**values)
        if line.partition(" ")[0] in ("why", "status", "where", "help"):
            continue
        await ready(quiet, written, environment)
        for person in everybody:
            expected = RANK[person.told] >= RANK[lowest]
            assert await may(quiet, person, written) is expected, (person.login, written)


def test_the_table_has_every_command() -> None:
    parsed = [parse(f"/release {line}".format(**VALUES), GRAMMARS).commands[0] for line in TABLE]
    words = {each.word for each in parsed if isinstance(each, ParsedCommand)}
    assert words | OWN == {row.grammar.word for row in ROWS}


VALUES = {"head": "a" * 40, "environment": "staging", "number": 1}


async def test_only_who_has_approved_withdraws_their_approval(quiet: World) -> None:
    await Environment.filter(name="staging").update(gate_settings=RULES["staging"])
    everybody = {person.login: person for person in await people(quiet)}
    assert await may(quiet, everybody["write-ron"], "approve 1.4.0-rc1 for staging")
    with pytest.raises(Exception, match="You have not approved"):
        await may(quiet, everybody["admin-ron"], "unapprove 1.4.0-rc1 for staging")
    assert await may(quiet, everybody["write-ron"], "unapprove 1.4.0-rc1 for staging")


async def test_the_deployers_of_an_environment_narrow_who_deploys(quiet: World) -> None:
    settings = {"deployers": ["user:write-ron"]}
    everybody = {person.login: person for person in await people(quiet)}
    listed = {"write-ron": everybody["write-ron"].context.actor.github_id}
    await Environment.filter(name="staging").update(gate_settings=settings, listed_users=listed)
    deploy = "deploy 1.4.0-rc1 to staging"
    with pytest.raises(Forbidden, match="gated"):
        (parsed,) = parse(f"/release {deploy}", GRAMMARS).commands
        assert isinstance(parsed, ParsedCommand)
        place = Place("commit", quiet.github.head())
        call = CommandCall(everybody["maintain-ron"].context, await Repository.get(), place, parsed)
        await COMMANDS["deploy"].run(call)
    assert await may(quiet, everybody["write-ron"], deploy)
    listed = {"write-ron": everybody["read-ron"].context.actor.github_id}
    await Environment.filter(name="production").update(gate_settings=settings, listed_users=listed)
    assert not await may(quiet, everybody["read-ron"], "deploy 1.4.0-rc1 to production")
