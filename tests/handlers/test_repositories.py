"""Repositories that are renamed, moved, archived, shown, hidden and deleted."""

from typing import Any

import pytest

from bot.operations import jobs
from bot.operations.workflows import reconcile
from bot.store.projects import Repository
from tests.world import PROJECT, World


async def row() -> Repository:
    """What we know of the one repository."""
    return await Repository.get()


async def check(world: World) -> None:
    """Have every repository looked at, as is done each hour."""
    await reconcile.check_repositories(await world.context(), jobs.CheckRepositories())
    await world.settle()


async def test_a_renamed_repository_is_known_by_its_new_name(world: World) -> None:
    await world.github.rename("website")
    await world.settle()
    assert (await row()).full_name == "acme/website"
    assert (await world.ask("GET", f"/api/projects/{PROJECT}")).json["repo"] == "acme/website"
    assert (await world.cut("1.0-rc1", repo="acme/website")).status == 201
    (entry,) = await world.audit("repository.change")
    assert (entry.before, entry.after) == ({"full_name": "acme/site"}, {"full_name": "acme/website"})


async def test_a_rename_that_we_were_not_told_of_stops_nothing(world: World) -> None:
    world.github.faults.webhooks(drop=1.0)
    await world.github.rename("website")
    assert (await world.cut("1.0-rc1", build=True, repo="acme/site")).status == 201
    await world.settle()
    assert await world.status("1.0-rc1") == "building"
    await world.github.finish(run=1)
    await world.reconcile()
    assert await world.status("1.0-rc1") == "ready"
    await check(world)
    assert (await row()).full_name == "acme/website"


async def test_the_new_name_may_be_used_before_we_were_told_of_it(world: World) -> None:
    world.github.faults.webhooks(drop=1.0)
    await world.github.rename("website")
    assert (await world.cut("1.0-rc1", repo="acme/website")).status == 201
    assert (await row()).full_name == "acme/website"


async def test_a_transferred_repository_is_reached_through_its_new_owners_installation(world: World) -> None:
    await world.github.transfer("umbrella")
    await world.settle()
    assert (await row()).full_name == "umbrella/site"
    assert (await world.cut("1.0-rc1", build=True, repo="umbrella/site")).status == 201
    await world.settle()
    assert await world.status("1.0-rc1") == "building"


async def test_a_transfer_that_we_were_not_told_of_is_found_out(world: World) -> None:
    world.github.faults.webhooks(drop=1.0)
    await world.github.transfer("umbrella")
    await check(world)
    assert (await row()).full_name == "umbrella/site"
    assert await world.alarms() == []
    assert (await world.cut("1.0-rc1", repo="umbrella/site")).status == 201


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
async def test_visibility_and_archiving_are_followed(world: World, told: bool) -> None:
    world.github.faults.webhooks(drop=0.0 if told else 1.0)
    seen: list[Any] = []
    for step in (world.github.set_private(True), world.github.archive(True)):
        await step
        await world.settle() if told else await check(world)
        seen.append(((await row()).private, (await row()).archived))
    for step in (world.github.set_private(False), world.github.archive(False)):
        await step
        await world.settle() if told else await check(world)
        seen.append(((await row()).private, (await row()).archived))
    assert seen == [(True, False), (True, True), (False, True), (False, False)]


async def test_an_archived_repository_says_why_nothing_is_built_there(world: World) -> None:
    await world.github.archive()
    await world.settle()
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    candidate = await world.candidate("1.0-rc1")
    assert candidate["status"] == "failed"
    assert "archived" in candidate["reason"]


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
async def test_a_deleted_repository_raises_the_alarm_and_cannot_be_cut(world: World, told: bool) -> None:
    world.github.faults.webhooks(drop=0.0 if told else 1.0)
    head = world.github.head()
    await world.github.delete_repository()
    await world.settle()
    if not told:
        await check(world)
    assert (await row()).installation_id is None
    assert await world.alarms() == ["repository.unreachable"]
    answer = await world.cut("1.0-rc1", head)
    assert (answer.status, answer.error) == (404, "GitHub repository not found")


async def test_repositories_of_nobody_are_none_of_our_business(world: World) -> None:
    stranger = {"id": 5, "full_name": "a/b", "default_branch": "main", "private": False, "archived": False}
    for action in ("renamed", "deleted"):
        await world.github.send("repository", {"action": action, "repository": stranger})
    await world.settle()
    assert (await row()).full_name == "acme/site"
    assert await world.alarms() == []
