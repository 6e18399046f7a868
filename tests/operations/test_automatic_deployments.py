"""Environments that take every candidate (`auto`)."""

from bot.store.database import execute
from bot.store.projects import Environment
from tests.world import World

DEPLOYMENTS = "/api/releases/site/environments/staging/deployments"


async def set_gates(environment: str, settings: str) -> None:
    await execute("UPDATE environments SET gate_settings = $1 WHERE name = $2", settings, environment)


async def test_a_candidate_is_deployed_once_it_is_ready(world: World) -> None:
    await set_gates("staging", '{"auto": true}')
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    assert await world.statuses() == []
    await world.github.finish(run=1, conclusion="success")
    await world.settle()
    assert await world.statuses() == [("1.0-rc1", "pending")]
    assert (await world.deployments())[0]["actor"] == "longshore"


async def test_a_candidate_whose_build_failed_is_not_deployed(world: World) -> None:
    await set_gates("staging", '{"auto": true}')
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1, conclusion="failure")
    await world.settle()
    assert await world.statuses() == []


async def test_the_next_candidate_waits_for_the_one_under_way_and_follows_it(world: World) -> None:
    await set_gates("staging", '{"auto": true}')
    await world.cut("1.0-rc1")
    await world.settle()
    await world.github.commit("b.txt")
    await world.cut("1.0-rc2")
    await world.settle()
    assert [row["waits_for"] for row in await world.deployments()] == [["busy"], None]
    await world.github.finish(run=1, conclusion="success")
    await world.settle()
    assert await world.statuses() == [("1.0-rc2", "pending"), ("1.0-rc1", "success")]
    assert len(world.github.runs) == 2


async def test_a_candidate_ahead_of_an_automatic_one_that_waits_supersedes_it(world: World) -> None:
    await set_gates("production", '{"auto": true, "approvals": {"count": 1}}')
    await world.cut("1.0-rc1")
    await world.settle()
    await world.github.commit("b.txt")
    await world.cut("1.0-rc2")
    await world.settle()
    assert await world.statuses("production") == [("1.0-rc2", "pending"), ("1.0-rc1", "canceled")]
    assert (await world.deployments("production"))[1]["error_message"] == "Superseded by 1.0-rc2."


async def test_a_candidate_behind_an_automatic_one_that_waits_does_not_supersede_it(world: World) -> None:
    await set_gates("production", '{"auto": true, "approvals": {"count": 1}}')
    older = world.github.head()
    await world.github.commit("b.txt")
    await world.cut("1.0-rc1")
    await world.settle()
    await world.cut("1.0-rc2", older)
    await world.settle()
    assert await world.statuses("production") == [("1.0-rc1", "pending")]


async def test_a_soak_is_not_begun_anew_by_every_candidate(world: World) -> None:
    await set_gates("production", '{"auto": true, "after": ["staging"], "soak": "1h"}')
    await world.cut("1.0-rc1")
    await world.settle()
    await world.complete_deployment("1.0-rc1")
    await world.github.commit("b.txt")
    await world.cut("1.0-rc2")
    await world.settle()
    assert await world.statuses("production") == [("1.0-rc1", "pending")]


async def test_what_a_person_asked_for_is_not_superseded(world: World) -> None:
    await set_gates("production", '{"approvals": {"count": 1}}')
    await world.cut("1.0-rc1")
    body = {"release_candidate_version": "1.0-rc1", "wait": True}
    assert (await world.ask("POST", "/api/releases/site/environments/production/deployments", body)).status == 201
    await set_gates("production", '{"auto": true, "approvals": {"count": 1}}')
    await world.github.commit("b.txt")
    await world.cut("1.0-rc2")
    await world.settle()
    assert await world.statuses("production") == [("1.0-rc1", "pending")]


async def test_after_a_rollback_nothing_is_deployed_until_somebody_deploys_by_hand(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")
    await world.github.commit("b.txt")
    await world.cut("1.0-rc2")
    await world.complete_deployment("1.0-rc2")
    await set_gates("staging", '{"auto": true}')
    assert (await world.roll_back()).status == 201
    await world.settle()
    await world.github.finish(run=3, conclusion="success")
    await world.settle()
    await world.github.commit("c.txt")
    await world.cut("1.0-rc3")
    await world.settle()
    assert len(await world.deployments()) == 3
    await world.complete_deployment("1.0-rc3")
    await world.github.commit("d.txt")
    await world.cut("1.0-rc4")
    await world.settle()
    assert (await world.statuses())[0] == ("1.0-rc4", "pending")


async def test_after_a_rollback_a_request_that_only_waits_is_no_deployment_by_hand(world: World) -> None:
    for version in ("1.0-rc1", "1.0-rc2"):
        await world.cut(version)
        await world.complete_deployment(version)
        await world.github.commit(f"{version}.txt")
    assert (await world.roll_back()).status == 201
    await world.settle()
    body = {"release_candidate_version": "1.0-rc2", "wait": True}
    waiting = (await world.ask("POST", DEPLOYMENTS, body)).json
    assert waiting["waits_for"] == ["busy"]
    assert (await Environment.get(name="staging")).promotion_held
    await world.github.finish(run=3)
    await world.settle()
    assert (await world.statuses())[0] == ("1.0-rc2", "pending")
    assert not (await Environment.get(name="staging")).promotion_held


async def test_a_refused_candidate_is_audited_and_leaves_nothing_behind(world: World) -> None:
    older = world.github.head()
    await world.github.commit("b.txt")
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1", "production")
    await set_gates("production", '{"auto": true}')
    await world.cut("1.0-rc2", older)
    await world.settle()
    assert len(await world.deployments("production")) == 1
    [entry] = await world.audit("deployment.automatic_refused")
    assert entry.after == {"refusal": "Deployment is gated", "gates": ["downgrade"]}


async def test_a_deployment_by_hand_of_an_older_candidate_brings_no_newer_one_along(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.github.commit("b.txt")
    await world.cut("1.0-rc2")
    await set_gates("staging", '{"auto": true}')
    await world.complete_deployment("1.0-rc1")
    assert await world.statuses() == [("1.0-rc1", "success")]


async def test_a_candidate_that_was_cut_while_somebody_deployed_follows(world: World) -> None:
    await world.cut("1.0-rc1")
    await set_gates("staging", '{"auto": true, "approvals": {"count": 0}}')
    assert (await world.deploy("1.0-rc1")).status == 201
    await world.settle()
    await world.github.commit("b.txt")
    await world.cut("1.0-rc2")
    await world.settle()
    await world.github.finish(run=1, conclusion="success")
    await world.settle()
    assert await world.statuses() == [("1.0-rc2", "pending"), ("1.0-rc1", "success")]
