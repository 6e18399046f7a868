"""The App's installation: removed, suspended and restored."""

from collections.abc import Awaitable, Callable
from typing import Any

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


def payload(world: World, action: str, **more: Any) -> dict[str, Any]:
    """The payload of an event about the App's installation, whatever is true of it."""
    account = {"login": "acme", "id": 1, "type": "Organization"}
    return {"action": action, "installation": {"id": world.github.installation_id, "account": account}, **more}


def false_hints(world: World) -> list[tuple[str, dict[str, Any]]]:
    """Events that say that the App lost the repository, replayed or late: it has not."""
    repository = [{"id": world.github.repository().id, "full_name": "acme/site", "private": False}]
    return [
        ("installation", payload(world, "suspend", repositories=repository)),
        ("installation", payload(world, "deleted", repositories=repository)),
        ("installation", payload(world, "deleted")),
        (
            "installation_repositories",
            payload(world, "removed", repositories_added=[], repositories_removed=repository),
        ),
        ("repository", payload(world, "deleted", repository=repository[0])),
        ("repository", payload(world, "privatized", repository={**repository[0], "private": True})),
    ]


@pytest.mark.parametrize("number", range(6))
async def test_what_an_event_says_is_asked_of_github_before_it_is_believed(world: World, number: int) -> None:
    event, body = false_hints(world)[number]
    assert await world.github.send(event, body) == 202
    await world.settle()
    assert await is_reachable() and not (await Repository.get()).private
    assert await world.alarms() == []
    assert (await world.cut("1.0-rc1", build=True)).status == 201
    await world.settle()


@pytest.mark.parametrize(("lose", "restore"), LOSS_AND_RETURN.values(), ids=LOSS_AND_RETURN)
async def test_a_loss_told_after_the_return_stops_nothing(world: World, lose: Act, restore: Act) -> None:
    late = false_hints(world)
    for act in (lose, restore):
        await act(world)
        await world.settle()
    for event, body in [*late, *false_hints(world)]:
        await world.github.send(event, body)
    await world.settle()
    assert await is_reachable() and not (await Repository.get()).private
    assert await world.alarms() == ["repository.unreachable"]
    assert (await world.cut("1.0-rc1")).status == 201


@pytest.mark.parametrize("action", ["created", "unsuspend", "added"])
async def test_a_return_told_after_the_loss_restores_nothing(world: World, action: str) -> None:
    repository = [{"id": world.github.repository().id}]
    changes = {"repositories_added": repository, "repositories_removed": []} if action == "added" else {}
    body = payload(world, action, repositories=repository, **changes)
    await world.github.uninstall()
    await world.settle()
    assert await world.github.send("installation_repositories" if action == "added" else "installation", body) == 202
    await world.settle()
    assert not await is_reachable()


async def test_events_that_strangers_cause_cost_github_nothing(world: World) -> None:
    """Anybody may install the App on their own account, any number of times."""
    calls = len(world.github.calls)
    many = [{"id": 10_000 + number} for number in range(40_000)]
    for number in range(30):
        other = {"id": 50_000 + number, "account": {"login": f"stranger{number}"}}
        for action in ("created", "suspend", "unsuspend", "deleted", "new_permissions_accepted"):
            body = {"action": action, "installation": other, "repositories": many if number == 0 else many[:1]}
            assert await world.github.send("installation", body) == 202
    await world.settle()
    assert len(world.github.calls) == calls
    assert await world.jobs("check_installation") == await world.jobs("check_repository") == []


async def test_events_in_large_numbers_lead_to_few_checks_and_the_last_one_counts(world: World) -> None:
    world.github.faults.slow(0.5, path="/app/installations/*", times=1)
    await world.github.suspend()
    for _ in range(20):
        assert await world.github.send("installation", payload(world, "suspend")) == 202
    await world.github.unsuspend()
    for _ in range(20):
        assert await world.github.send("installation", payload(world, "unsuspend")) == 202
    await world.settle()
    assert await is_reachable()
    asked = [
        call for call in world.github.calls if call.path.startswith("/app/installations/") and call.method == "GET"
    ]
    assert 1 <= len(asked) <= 10
    assert len(await world.jobs("check_installation")) <= 10


async def test_an_installation_is_asked_about_again_when_github_was_down(world: World) -> None:
    await world.github.suspend()
    world.github.faults.down()
    await world.settle()
    assert await is_reachable()
    world.github.faults.up()
    await world.settle(skip_delays=True)
    assert not await is_reachable()


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
