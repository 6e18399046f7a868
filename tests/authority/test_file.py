"""What the configuration file does with nobody's grant, and who may approve what it makes weaker."""

from collections.abc import Sequence

import pytest

from bot.rules.config import load
from bot.rules.config_nodes import ConfigErrors
from bot.rules.views import PARTS
from bot.store.audit import AuditEntry
from bot.store.config_files import ConfigApproval, ConfigChange
from bot.store.projects import Environment, Project
from tests.authority.attempts import Attempt, Who, people
from tests.authority.forms import FORMS, browsers_of, is_sent
from tests.authority.table import ACTS, BY_NAME, FILE, OF_ROLES, PAGE, PERSONAL, TOKEN, WRITTEN, offered
from tests.authority.test_rest import is_done, person, program
from tests.authority.written_commands import OF_FILES, WRITE, say
from tests.world import PROJECT, World

PATH = ".github/longshore.yml"
HIDE = f"show: {{{', '.join(f'{part}: false' for part in PARTS)}}}"
START = "version: 1\nprojects:\n"
SITE = f"{START}  site:\n    {HIDE}\n    build: {{workflow: build.yml, deadline: %s}}\n    environments:\n"
PRODUCTION = "      production: {tier: production, workflow: deploy.yml, %s}\n"

# --- what it does


def version(number: int) -> str:
    """A file that creates, changes and strengthens something, and would end the approvals of production."""
    checks = ", ".join(f"ci-{each}" for each in range(number + 1))
    environments = "".join(f"      made-{each}: {{tier: staging}}\n" for each in range(number + 1))
    projects = "".join(f"  shop-{each}: {{{HIDE}}}\n" for each in range(number + 1))
    return f"{SITE % f'{number + 1}m'}{PRODUCTION % f'checks: [{checks}]'}{environments}{projects}"


async def test_the_file_acts_with_nobodys_grant_whoever_has_pushed_it(world: World) -> None:
    done = ["create a project", "change a project", "create an environment", "make a gate stronger"]
    assert [act.name for act in offered(FILE)] == done
    world.github.state.account("helper[bot]", "Bot")
    await world.github.commit("Configure", files={PATH: SITE % "9m" + PRODUCTION % "approvals: {count: 1}"})
    await world.settle()
    last = await AuditEntry.all().count()
    for number, pusher in enumerate([*(who.name for who in await people(world)), "helper[bot]"]):
        await world.github.commit("Configure", files={PATH: version(number)}, by=pusher)
        await world.settle()
        site = await Project.get(name=PROJECT)
        production = await Environment.get(project_id=site.id, name="production")
        assert await Project.exists(name=f"shop-{number}")
        assert site.build_deadline_minutes == number + 1
        assert await Environment.exists(project_id=site.id, name=f"made-{number}")
        assert production.gate_settings["checks"] == [f"ci-{each}" for each in range(number + 1)]
        assert production.gate_settings["approvals"]["count"] == 1, pusher
        (change,) = await ConfigChange.filter(outcome=None)
        assert (change.needed, change.approvers) == (1, ["role:maintain"])
    entries = (await AuditEntry.all().order_by("id"))[last:]
    assert {(entry.actor, entry.channel) for entry in entries} == {("longshore", "file")}


OTHERS = [act.name.replace("'", "").replace(" ", "_") for act in ACTS if FILE not in act.channels]


@pytest.mark.parametrize("level", ["", "    ", "          "], ids=["file", "project", "environment"])
def test_no_other_act_is_done_by_the_file(level: str) -> None:
    for first in range(0, len(OTHERS), 25):  # of a file, the first errors are listed
        keys = OTHERS[first : first + 25]
        text = f"{SITE % '9m'}      production:\n          tier: production\n"
        with pytest.raises(ConfigErrors) as raised:
            load(f"{text}{''.join(f'{level}{key}: true{chr(10)}' for key in keys)}".encode())
        assert [error.path.rpartition(".")[2] for error in raised.value.errors] == keys


