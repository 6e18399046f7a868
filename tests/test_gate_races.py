"""People who race each other for an environment: of two, one wins, and the other is told."""

import asyncio
from collections.abc import Awaitable
from random import Random
from typing import Any

import pytest

from bot.operations import gate_jobs, personal_tokens, waiting_deployments
from bot.operations.users import NewToken
from bot.store.audit import AuditEntry
from bot.store.deployments import Deployment
from bot.store.gates import EnvironmentLock
from bot.store.projects import Environment
from tests.world import PROJECT, Response, World

ENVIRONMENTS = f"/api/projects/{PROJECT}/environments"
ROUNDS = 6
ACTS = ("deployment.deploy", "environment.freeze")


@pytest.fixture
async def site(world: World) -> World:
    """A world with two candidates, of which the second has the newer commit."""
    await world.cut("1.0-rc1")
    await world.github.commit()
    await world.cut("1.0-rc2")
    return world


async def deploy(world: World, version: str, environment: str, *, wait: bool = False) -> Response:
    path = f"/api/releases/{PROJECT}/environments/{environment}/deployments"
    return await world.ask("POST", path, {"release_candidate_version": version, "wait": wait})


async def new_environment(world: World, number: int, **settings: Any) -> str:
    name = f"round-{number}"
    body = {"name": name, "tier": "staging", "workflow": "deploy.yml"}
    assert (await world.ask("POST", ENVIRONMENTS, body)).status == 201
    await Environment.filter(name=name).update(gate_settings=settings)
    return name


async def both(first: Awaitable[Any], second: Awaitable[Any], random: Random) -> tuple[Any, Any]:
    """Do two things at nearly the same time, in either order."""

    async def later(act: Awaitable[Any]) -> Any:
        await asyncio.sleep(random.uniform(0, 0.01))
        return await act

    return await asyncio.gather(later(first), later(second))


async def test_of_two_who_deploy_at_once_one_gets_the_slot(site: World) -> None:
    random = Random(1)
    for number in range(ROUNDS):
        environment = await new_environment(site, number)
        answers = await both(deploy(site, "1.0-rc1", environment), deploy(site, "1.0-rc2", environment), random)
        assert sorted(answer.status for answer in answers) == [201, 409]
    await site.settle()
    assert len(site.github.runs) == ROUNDS


async def test_of_two_who_deploy_and_wait_one_goes_and_the_other_waits_for_it(site: World) -> None:
    random = Random(2)
    for number in range(ROUNDS):
        environment = await new_environment(site, number)
        await both(
            deploy(site, "1.0-rc1", environment, wait=True), deploy(site, "1.0-rc2", environment, wait=True), random
        )
        rows = await Deployment.filter(environment__name=environment)
        assert sorted(row.waiting for row in rows) == [False, True]
        (waits,) = [row for row in rows if row.waiting]
        assert waits.waits_for == ["busy"]
    await site.settle()
    assert len(site.github.runs) == ROUNDS


async def test_of_two_who_lock_at_once_one_gets_the_lock(site: World) -> None:
    random = Random(3)
    tokens = [await site.create_token("deployment:start", user=name) for name in ("carol", "dave")]
    for number in range(ROUNDS):
        path = f"{ENVIRONMENTS}/{await new_environment(site, number)}/lock"
        first, second = [site.ask("POST", path, {"reason": "tests"}, token=token) for token in tokens]
        answers = await both(first, second, random)
        assert sorted(answer.status for answer in answers) == [201, 409]
    assert await EnvironmentLock.filter(released_at=None).count() == ROUNDS


async def test_the_last_two_approvals_at_once_dispatch_once(site: World) -> None:
    random, tokens = Random(4), []
    for login in ("ada", "ben"):
        site.github.person(login, "maintain")
        new = NewToken(f"{login}-laptop", ["project:read"])
        tokens.append((await personal_tokens.create_for(await site.context(), login, new))[1])
    for number in range(ROUNDS):
        environment = await new_environment(site, number, approvals={"count": 2})
        assert (await deploy(site, "1.0-rc2", environment, wait=True)).status == 201
        path = f"{ENVIRONMENTS}/{environment}/approvals"
        first, second = [site.ask("POST", path, {"candidate": "1.0-rc2"}, token=token) for token in tokens]
        answers = await both(first, second, random)
        assert [answer.status for answer in answers] == [201, 201]
        await site.settle()
        assert (await Deployment.get(environment__name=environment)).wait_outcome == "dispatched"
    assert len(site.github.runs) == ROUNDS


async def test_a_deployment_starts_before_the_freeze_or_not_at_all(site: World) -> None:
    random = Random(5)
    for number in range(ROUNDS):
        environment = await new_environment(site, number)
        before = max(await AuditEntry.all().values_list("id", flat=True))
        freeze = site.ask("POST", f"{ENVIRONMENTS}/{environment}/freezes", {"reason": "holidays"})
        deployed, frozen = await both(deploy(site, "1.0-rc2", environment), freeze, random)
        assert frozen.status == 201
        acts = [entry.act for entry in await AuditEntry.filter(id__gt=before, act__in=ACTS).order_by("id")]
        if deployed.status == 201:
            assert acts == ["deployment.deploy", "environment.freeze"]
        else:
            assert (deployed.status, deployed.error, acts) == (400, "Environment is frozen", ["environment.freeze"])
    await site.settle()


async def test_what_is_superseded_is_not_dispatched_and_what_is_dispatched_not_superseded(site: World) -> None:
    random, outcomes = Random(6), set[str | None]()
    for number in range(ROUNDS):
        environment = await new_environment(site, number, after=["production"])
        assert (await deploy(site, "1.0-rc1", environment, wait=True)).status == 201
        first = await Deployment.get(environment__name=environment)
        await Environment.filter(name=environment).update(gate_settings={})
        job = gate_jobs.EvaluateWaiting(first.id, first.environment_id)
        evaluation = waiting_deployments.evaluate(await site.context(), job)
        _, answer = await both(evaluation, deploy(site, "1.0-rc2", environment, wait=True), random)
        assert answer.status == 201
        await first.refresh_from_db()
        second = await Deployment.get(environment__name=environment, id=answer.json["id"])
        outcomes.add(first.wait_outcome)
        if first.wait_outcome == "dispatched":
            assert (second.waiting, second.waits_for) == (True, ["busy"])
        else:
            assert (first.wait_outcome, first.error_message) == ("superseded", "Superseded by 1.0-rc2.")
            assert not second.waiting
    await site.settle()
    assert len(site.github.runs) == ROUNDS
    assert outcomes <= {"dispatched", "superseded"}
