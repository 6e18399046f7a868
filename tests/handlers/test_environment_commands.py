"""Commands about environments and releases: freezes, locks, holds, bans, announcements, status and where."""

import pytest

from tests.handlers.prepared import PROJECTS, announced, has_notes, must
from tests.handlers.test_comments import reply_to
from tests.world import World


@pytest.fixture(autouse=True)
def admin(world: World) -> None:
    """Alice, who gives the commands, may give all of them."""
    world.github.person("alice", "admin")


async def deploys(world: World, environment: str = "staging") -> str:
    """What a dry run of a deployment says."""
    return await reply_to(world, f"/release deploy 1.4.0-rc1 to {environment} --dry-run")


# --- freezes and locks


async def test_freeze_and_unfreeze_an_environment(world: World) -> None:
    await world.cut("1.4.0-rc1")
    reply = await reply_to(world, "/release freeze staging for 2h because of the holidays")
    assert "Froze `staging` until 20" in reply and "UTC: `of the holidays`." in reply
    assert "Refuse to deploy" in await deploys(world) or "Wait for freeze" in await deploys(world)
    assert "Deploy 1.4.0-rc1 to production" in await deploys(world, "production")
    assert "Ended the freezes of `staging`." in await reply_to(world, "/release unfreeze staging")
    assert "Deploy 1.4.0-rc1 to staging" in await deploys(world)


async def test_freeze_all_stops_every_environment_and_unfreeze_tells_what_remains(world: World) -> None:
    await world.cut("1.4.0-rc1")
    await must(world, "POST", "/api/freezes", {"reason": "audit"})
    await reply_to(world, "/release freeze production because of a test")
    reply = await reply_to(world, "/release freeze all because of the holidays")
    assert "Froze all environments of the project: `of the holidays`." in reply
    ended = await reply_to(world, "/release unfreeze production")
    assert "The whole project is still frozen by `alice`: `of the holidays`." in ended
    assert "Every project is still frozen by `root`: `audit`." in ended
    await reply_to(world, "/release freeze production because of a test")
    ended = await reply_to(world, "/release unfreeze ALL")
    assert "`production` is still frozen by `alice`: `of a test`." in ended
    assert "The whole project" not in ended


async def test_a_lock_keeps_others_out_until_it_is_released(world: World) -> None:
    await world.cut("1.4.0-rc1")
    world.github.person("bob", "maintain")
    assert "Locked `staging` for `bob`" in await reply_to(
        world, "/release lock staging because of a migration", by="bob"
    )
    world.github.person("wim", "write")
    refused = await reply_to(world, "/release unlock staging", by="wim")
    assert "locked by `bob`" in refused or "locked by bob" in refused
    assert "lock" in await deploys(world)
    assert "Released the lock of `staging` that `bob` had." in await reply_to(
        world, "/release unlock staging", by="bob"
    )
    assert "is not locked" in await reply_to(world, "/release unlock staging", by="bob")


# --- holds and bans


async def test_hold_and_unhold_a_release(world: World) -> None:
    await world.cut("1.4.0-rc1")
    assert "Put `1.4.0` on hold: `the login fails`." in await reply_to(
        world, "/release hold 1.4.0 because the login fails"
    )
    world.github.person("mia", "maintain")
    again = await reply_to(world, "/release hold v1.4.0 because I say so", by="mia")
    assert "Kept `1.4.0` on hold. It was put on hold before, by `alice`: `the login fails`." in again
    assert "On hold: `1.4.0`." in await reply_to(world, "/release status")
    assert "Refuse to deploy" in await deploys(world)
    assert "Ended the hold of `1.4.0`." in await reply_to(world, "/release unhold 1.4.0")
    assert "Deploy 1.4.0-rc1 to staging" in await deploys(world)


async def test_a_hold_names_a_release_and_not_a_candidate(world: World) -> None:
    await world.cut("1.4.0-rc1")
    reply = await reply_to(world, "/release hold 1.4.0-rc1 because of a test")
    assert "Invalid release version." in reply and "expected: a release version, as in `1.4.0`" in reply


async def test_ban_and_unban_a_candidate(world: World) -> None:
    await world.cut("1.4.0-rc1")
    assert "Banned `1.4.0-rc1`: `it loses data`." in await reply_to(
        world, "/release ban 1.4.0-rc1 because it loses data"
    )
    assert await world.status("1.4.0-rc1") == "banned"
    assert "I would end the ban of `1.4.0-rc1`." in await reply_to(world, "/release unban 1.4.0-rc1 --dry-run")
    assert await world.status("1.4.0-rc1") == "banned"
    assert "Ended the ban of `1.4.0-rc1`." in await reply_to(world, "/release unban 1.4.0-rc1")
    assert await world.status("1.4.0-rc1") == "ready"