# --- who approves what it makes weaker

BY_RULE, BY_ADMINS = "approve a weaker file", "approve a weaker file where nobody had to approve"
RULES = {BY_RULE: ("guarded", "approvals: {count: 9}, "), BY_ADMINS: ("free", "")}
"""Names of environments, and their settings. More approvals are needed than attempts will give."""


def weakened(channels: Sequence[str], checks: str) -> str:
    """A file with a project for each channel, and an environment for each act and tier."""
    environments = "".join(
        f"      {name_of(act, tier)}: {{tier: {tier}, {rule}checks: [{checks}]}}\n"
        for act, (_, rule) in RULES.items()
        for tier in BY_NAME[act].tiers
    )
    projects = (f"  {project_of(channel)}:\n    {HIDE}\n    environments:\n{environments}" for channel in channels)
    return f"{START}{''.join(projects)}"


def project_of(channel: str) -> str:
    """The name of a project."""
    return channel.replace(" ", "-")


def name_of(act: str, tier: str) -> str:
    """The name of an environment."""
    return f"{RULES[act][0]}-{tier}"


def approvals_of(everybody: Sequence[Who], channel: str, first: int) -> list[Attempt]:
    """Every approval of a weaker file, by everybody."""
    acts = [(BY_NAME[name], tier) for name in RULES for tier in BY_NAME[name].tiers]
    return [
        Attempt(
            number,
            act,
            tier,
            who,
            allowed=channel != TOKEN and act.is_for(who.role, tier, channel),
            names={"project": project_of(channel), "environment": name_of(act.name, tier)},
        )
        for number, (act, tier, who) in enumerate([(*each, who) for who in everybody for each in acts], first)
    ]


async def test_a_weaker_file_is_approved_by_the_roles_of_the_table(world: World) -> None:
    channels = sorted({*WRITTEN, PAGE, TOKEN, PERSONAL})
    assert set(RULES) == OF_FILES and all(sorted(BY_NAME[name].channels) == channels for name in RULES)
    await world.github.commit("Configure", files={PATH: weakened(channels, "ci, lint")}, by="pat")
    await world.settle()
    number = await world.github.pull_request(by="pat", files={PATH: weakened(channels, "ci")})
    await world.github.merge(number, by="pat")
    await world.github.commit("Change something else")
    await world.settle()
    assert await ConfigChange.filter(outcome=None).count() == len(channels) * 4
    commit = (await ConfigChange.all())[0].commit
    everybody = [await person(world, who, OF_ROLES) for who in await people(world)]
    browsers = await browsers_of(world, [who.name for who in everybody])
    machines = [await program(world, "program", frozenset({"admin"}))]
    for place, channel in enumerate(channels):
        attempts = approvals_of(machines if channel == TOKEN else everybody, channel, place * 100)
        for allowed in (False, True):
            tried = [attempt for attempt in attempts if attempt.allowed is allowed]
            before = await ConfigApproval.all().count()
            if channel in WRITE:
                done = await say(world, channel, tried)
            elif channel == PAGE:
                forms = [(browsers[each.who.name], each, FORMS[each.act.name][0]) for each in tried]
                done = [form[1] for form in forms if await is_sent(world, *form, commit=commit)]
                await world.settle()
            else:
                done = [attempt for attempt in tried if await is_done(world, attempt)]
                await world.settle()
            assert set(map(str, done)) == (set(map(str, tried)) if allowed else set()), channel
            assert await ConfigApproval.all().count() - before == len(done), channel
    applied = await ConfigChange.filter(outcome="applied").select_related("project", "environment")
    assert sorted((row.project.name, row.environment.name) for row in applied if row.environment) == [
        (project_of(channel), name_of(BY_ADMINS, tier))
        for channel in channels
        if channel != TOKEN
        for tier in sorted(BY_NAME[BY_ADMINS].tiers)
    ]
