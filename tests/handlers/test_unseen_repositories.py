"""A repository that the App can no longer see counts as private: whether it still is public, nobody can say."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.context import utc_now
from bot.operations import jobs
from bot.operations.workflows import reconcile
from bot.store.projects import Repository
from sandbox.use_cases import installations
from tests.world import Serve, World, running_world

Act = Callable[[World], Awaitable[object]]
QUERY = """{ project(name: "site") { name } projects { totalCount } releases { totalCount }
  announcements(permalink: "site") { totalCount } schedules { totalCount } }"""
LISTS = ("/api/releases/", "/rest_api/v1/releases/", "/rest_api/v1/release-schedules/")
ITEMS = (
    *("/projects/site.json", "/projects/site/releases.json", "/projects/site/urls.xml", "/api/releases/1/"),
    *("/api/releases/site/releases/1.0-rc1", "/rest_api/v1/releases/site-1.0/", "/rest_api/v1/release-schedules/1/"),
)


async def transfer_away(world: World) -> None:
    """Transfer the repository to an account that has not installed the App."""
    await world.github.transfer("umbrella")
    state = world.github.state
    new_owner = state.account("umbrella")
    installation = installations.find(state, new_owner)
    assert installation is not None
    installations.uninstall(state, installation, new_owner)


async def block(world: World) -> None:
    """Block the repository, as after a takedown notice, which the next check finds."""
    world.github.block()
    await check(world)


async def check(world: World) -> None:
    """Run the check of all repositories, as at every start and every hour."""
    await reconcile.check_repositories(await world.context(), jobs.CheckRepositories())
    await world.settle(skip_delays=True)  # a token that GitHub has just revoked is tried again first


async def nothing(world: World) -> None:
    """Leave everything as it is."""


LOSSES: dict[str, tuple[Act, Act]] = {
    "uninstalled": (lambda world: world.github.uninstall(), lambda world: world.github.install("acme/site")),
    "suspended": (lambda world: world.github.suspend(), lambda world: world.github.unsuspend()),
    "removed": (
        lambda world: world.github.remove_repository("acme/site"),
        lambda world: world.github.add_repository("acme/site"),
    ),
    "made private": (lambda world: world.github.set_private(True), lambda world: world.github.set_private(False)),
    "deleted": (lambda world: world.github.delete_repository(), nothing),
    "transferred away": (transfer_away, nothing),
    "blocked": (block, nothing),
}


async def read(world: World) -> dict[str, Any]:
    """What an anonymous caller reads: the status of each item, and the count of each list."""
    statuses = {path: (await world.ask("GET", path, token="")).status for path in ITEMS}
    counts = {path: (await world.ask("GET", path, token="")).json["count"] for path in LISTS}
    answer = (await world.ask("POST", "/graphql", {"query": QUERY}, token="")).json["data"]
    graph = {name: value and value.get("totalCount", 1) for name, value in answer.items()}
    return {**statuses, **counts, **graph}


async def fill(world: World) -> None:
    """Give the project a row of each kind that anonymous callers read."""
    await world.cut("1.0-rc1")
    await world.ask("POST", "/rest_api/v1/component-sla-types/", {"name": "gold"})
    schedule = {"release": "site-1.0", "sla": "gold", "date": "2099-01-01"}
    assert (await world.ask("POST", "/rest_api/v1/release-schedules/", schedule)).status == 201
    body = {"release": {"version": "1.0", "changelog": "x"}}
    assert (await world.ask("POST", "/projects/site/releases.json", body)).status == 201
    assert (await world.ask("POST", "/api/projects/site/releases/1.0/announcement/approve", {})).status == 200


@pytest.mark.parametrize("webhooks", [True, False], ids=["with webhooks", "without webhooks"])
@pytest.mark.parametrize("loss", LOSSES)
async def test_anonymous_reading_ends_with_the_sight_of_a_repository_and_comes_back_with_it(
    source: Path, database_url: str, aiohttp_server: Serve, loss: str, webhooks: bool
) -> None:
    async with running_world(source, database_url, aiohttp_server, anonymous_read="all") as world:
        await fill(world)
        seen = await read(world)
        assert set(seen.values()) == {200, 1}, seen
        world.github.faults.webhooks(drop=0.0 if webhooks else 1.0)
        lose, restore = LOSSES[loss]
        for act, expected in ((lose, None), (restore, seen)):
            await act(world)
            await world.settle()
            if not webhooks:
                await check(world)
            if act is not nothing:
                found = await read(world)
                assert found == expected or (expected is None and set(found.values()) == {404, 0, None}), found
        scoped = await world.create_token("admin", project="site")
        for token in (world.token, scoped):
            assert (await world.ask("GET", "/projects/site.json", token=token)).status == 200


async def test_what_became_private_unseen_stays_so_when_it_is_seen_again(world: World) -> None:
    await world.github.uninstall()
    await world.github.set_private(True)
    await world.settle()
    await world.github.install("acme/site")
    await world.settle()
    row = await Repository.get()
    assert (row.private, row.installation_id is None) == (True, False)
    assert (await world.ask("GET", "/projects/site.json", token="")).status == 404
    entries = await world.audit("repository.change")
    assert (entries[0].after or {}) == {"installation_id": None, "private": True}


async def test_what_was_public_is_again_once_a_request_finds_it(world: World) -> None:
    world.github.faults.webhooks(drop=1.0)
    await world.github.uninstall()
    await check(world)
    assert (await world.ask("GET", "/projects/site.json", token="")).status == 404
    await world.github.install("acme/site")
    assert (await world.cut("1.0-rc1")).status == 201
    assert (await world.ask("GET", "/projects/site.json", token="")).status == 200


async def test_an_outage_of_github_hides_nothing_for_a_day(world: World) -> None:
    """As when GitHub refuses our key, or when we were away: what we saw last may be out of date."""
    world.github.faults.down()
    for age, status in ((0, 200), (23, 200), (25, 404)):
        await Repository.all().update(checked_at=utc_now() - timedelta(hours=age))
        await reconcile.check_repositories(await world.context(), jobs.CheckRepositories())
        await world.settle()
        assert (await world.ask("GET", "/projects/site.json", token="")).status == status, age
    assert await world.alarms() == []
    world.github.faults.up()
    await world.settle(skip_delays=True)
    assert (await world.ask("GET", "/projects/site.json", token="")).status == 200
