"""Users: accounts on GitHub and users of tokens, which may have the same names and are never the same user."""

import asyncio

import pytest

from bot.errors import Refusal
from bot.operations import users
from bot.store.announcements import Announcement
from bot.store.users import ApiToken, User
from tests.world import World

ALICE, OTHER = 11, 22  # ids of accounts on GitHub


async def owner_of_token(world: World, name: str, user: str | None = None) -> User:
    """The user of a new token."""
    token, _ = await users.create_token(await world.context(), name, grants=["project:read"], user=user)
    return (await ApiToken.get(id=token.id).select_related("user")).user


@pytest.mark.parametrize(("login", "name"), [("alice", "alice"), ("alice", "Alice"), ("ALICE", "alice")])
async def test_a_token_never_acts_for_an_account_on_github_of_the_same_name(
    world: World, login: str, name: str
) -> None:
    account = await users.from_github(await world.context(), ALICE, login)
    for token, user in ((name, None), ("deploy", name)):
        owner = await owner_of_token(world, token, user)
        assert (owner.name, owner.github_id) == (f"{name}@token", None)
        assert owner.id != account.id
    assert await User.filter(name__istartswith=name).count() == 2
    assert (await users.from_github(await world.context(), ALICE, login)).id == account.id


@pytest.mark.parametrize(("login", "name"), [("alice", "alice"), ("Alice", "alice"), ("alice", "ALICE")])
async def test_an_account_on_github_is_never_a_tokens_user_of_the_same_name(
    world: World, login: str, name: str
) -> None:
    owner = await owner_of_token(world, name)
    account = await users.from_github(await world.context(), ALICE, login)
    assert (account.name, account.github_id) == (f"{login}@github", ALICE)
    assert (await owner_of_token(world, name)).id == owner.id != account.id


async def test_a_tokens_user_stays_the_same_when_the_account_gives_its_login_up(world: World) -> None:
    context = await world.context()
    account = await users.from_github(context, ALICE, "alice")
    owner = await owner_of_token(world, "alice")
    assert (await users.from_github(context, ALICE, "alice-cooper")).id == account.id
    assert (await User.get(id=account.id)).name == "alice-cooper"
    assert (await owner_of_token(world, "alice")).id == owner.id
    assert (await owner_of_token(world, "alice@token")).id == owner.id


async def test_a_recycled_login_is_another_user(world: World) -> None:
    context = await world.context()
    first = await users.from_github(context, ALICE, "alice")
    second = await users.from_github(context, OTHER, "alice")
    assert first.id != second.id
    assert (second.name, second.github_id) == ("alice@github", OTHER)
    assert (await users.from_github(context, OTHER, "alice")).name == "alice@github"
    assert (await users.from_github(context, ALICE, "alice-cooper")).id == first.id
    assert (await users.from_github(context, ALICE, "Alice-Cooper")).name == "Alice-Cooper"


async def test_there_is_always_another_name(world: World) -> None:
    context = await world.context()
    names = ["alice", "alice@github", f"alice@github-{ALICE}", f"alice@github-{ALICE}-2"]
    for name in names:  # a database may have them from before they were refused
        await User.create(name=name, created_at=context.now())
    assert (await users.from_github(context, ALICE, "alice")).name == f"alice@github-{ALICE}-3"
    assert (await users.from_github(context, ALICE, "alice")).name == f"alice@github-{ALICE}-3"


@pytest.mark.parametrize("name", ["longshore", "Longshore", "alice@github", "alice@GitHub-11"])
async def test_no_token_acts_for_longshore_or_under_the_name_of_an_account(world: World, name: str) -> None:
    before = await User.all().count()
    for token, user, field in ((name, None, "name"), ("ci", name, "user")):
        with pytest.raises(Refusal) as refused:
            await owner_of_token(world, token, user)
        assert refused.value.details["field"] == field
    assert await User.all().count() == before


@pytest.mark.parametrize("login", ["longshore", "Longshore"])
async def test_an_account_called_longshore_is_not_longshore(world: World, login: str) -> None:
    context = await world.context()
    system = await User.get(id=context.actor.user_id)
    assert (system.name, system.github_id) == ("longshore", None)
    account = await users.from_github(context, ALICE, login)
    assert (account.name, account.id != system.id) == (f"{login}@github", True)
    assert (await world.context()).actor.user_id == system.id


async def test_longshore_takes_its_name_back_from_an_account(world: World) -> None:
    """Such an account can only be from before accounts left this name alone."""
    context = await world.context()
    await User.filter(name="longshore").update(name="was-longshore")
    account = await User.create(name="longshore", github_id=ALICE, created_at=context.now())
    for _ in range(2):
        actor = await users.system_actor(context)
        assert actor.name == "longshore"
        assert actor.user_id != account.id
    assert (await User.get(id=account.id)).name == "longshore@github"


async def test_simultaneous_requests_agree_on_users(world: World) -> None:
    context = await world.context()
    for number in range(5):
        name = f"user{number}"
        created = await asyncio.gather(
            *(users.from_github(context, 100 + number, name) for _ in range(3)),
            *(users.get_or_create(context, name) for _ in range(3)),
        )
        accounts, owners = {user.id for user in created[:3]}, {user.id for user in created[3:]}
        assert (len(accounts), len(owners), accounts & owners) == (1, 1, set())


async def test_what_an_account_submitted_is_not_a_tokens_of_the_same_name_to_withdraw(world: World) -> None:
    account = await users.from_github(await world.context(), ALICE, "alice")
    token = await world.create_token("announcement:submit", user="alice")
    body = {"release": {"version": "1.0", "changelog": "x"}}
    own = (await world.ask("POST", "/projects/site/releases.json", body, token=token)).json["release"]["id"]
    await Announcement.filter(id=own).update(submitted_by_id=account.id)
    assert (await world.ask("DELETE", f"/projects/site/releases/{own}.json", token=token)).status == 403
    assert (await world.ask("GET", "/projects/site/releases/pending.json", token=token)).json == []
    shown = (await world.ask("GET", "/api/announcements")).json[0]["submitted_by"]
    assert shown == "alice"


async def test_the_name_of_a_tokens_user_is_shown_with_the_token(world: World) -> None:
    await users.from_github(await world.context(), ALICE, "alice")
    created = await world.ask("POST", "/api/tokens", {"name": "alice", "grants": ["content:write", "admin"]})
    assert created.json["user"] == "alice@token"
    secret = created.json["token"]
    await world.ask("POST", "/rest_api/v1/component-sla-types/", {"name": "gold"}, token=secret)
    sets = await world.ask("GET", "/rest_api/v1/changesets/?author=alice")
    assert sets.json["count"] == 0
    sets = await world.ask("GET", "/rest_api/v1/changesets/?author=alice%40token")
    assert sets.json["count"] == 1
