"""The App's installation: removed, suspended, and back again."""

from collections.abc import Awaitable, Callable

import pytest

from bot.operations import jobs
from bot.operations.workflows import reconcile
from bot.store.projects import Repository
from tests.world import World

Act = Callable[[World], Awaitable[object]]

GONE_AND_BACK = {
    "deleted": (lambda world: world.github.uninstall(), lambda world: world.github.install("acme/site")),
    "suspended": (lambda world: world.github.suspend(), lambda world: world.github.unsuspend()),
    "repository taken out": (
        lambda world: world.github.remove_repository("acme/site"),
        lambda world: world.github.add_repository("acme/site"),
    ),
}


async def reached() -> bool:
    """Whether we believe to reach the repository."""
    return (await Repository.get()).installation_id is not None


@pytest.mark.parametrize(("leave", "come_back"), GONE_AND_BACK.values(), ids=GONE_AND_BACK)
async def test_what_is_gone_raises_the_alarm_and_is_back_when_it_is_back(
    world: World, leave: Act, come_back: Act
) -> None:
    await leave(world)
    await world.settle()
    assert not await reached()
    assert await world.alarms() == ["repository.unreachable"]
    answer = await world.cut("1.0-rc1")
    assert (answer.status, answer.error) == (404, "GitHub repository not found")
    await come_back(world)
    await world.settle()
    assert await reached()
    assert (await world.cut("1.0-rc1", build=True)).status == 201
    await world.settle()
    assert await world.status("1.0-rc1") == "building"


@pytest.mark.parametrize(("leave", "come_back"), GONE_AND_BACK.values(), ids=GONE_AND_BACK)
async def test_what_we_are_not_told_is_found_out(world: World, leave: Act, come_back: Act) -> None:
    world.github.faults.webhooks(drop=1.0)
    for act, expected in ((leave, False), (come_back, True)):
        await act(world)
        await reconcile.check_repositories(await world.context(), jobs.CheckRepositories())
        await world.settle()
        assert await reached() is expected
    assert await world.alarms() == ["repository.unreachable"]


async def test_a_deployment_that_waits_while_the_app_is_gone_ends_with_the_reason(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.github.uninstall()
    await world.settle()
    await world.deploy("1.0-rc1")
    await world.settle()
    (deployment,) = await world.deployments()
    assert deployment["status"] == "error"
    assert "not installed on acme/site: install it" in deployment["error_message"]


async def test_new_permissions_are_used_at_once(world: World) -> None:
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


async def test_an_installation_without_any_of_our_repositories_is_nothing_to_us(world: World) -> None:
    stranger = {"id": 4711, "repositories": [{"id": 99}]}
    for action in ("created", "suspend", "deleted"):
        body = {"action": action, "installation": stranger, "repositories": [{"id": 99}]}
        assert await world.github.send("installation", body) == 202
    await world.settle()
    assert await reached()
    assert await world.alarms() == []
