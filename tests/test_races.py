"""Concurrent operations that are made to meet at the worst moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import Random

import pytest

from bot.errors import Conflict
from bot.operations import cancellations, releases
from bot.store.database import fetch, transaction
from bot.store.projects import Project
from sandbox.use_cases import runs
from tests.conftest import connect, postgres
from tests.world import PROJECT, World


async def test_a_build_canceled_while_its_tag_is_created_is_never_dispatched(world: World) -> None:
    world.github.faults.slow(0.5, method="POST", path="*/git/refs", times=1)
    await world.cut("1.0-rc1", build=True)
    await asyncio.sleep(0.2)
    response = await world.ask("POST", f"/api/releases/{PROJECT}/releases/1.0-rc1/cancel")
    assert (response.status, response.json["status"]) == (202, "canceled")
    await world.settle()
    assert world.github.dispatches == []
    assert await world.status("1.0-rc1") == "canceled"


async def test_a_build_canceled_at_any_moment_leaves_no_run_active(world: World) -> None:
    random = Random(5)
    versions = [f"1.{number}-rc1" for number in range(40)]

    async def cut_and_cancel(version: str) -> None:
        await world.cut(version, build=True)
        await asyncio.sleep(random.uniform(0, 0.5))
        await cancel(world, version)

    await asyncio.gather(*map(cut_and_cancel, versions))
    await world.settle()
    assert {await world.status(version) for version in versions} == {"canceled"}
    assert [run.inputs for run in world.github.runs if run.conclusion != "cancelled"] == []


async def test_a_rollback_at_any_moment_leaves_no_other_run_active(world: World) -> None:
    random = Random(6)
    await world.cut("1.0-rc1")
    await world.cut("1.0-rc2")
    await world.complete_deployment("1.0-rc1")
    for _ in range(15):
        await world.deploy("1.0-rc2")
        await asyncio.sleep(random.uniform(0, 0.05))
        assert (await world.roll_back()).status == 201
        await world.settle(skip_delays=True)
        assert [status for _, status in await world.statuses()][:2] == ["pending", "canceled"]
        active = [run for run in world.github.runs if run.status != "completed"]
        assert [run.inputs["release_candidate_version"] for run in active] == ["1.0-rc1"]
        await world.github.finish(active[0])
        await world.settle()


async def test_a_second_run_known_from_a_late_response_is_canceled_with_an_alarm(world: World) -> None:
    github = world.github
    github.faults.slow(0.6, path="*/dispatches", times=1)
    await world.cut("1.0-rc1", build=True)
    while not (posted := await fetch("SELECT request_id FROM runs WHERE state = 'posted'")):
        await asyncio.sleep(0.01)
    manual_run = await runs.dispatch(
        github.state, github.repository(), "build.yml", "rc/1.0-rc1", {}, github.state.account("alice")
    )
    report = {"release_cut_id": posted[0]["request_id"], "workflow_run_id": manual_run.id}
    assert (await world.ask("POST", "/api/v1/sync-build-github-action", report)).status == 200
    await world.settle()
    assert await world.alarms() == ["run.stray"]
    assert [(run.id == manual_run.id, run.conclusion) for run in github.runs] == [(True, None), (False, "cancelled")]
    await github.finish(manual_run)
    await world.settle()
    assert await world.status("1.0-rc1") == "ready"


async def test_a_cancellation_during_the_dispatch_prevents_it_or_reaches_github(
    world: World,
) -> None:
    world.github.faults.slow(0.3, method="POST", path="*/git/refs", times=1)
    await world.cut("1.0-rc1", build=True)
    async with runs_locked(world):
        await asyncio.sleep(0.6)  # the dispatch now waits for the row
        cancellation = asyncio.create_task(cancel(world, "1.0-rc1"))
        await asyncio.sleep(0.2)
    await cancellation
    await world.settle()
    assert [run.conclusion for run in world.github.runs] in ([], ["cancelled"])
    assert await world.status("1.0-rc1") == "canceled"


async def cancel(world: World, version: str) -> None:
    response = await world.ask("POST", f"/api/releases/{PROJECT}/releases/{version}/cancel")
    assert response.status == 202, response.json


def runs_locked(world: World) -> AbstractAsyncContextManager[None]:
    """Lock the rows of all runs while the block runs; SQLite has one writer at a time anyway."""
    return meanwhile(world, "SELECT id FROM runs FOR UPDATE")


@asynccontextmanager
async def meanwhile(world: World, statement: str) -> AsyncIterator[None]:
    """Execute a statement in a transaction that lasts as long as the block; on PostgreSQL only."""
    if not postgres():
        yield
        return
    connection = await connect(world.service.database.url)
    try:
        async with connection.transaction():
            await connection.execute(statement)
            yield
    finally:
        await connection.close()


async def test_the_id_of_a_release_uses_the_permalink_that_its_project_has_at_its_creation(world: World) -> None:
    project = await Project.get(name=PROJECT)
    assert (await world.ask("PATCH", f"/api/projects/{PROJECT}", {"permalink": "shop"})).status == 200
    async with transaction():
        assert (await releases.get_or_create(await world.context(), project, "1.0")).release_id == "shop-1.0"


SITE = f"/api/projects/{PROJECT}"
FREEZES = [f"{SITE}/environments/staging/freezes", f"{SITE}/freezes", "/api/freezes"]


@pytest.mark.parametrize("path", FREEZES)
async def test_no_deployment_that_was_decided_before_a_freeze_begins_after_it(world: World, path: str) -> None:
    async with meanwhile(world, "SELECT id FROM environments WHERE name = 'staging' FOR UPDATE"):
        freezing = asyncio.create_task(world.ask("POST", path, {"reason": "moving"}))
        await asyncio.sleep(0.3)
        assert freezing.done() is not postgres()
    assert (await freezing).status == 201


async def test_no_deployment_that_was_decided_before_a_hold_begins_after_it(world: World) -> None:
    await world.cut("1.0-rc1")
    async with meanwhile(world, "SELECT id FROM candidates FOR UPDATE"):
        holding = asyncio.create_task(world.ask("POST", f"{SITE}/releases/1.0/hold", {"reason": "moving"}))
        await asyncio.sleep(0.3)
        assert holding.done() is not postgres()
    assert (await holding).status == 200


async def test_changes_and_freezes_of_one_environment_do_not_deadlock(world: World) -> None:
    staging = f"{SITE}/environments/staging"
    calls = [
        ("PATCH", staging, {"frozen": {"reason": "moving"}, "soak": None, "force": True}),
        ("PATCH", staging, {"wait_at_most": "2d"}),
        *(("POST", path, {"reason": "moving"}) for path in FREEZES),
    ]
    for _ in range(5):
        answers = await asyncio.gather(*(world.ask(*call) for call in calls * 6))
        assert {answer.status for answer in answers} == {200, 201}


async def test_a_deployment_that_ends_while_it_is_being_canceled_keeps_its_outcome(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.deploy("1.0-rc1")
    await world.settle()
    context = await world.context()
    async with meanwhile(world, "UPDATE deployments SET status = 'error', deploy_end_at = created_at"):
        canceling = asyncio.ensure_future(cancellations.cancel_on(context, PROJECT, "staging"))
        await asyncio.sleep(0.3)
    if postgres():
        with pytest.raises(Conflict, match="No deployment is under way"):
            await canceling
        assert await world.statuses() == [("1.0-rc1", "error")]
        await world.github.finish()
    await asyncio.wait([canceling])
    await world.settle()
