"""An installation that has not accepted the newer permissions works as before, and what is missing is named."""

from collections.abc import Awaitable, Callable

import pytest

from bot.errors import NotFound, PermissionMissing
from bot.github import check_runs, checks, deployments, protection_rules, teams
from bot.github.deployments import NewDeployment
from bot.github.repository import RepositoryClient
from bot.rules.checks import CheckRunContent
from bot.rules.ids import CommitSha, RunId
from tests.world import World

NEWER = ("checks", "statuses", "deployments", "members")
SHA = CommitSha("1" * 40)

Ask = Callable[[RepositoryClient], Awaitable[object]]

ASKED: dict[str, tuple[Ask, dict[str, str]]] = {
    "create a check run": (
        lambda client: check_runs.create(client, CheckRunContent("a", SHA, "1", "queued", "a", "a")),
        {"checks": "write"},
    ),
    "find a check run": (lambda client: check_runs.find_own(client, SHA, "a", "1"), {"checks": "write"}),
    "read checks": (lambda client: checks.results(client, SHA), {"checks": "read", "statuses": "read"}),
    "create a deployment": (
        lambda client: deployments.create(client, NewDeployment(SHA, "a", "1", production=False)),
        {"deployments": "write"},
    ),
    "list deployments": (lambda client: deployments.list_for(client, SHA, "a"), {"deployments": "read"}),
    "read a deployment": (lambda client: deployments.newest_state(client, 1), {"deployments": "read"}),
    "answer an environment": (
        lambda client: protection_rules.respond(client, RunId(1), "a", "approved", "Go"),
        {"deployments": "write"},
    ),
    "read a team": (lambda client: teams.exists(client, "acme", "a"), {"members": "read"}),
}


async def not_accepted(world: World) -> None:
    for name in NEWER:
        await world.github.set_permission(name)
    await world.settle()


@pytest.mark.parametrize("asked", ASKED)
async def test_what_needs_a_permission_that_was_not_accepted_names_it(
    world: World, client: RepositoryClient, asked: str
) -> None:
    ask, permissions = ASKED[asked]
    await not_accepted(world)
    with pytest.raises(PermissionMissing) as missing:
        await ask(client)
    assert missing.value.permissions == permissions
    assert isinstance(missing.value, NotFound)
    for name, level in permissions.items():
        assert f"`{name}: {level}`" in missing.value.sentence


@pytest.mark.parametrize("asked", ASKED)
async def test_an_outage_while_a_token_is_minted_is_no_missing_permission(
    world: World, client: RepositoryClient, asked: str
) -> None:
    world.github.faults.fail(path="*/access_tokens", times=None)
    with pytest.raises(Exception, match="unavailable") as raised:
        await ASKED[asked][0](client)
    assert not isinstance(raised.value, PermissionMissing)


async def test_everything_else_works_as_before(world: World) -> None:
    await not_accepted(world)
    assert (await world.cut("1.2-rc1", build=True)).status == 201
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    assert await world.status("1.2-rc1") == "ready"
    assert (await world.deploy("1.2-rc1")).status == 201
    await world.settle()
    await world.github.finish(run=2)
    await world.settle()
    assert await world.statuses() == [("1.2-rc1", "success")]


async def test_a_permission_that_was_accepted_is_used_at_once(world: World, client: RepositoryClient) -> None:
    await not_accepted(world)
    with pytest.raises(PermissionMissing):
        await checks.results(client, CommitSha(world.github.head()))
    for name, level in (("checks", "write"), ("statuses", "read")):
        await world.github.set_permission(name, level)
    assert await checks.results(client, CommitSha(world.github.head())) == []
