"""Roles are asked by login and count for the account that had it when it acted: logins are renamed and recycled."""

from collections.abc import Callable

import pytest

from bot.operations import users
from bot.store.candidates import Candidate
from bot.store.users import User
from tests.world import World

Change = Callable[[World], None]
ELSE = "`bob` is another account on GitHub now: write the command again."
GONE = "GitHub reports no role for `bob`: if the account has just been renamed, write the command again."


def recycle_by_renaming(world: World) -> None:
    """Rename `bob`, and let somebody else with every right take the login."""
    world.github.rename_person("bob", "robert")
    world.github.person("bob", "admin")


def recycle_by_deleting(world: World) -> None:
    """Delete `bob`, and let somebody else with every right take the login."""
    world.github.delete_person("bob")
    world.github.person("bob", "admin")


def rename(world: World) -> None:
    """Rename `bob`."""
    world.github.rename_person("bob", "robert")


CHANGES: dict[Change, str] = {recycle_by_renaming: ELSE, recycle_by_deleting: ELSE, rename: GONE}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("role", ["none", "admin"])
async def test_a_command_is_not_performed_with_the_role_of_another_account(
    world: World, change: Change, role: str
) -> None:
    world.github.person("bob", role)
    number = await world.github.pull_request()
    await world.settle()
    world.github.faults.hold()
    await world.github.comment(number, "/release cut 1.4.0", by="bob")
    change(world)
    world.github.faults.release()
    await world.settle()
    assert await Candidate.all().count() == 0
    [reply] = world.replies(number)
    words = CHANGES[change].replace("`", "")
    assert words.rstrip(".") in reply.replace("`", "").replace("\\", "")
    (entry,) = await world.audit("command.refused")
    assert (entry.after or {})["refusal"] == CHANGES[change]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_pushed_tag_cuts_nothing_with_the_role_of_another_account(world: World, change: Change) -> None:
    world.github.person("bob", "write")
    world.github.faults.hold()
    await world.github.tag("v1.4.0-rc1", by="bob")
    change(world)
    world.github.faults.release()
    await world.settle()
    assert await Candidate.all().count() == 0
    (entry,) = await world.audit("candidate.refused")
    assert (entry.after or {})["refusal"] == CHANGES[change]


async def test_an_account_that_took_a_login_over_acts_for_itself(world: World) -> None:
    first = world.github.person("bob", "write").id
    number = await world.github.pull_request()
    await world.github.merge(number)
    await world.github.comment(number, "/release cut 1.4.0", by="bob")
    await world.settle()
    recycle_by_renaming(world)
    second = world.github.person("bob", "write").id
    await world.github.comment(number, "/release cut 1.4.0", by="bob")
    await world.settle()
    cut = await Candidate.all().order_by("number").select_related("created_by")
    assert [(each.created_by.github_id, each.created_by.name) for each in cut] == [
        (first, "bob"),
        (second, "bob@github"),
    ]
    await world.github.comment(number, "/release cut 1.4.0", by="robert")
    await world.settle()
    cut = await Candidate.all().order_by("number").select_related("created_by")
    assert (cut[-1].created_by_id, cut[-1].created_by.name) == (cut[0].created_by_id, "robert")


async def test_a_command_by_an_account_called_as_a_tokens_user_acts_for_the_account(world: World) -> None:
    _, _ = await users.create_token(await world.context(), "bob", grants=["admin"])
    world.github.person("bob", "write")
    number = await world.github.pull_request()
    await world.github.merge(number)
    await world.github.comment(number, "/release cut 1.4.0", by="bob")
    await world.settle()
    candidate = await Candidate.get().select_related("created_by")
    assert candidate.created_by.name == "bob@github"
    assert await User.filter(name="bob", github_id=None).count() == 1