# --- announcements


async def test_a_releases_notes_are_announced_and_approved(world: World) -> None:
    await world.cut("1.4.0-rc1")
    assert "The release 1.4.0 has no notes" in await reply_to(world, "/release announce 1.4.0")
    await has_notes(world, "staging")
    assert "Submitted `1.4.0` as an announcement." in await reply_to(world, "/release announce 1.4.0")
    assert "Approved the announcement of `1.4.0`." in await reply_to(world, "/release announcement approve 1.4.0")
    (entry,) = await world.audit("announcement.approve")
    assert (entry.actor, entry.subject) == ("alice", "1.4.0")


async def test_an_announcement_is_rejected_with_a_reason(world: World) -> None:
    await announced(world, "staging")
    reply = await reply_to(world, "/release announcement reject 1.4.0 because of typos")
    assert "Rejected the announcement of `1.4.0`: `of typos`." in reply
    (entry,) = await world.audit("announcement.reject")
    assert entry.after["reason"] == "of typos"


# --- status and where


async def test_status_tells_what_waits_and_what_is_frozen_or_locked(world: World) -> None:
    await world.cut("1.4.0-rc1", build=True)
    for command in (
        "deploy 1.4.0-rc1 to staging",
        "freeze production because of the holidays",
        "lock production because of a migration",
    ):
        await reply_to(world, f"/release {command}")
    reply = await reply_to(world, "/release status")
    assert "| `staging` | – | – | – | `1.4.0-rc1 for candidate` |" in reply
    assert "| `production` (frozen: `of the holidays`) (locked: `alice: of a migration`) | – |" in reply
    await world.github.finish(run=1)
    await world.settle()
    await world.github.finish(run=2)
    await world.settle()


async def test_where_finds_a_commit_on_the_environments_that_have_it(world: World) -> None:
    old, new = world.github.resolve("main~1"), world.github.head()
    await world.cut("1.3.0-rc1", old)
    await world.cut("1.4.0-rc1", new)
    await world.report("1.3.0-rc1", "success", "production")
    await world.report("1.4.0-rc1", "success", "staging")
    reply = await reply_to(world, f"/release where {old}")
    assert f"Where `{old}` is live:\n- `staging`: yes (`1.4.0-rc1`)\n- `production`: yes (`1.3.0-rc1`)" in reply
    assert "Candidates at this commit: `1.3.0-rc1`." in reply
    reply = await reply_to(world, f"/release where {new[:10]}")
    assert "- `staging`: yes (`1.4.0-rc1`)\n- `production`: no (`1.3.0-rc1`)" in reply
    before = len(world.github.calls)
    await reply_to(world, f"/release where {old}")
    assert not [call for call in world.github.calls[before:] if "/compare/" in call.path]


async def test_where_finds_a_merged_pull_request_and_says_when_it_is_not_merged(world: World) -> None:
    number = await world.github.pull_request()
    reply = await reply_to(world, f"/release where #{number}")
    assert f"Where pull request {number} (not merged, its head is " in reply
    merged = await world.github.merge(number)
    await world.cut("1.4.0-rc1")
    await world.report("1.4.0-rc1", "success")
    reply = await reply_to(world, f"/release where #{number}")
    assert f"Where pull request {number} (merged as `{merged}`) is live:\n- `staging`: yes (`1.4.0-rc1`)" in reply
    assert "There is no pull request 999." in await reply_to(world, "/release where #999")


async def test_where_says_so_when_github_does_not_answer(world: World) -> None:
    await world.cut("1.4.0-rc1")
    await world.report("1.4.0-rc1", "success")
    world.github.faults.fail(path="*/compare/*", status=502, times=None)
    reply = await reply_to(world, f"/release where {world.github.resolve('main~1')}")
    assert "- `staging`: not known (`1.4.0-rc1`): " in reply


async def test_a_project_of_the_repository_is_named(world: World) -> None:
    await must(world, "POST", "/api/projects", {"name": "shop", "repo": "acme/site"})
    assert "several projects" in await reply_to(world, "/release freeze staging --dry-run because of a test")
    reply = await reply_to(world, "/release freeze staging in site --dry-run because of a test")
    assert "I would freeze `staging`: `of a test`." in reply
    assert (await world.ask("GET", f"{PROJECTS}/environments/staging/freezes")).json == []
