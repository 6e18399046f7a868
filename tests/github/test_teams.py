"""Teams, roles and accounts: who is in them, what is remembered, and what is not known at all."""

import pytest

from bot.errors import NotFound, PermissionMissing, Unavailable
from bot.github import teams, users
from bot.github.people import People
from bot.github.repository import RepositoryClient
from bot.rules.ids import GitHubUserId
from tests.world import World


@pytest.fixture
def managers(world: World) -> str:
    """A team with alice; bob is invited."""
    world.github.team("Release managers")
    world.github.person("carol")
    world.github.add_team_member("release-managers", "alice")
    world.github.add_team_member("release-managers", "bob", state="pending")
    return "release-managers"


@pytest.mark.parametrize(
    ("login", "is_member"), [("alice", True), ("ALICE", True), ("bob", False), ("carol", False), ("nobody", False)]
)
async def test_only_active_members_are_members(
    client: RepositoryClient, managers: str, login: str, is_member: bool
) -> None:
    assert await teams.is_member(client, "acme", managers, login) is is_member


async def test_members_of_a_team_below_are_members(world: World, client: RepositoryClient, managers: str) -> None:
    world.github.team("Staff")
    world.github.team("Release managers", parent="staff")
    assert await teams.is_member(client, "acme", "staff", "alice")


async def test_a_team_that_is_gone_says_nothing_about_people(
    world: World, client: RepositoryClient, managers: str
) -> None:
    assert await teams.exists(client, "acme", managers)
    world.github.delete_team(managers)
    assert not await teams.exists(client, "acme", managers)
    with pytest.raises(NotFound, match="no team `acme/release-managers`"):
        await teams.is_member(client, "acme", managers, "alice")
    with pytest.raises(NotFound, match="no team"):
        await teams.is_member(client, "umbrella", managers, "alice")


async def test_a_permission_that_was_not_granted_says_nothing_about_people(
    world: World, client: RepositoryClient, managers: str
) -> None:
    await world.github.set_permission("members")
    with pytest.raises(PermissionMissing, match="was not granted `members: read`") as missing:
        await teams.is_member(client, "acme", managers, "alice")
    assert missing.value.permissions == {"members": "read"}


async def test_a_permission_that_was_taken_back_is_named(world: World, client: RepositoryClient, managers: str) -> None:
    assert await teams.is_member(client, "acme", managers, "alice")
    world.github.installation.permissions.pop("members")  # the token is still there
    with pytest.raises(PermissionMissing, match="was not granted `members: read`"):
        await teams.is_member(client, "acme", managers, "alice")


async def test_an_outage_is_no_answer(world: World, client: RepositoryClient, managers: str) -> None:
    world.github.faults.fail(path="*/memberships/*", times=None)
    with pytest.raises(Unavailable):
        await teams.is_member(client, "acme", managers, "alice")


async def test_a_membership_is_remembered_where_it_is_only_shown(
    world: World, client: RepositoryClient, managers: str
) -> None:
    people = People()
    assert await people.is_member(client, "acme", managers, "alice", fresh=False)
    world.github.remove_team_member(managers, "alice")
    assert await people.is_member(client, "Acme", managers, "Alice", fresh=False)
    assert not await people.is_member(client, "acme", managers, "alice", fresh=True)
    assert not await people.is_member(client, "acme", managers, "alice", fresh=False)


async def test_a_role_is_remembered_where_it_is_only_shown(world: World, client: RepositoryClient) -> None:
    people = world.service.github.people
    world.github.person("dora", "write")
    assert (await people.role(client, "dora", fresh=False)).name == "write"
    world.github.person("dora", "admin")
    assert (await people.role(client, "dora", fresh=False)).name == "write"
    assert (await people.role(client, "dora", fresh=True)).name == "admin"
    world.github.person("dora", "read")
    world.service.github.forget(client.installation)
    assert (await people.role(client, "dora", fresh=False)).name == "read"


async def test_what_github_did_not_answer_is_not_remembered(
    world: World, client: RepositoryClient, managers: str
) -> None:
    people = People()
    world.github.faults.fail(path="*/memberships/*", times=3)
    with pytest.raises(Unavailable):
        await people.is_member(client, "acme", managers, "alice", fresh=False)
    assert await people.is_member(client, "acme", managers, "alice", fresh=False)


async def test_an_account_is_known_by_its_id_until_it_is_deleted(world: World, client: RepositoryClient) -> None:
    number = GitHubUserId(world.github.person("dora").id)
    assert await users.by_id(client, number) == "dora"
    world.github.rename_person("dora", "theodora")
    assert await users.by_id(client, number) == "theodora"
    world.github.delete_person("theodora")
    assert await users.by_id(client, number) is None
