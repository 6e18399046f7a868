"""Locks of environments over REST, and who may release them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.operations import locks
from bot.store.gates import EnvironmentLock
from tests.world import Response, World

LOCK = "/api/projects/site/environments/staging/lock"
DEPLOYER = ("deployment:start", "project:read")


async def take(world: World, token: str | None = None, reason: str = "investigating a leak", **body: Any) -> Response:
    """Lock the environment `staging`."""
    return await world.ask("POST", LOCK, {"reason": reason, **body}, token=token)


async def deploy(world: World, token: str) -> Response:
    """Deploy to `staging`."""
    return await world.deploy("1.0-rc1", token=token)


async def test_a_locked_environment_is_for_its_owner_only(world: World) -> None:
    await world.cut("1.0-rc1")
    ada = await world.create_token(*DEPLOYER, user="ada")
    bob = await world.create_token(*DEPLOYER, user="bob")
    taken = await take(world, ada)
    assert (taken.status, taken.json["owner"], taken.json["reason"]) == (201, "ada", "investigating a leak")
    assert taken.json["until"] is None
    assert (await world.ask("GET", LOCK)).json == taken.json
    assert (await world.ask("GET", LOCK.removesuffix("/lock"))).json["lock"] == taken.json
    refused = await deploy(world, bob)
    assert (refused.status, refused.error) == (403, "Deployment is gated")
    assert (await deploy(world, ada)).status == 201


async def test_a_lock_of_somebody_else_is_refused_saying_whose_since_when_and_why(world: World) -> None:
    ada = await world.create_token(*DEPLOYER, user="ada")
    since = datetime.fromisoformat((await take(world, ada)).json["since"])
    bob = await world.create_token(*DEPLOYER, user="bob")
    refused = await take(world, bob, "mine")
    assert refused.status == 409
    assert refused.json["detail"] == (
        f"The environment is locked by ada since {since:%H:%M} UTC: investigating a leak."
    )
    assert (refused.json["owner"], refused.json["reason"]) == ("ada", "investigating a leak")
    assert (await world.ask("GET", LOCK)).json["owner"] == "ada"


async def test_the_owner_who_asks_again_changes_the_reason_and_the_end(world: World) -> None:
    first = await take(world)
    again = await take(world, reason="still at it", **{"for": "2h"})
    assert (first.status, again.status) == (201, 200)
    assert (again.json["reason"], again.json["since"]) == ("still at it", first.json["since"])
    assert again.json["until"] is not None
    assert (await take(world)).json["until"] is None
    assert await EnvironmentLock.all().count() == 1
    assert [entry.before is None for entry in await world.audit("environment.lock")] == [True, False, False]


async def test_an_expired_lock_is_released_and_replaced(world: World) -> None:
    ada = await world.create_token(*DEPLOYER, user="ada")
    await take(world, ada, until=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    past = datetime.now(UTC) - timedelta(seconds=1)
    await EnvironmentLock.all().update(until=past)
    assert (await world.ask("GET", LOCK)).status == 404
    assert (await world.ask("DELETE", LOCK)).status == 404
    assert (await take(world)).status == 201
    expired, own = await EnvironmentLock.all().order_by("id")
    assert (expired.released_at, expired.released_by_id, own.released_at) == (past, None, None)


async def test_a_lock_is_released_by_its_owner_or_by_somebody_who_may_override(world: World) -> None:
    ada = await world.create_token(*DEPLOYER, user="ada")
    bob = await world.create_token(*DEPLOYER, user="bob")
    boss = await world.create_token(*DEPLOYER, "deployment:force", user="boss")
    await take(world, ada)
    refused = await world.ask("DELETE", LOCK, token=bob)
    assert (refused.status, refused.json["grant"]) == (403, "deployment:force")
    assert "locked by ada since" in refused.json["detail"]
    rest = "Only ada, or somebody with the role admin (`deployment:force`), can release the lock."
    assert refused.json["detail"].endswith(f": investigating a leak. {rest}")
    assert (await world.ask("DELETE", LOCK, token=ada)).status == 204
    await take(world, ada)
    assert (await world.ask("DELETE", LOCK, token=boss)).status == 204
    assert [entry.actor for entry in await world.audit("environment.unlock")] == ["ada", "boss"]


async def test_an_environment_that_is_not_locked_says_so(world: World) -> None:
    for method in ("GET", "DELETE"):
        answer = await world.ask(method, LOCK)
        assert (answer.status, answer.json["detail"]) == (404, "The environment is not locked.")
    unknown = await world.ask("POST", LOCK.replace("staging", "stagign"), {"reason": "x"})
    assert (unknown.status, unknown.json["did_you_mean"]) == (404, "staging")


async def test_locking_production_needs_the_grant_to_deploy_there(world: World) -> None:
    deployer = await world.create_token(*DEPLOYER)
    production = LOCK.replace("staging", "production")
    assert (await world.ask("POST", production, {"reason": "x"}, token=deployer)).status == 403
    releaser = await world.create_token("deployment:production")
    assert (await world.ask("POST", production, {"reason": "x"}, token=releaser)).status == 201


async def test_of_many_who_lock_at_once_one_does(world: World) -> None:
    tokens = [await world.create_token(*DEPLOYER, user=f"user-{number}") for number in range(6)]
    for _ in range(3):
        answers = await asyncio.gather(*(take(world, token) for token in tokens))
        statuses = sorted(answer.status for answer in answers)
        assert statuses == [201, 409, 409, 409, 409, 409]
        owners = {answer.json["owner"] for answer in answers}
        assert len(owners) == 1, "the others are told who was first"
        assert (await world.ask("DELETE", LOCK)).status == 204


async def test_of_a_lock_and_a_deployment_that_meet_one_comes_first(world: World) -> None:
    await world.cut("1.0-rc1")
    bob = await world.create_token(*DEPLOYER, user="bob")
    locked, deployed = await asyncio.gather(take(world), deploy(world, bob))
    assert locked.status == 201
    assert deployed.status in (201, 403)
    assert (await deploy(world, bob)).status in (403, 409)


async def test_a_released_lock_is_told_to_waiting_deployments(world: World) -> None:
    await world.cut("1.0-rc1")
    await take(world, **{"for": "2h"})
    bob = await world.create_token(*DEPLOYER, user="bob")
    body = {"release_candidate_version": "1.0-rc1", "wait": True}
    path = "/api/releases/site/environments/staging/deployments"
    waiting = await world.ask("POST", path, body, token=bob)
    assert (waiting.json["status"], waiting.json["waits_for"]) == ("pending", ["lock"])
    assert (await world.ask("DELETE", LOCK)).status == 204
    await world.settle()
    assert len(world.github.dispatches) == 1


async def test_a_lock_that_one_message_asks_for_twice_is_taken_once(world: World) -> None:
    context = (await world.context()).with_origin("pull-comment:1:0")
    first, is_new = await locks.lock(context, "site", "staging", "a leak")
    await locks.unlock(await world.context(), "site", "staging")
    again, is_new_again = await locks.lock(context, "site", "staging", "a leak")
    assert (first.id, is_new, is_new_again) == (again.id, True, False)
    assert (await world.ask("GET", LOCK)).status == 404, "it was released meanwhile"
