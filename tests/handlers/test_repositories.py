"""Repositories that are renamed, transferred, archived, made private or public, and deleted."""

from typing import Any

import pytest

from bot.operations import jobs
from bot.operations.workflows import reconcile
from bot.store.projects import Repository
from tests.world import PROJECT, World


async def stored() -> Repository:
    """The row of the only repository."""
    return await Repository.get()


async def check(world: World) -> None:
    """Run the hourly check of all repositories."""
    await reconcile.check_repositories(await world.context(), jobs.CheckRepositories())
    await world.settle()


async def test_a_renamed_repository_is_used_under_its_new_name(world: World) -> None:
    await world.github.rename("website")
    await world.settle()
    assert (await stored()).full_name == "acme/website"
    assert (await world.ask("GET", f"/api/projects/{PROJECT}")).json["repo"] == "acme/website"
    assert (await world.cut("1.0-rc1", repo="acme/website")).status == 201
    (entry,) = await world.audit("repository.change")
    assert (entry.before, entry.after) == ({"full_name": "acme/site"}, {"full_name": "acme/website"})


async def test_a_rename_without_a_webhook_breaks_nothing(world: World) -> None:
    world.github.faults.webhooks(drop=1.0)
    await world.github.rename("website")
    assert (await world.cut("1.0-rc1", build=True, repo="acme/site")).status == 201
    await world.settle()
    assert await world.status("1.0-rc1") == "building"
    await world.github.finish(run=1)
    await world.reconcile()
    assert await world.status("1.0-rc1") == "ready"
    await check(world)
    assert (await stored()).full_name == "acme/website"


async def test_a_new_name_works_before_its_webhook_arrives(world: World) -> None:
    world.github.faults.webhooks(drop=1.0)
    await world.github.rename("website")
    assert (await world.cut("1.0-rc1", repo="acme/website")).status == 201
    assert (await stored()).full_name == "acme/website"


async def test_a_transferred_repository_is_reached_through_its_new_owners_installation(world: World) -> None:
    await world.github.transfer("umbrella")
    await world.settle()
    assert (await stored()).full_name == "umbrella/site"
    assert (await world.cut("1.0-rc1", build=True, repo="umbrella/site")).status == 201
    await world.settle()
    assert await world.status("1.0-rc1") == "building"


async def test_a_transfer_without_a_webhook_is_detected(world: World) -> None:
    world.github.faults.webhooks(drop=1.0)
    await world.github.transfer("umbrella")
    await check(world)
    assert (await stored()).full_name == "umbrella/site"
    assert await world.alarms() == []
    assert (await world.cut("1.0-rc1", repo="umbrella/site")).status == 201


@pytest.mark.parametrize("webhooks", [True, False], ids=["with webhooks", "without webhooks"])
async def test_changes_of_visibility_and_archiving_are_stored(world: World, webhooks: bool) -> None:
    world.github.faults.webhooks(drop=0.0 if webhooks else 1.0)
    states: list[Any] = []
    for step in (world.github.set_private(True), world.github.archive(True)):
        await step
        await world.settle() if webhooks else await check(world)
        states.append(((await stored()).private, (await stored()).archived))
    for step in (world.github.set_private(False), world.github.archive(False)):
        await step
        await world.settle() if webhooks else await check(world)
        states.append(((await stored()).private, (await stored()).archived))
    assert states == [(True, False), (True, True), (False, True), (False, False)]


async def test_a_build_in_an_archived_repository_fails_with_the_reason(world: World) -> None:
    await world.github.archive()
    await world.settle()
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    candidate = await world.candidate("1.0-rc1")
    assert candidate["status"] == "failed"
    assert "archived" in candidate["reason"]


@pytest.mark.parametrize("webhooks", [True, False], ids=["with webhooks", "without webhooks"])
async def test_a_deleted_repository_raises_the_alarm_and_cannot_be_cut(world: World, webhooks: bool) -> None:
    world.github.faults.webhooks(drop=0.0 if webhooks else 1.0)
    head = world.github.head()
    await world.github.delete_repository()
    await world.settle()
    if not webhooks:
        await check(world)
    assert (await stored()).installation_id is None
    assert await world.alarms() == ["repository.unreachable"]
    response = await world.cut("1.0-rc1", head)
    assert (response.status, response.error) == (404, "GitHub repository not found")


async def test_repositories_without_a_project_are_ignored(world: World) -> None:
    other = {"id": 5, "full_name": "a/b", "default_branch": "main", "private": False, "archived": False}
    for action in ("renamed", "deleted"):
        await world.github.send("repository", {"action": action, "repository": other})
    await world.settle()
    assert (await stored()).full_name == "acme/site"
    assert await world.alarms() == []
