"""The App's installation: removed, suspended and restored."""

from collections.abc import Awaitable, Callable

import pytest

from bot.operations import jobs
from bot.operations.workflows import reconcile
from bot.store.projects import Repository
from tests.world import World

Act = Callable[[World], Awaitable[object]]

LOSS_AND_RETURN = {
    "deleted": (lambda world: world.github.uninstall(), lambda world: world.github.install("acme/site")),
    "suspended": (lambda world: world.github.suspend(), lambda world: world.github.unsuspend()),
    "repository removed": (
        lambda world: world.github.remove_repository("acme/site"),
        lambda world: world.github.add_repository("acme/site"),
    ),
}


async def is_reachable() -> bool:
    """Whether the repository is recorded as reachable."""
    return (await Repository.get()).installation_id is not None


@pytest.mark.parametrize(("lose", "restore"), LOSS_AND_RETURN.values(), ids=LOSS_AND_RETURN)
async def test_a_lost_repository_raises_the_alarm_and_works_again_once_restored(
    world: World, lose: Act, restore: Act
) -> None:
    await lose(world)
    await world.settle()
    assert not await is_reachable()
    assert await world.alarms() == ["repository.unreachable"]
    response = await world.cut("1.0-rc1")
    assert (response.status, response.error) == (404, "GitHub repository not found")
    await restore(world)
    await world.settle()
    assert await is_reachable()
    assert (await world.cut("1.0-rc1", build=True)).status == 201
    await world.settle()
    assert await world.status("1.0-rc1") == "building"


@pytest.mark.parametrize(("lose", "restore"), LOSS_AND_RETURN.values(), ids=LOSS_AND_RETURN)
async def test_losses_and_returns_without_webhooks_are_detected(world: World, lose: Act, restore: Act) -> None:
    world.github.faults.webhooks(drop=1.0)
    for act, expected in ((lose, False), (restore, True)):
        await act(world)
        await reconcile.check_repositories(await world.context(), jobs.CheckRepositories())
        await world.settle()
        assert await is_reachable() is expected
    assert await world.alarms() == ["repository.unreachable"]


async def test_a_deployment_without_the_app_ends_in_error_with_the_reason(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.github.uninstall()
    await world.settle()
    await world.deploy("1.0-rc1")
    await world.settle()
    (deployment,) = await world.deployments()
    assert deployment["status"] == "error"
    assert "not installed on acme/site: install it" in deployment["error_message"]


async def test_newly_granted_permissions_are_used_at_once(world: World) -> None:
    await world.cut("1.0-rc1")
    world.github.installation.permissions["actions"] = "read"
    await world.deploy("1.0-rc1")
    await world.settle()
    assert [status for _, status in await world.statuses()] == ["error"]
    world.github.installation.permissions["actions"] = "write"
    payload = {"action": "new_permissions_accepted", "installation": {"id": world.github.installation_id}}
    assert await world.github.send("installation", payload) == 202
    await world.settle()
    await world.deploy("1.0-rc1")
    await world.settle()
    assert [status for _, status in await world.statuses()] == ["pending", "error"]


async def test_installations_without_our_repositories_are_ignored(world: World) -> None:
    other = {"id": 4711, "repositories": [{"id": 99}]}
    for action in ("created", "suspend", "deleted"):
        body = {"action": action, "installation": other, "repositories": [{"id": 99}]}
        assert await world.github.send("installation", body) == 202
    await world.settle()
    assert await is_reachable()
    assert await world.alarms() == []
