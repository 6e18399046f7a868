"""Checks and commit statuses of others: what waits for them goes on as soon as GitHub reports them."""

import pytest

from bot.operations.check_reports import WAITING
from bot.store.database import fetch, transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment
from tests.conftest import postgres
from tests.world import PROJECT, World


@pytest.fixture
async def waiting(world: World) -> World:
    """A world in which a deployment waits for the check `test`."""
    await world.cut("1.0-rc1")
    await Environment.filter(name="staging").update(gate_settings={"checks": ["te*"]})
    path = f"/api/releases/{PROJECT}/environments/staging/deployments"
    assert (await world.ask("POST", path, {"release_candidate_version": "1.0-rc1", "wait": True})).status == 201
    await world.settle()
    world.github.forget_calls()
    return world


async def evaluations(world: World) -> int:
    return len(await world.jobs("evaluate_waiting"))


async def outcome() -> tuple[str, str | None]:
    row = await Deployment.get()
    return row.status, row.wait_outcome


async def test_a_completed_check_dispatches_what_waits_for_it(waiting: World) -> None:
    await waiting.github.report_check("test", conclusion=None)
    await waiting.settle()
    assert await evaluations(waiting) == 0
    await waiting.github.report_check("test")
    await waiting.settle()
    assert await outcome() == ("pending", "dispatched")
    assert len(waiting.github.dispatches) == 1


async def test_a_check_that_is_created_as_completed_dispatches_what_waits_for_it(waiting: World) -> None:
    await waiting.github.report_check("test")
    waiting.github.faults.webhooks(drop=1.0)
    await waiting.settle()
    (sent,) = [each for each in waiting.github.deliveries if each.event == "check_run"]
    await waiting.github.send("check_run", {**sent.payload, "action": "created"})
    await waiting.settle()
    assert await outcome() == ("pending", "dispatched")


async def test_a_commit_status_dispatches_what_waits_for_it(waiting: World) -> None:
    await waiting.github.report_status("test", state="pending")
    await waiting.settle()
    assert await evaluations(waiting) == 0
    await waiting.github.report_status("test")
    await waiting.settle()
    assert await outcome() == ("pending", "dispatched")


@pytest.mark.parametrize("failed", ["failure", "error"])
async def test_a_status_that_fails_ends_the_wait_and_says_so(waiting: World, failed: str) -> None:
    await waiting.github.report_status("test", state=failed)
    await waiting.settle()
    assert await outcome() == ("error", "refused")
    assert (await Deployment.get()).error_message == "`test` failed"
    assert not waiting.github.dispatches


async def test_reports_that_nothing_waits_for_cost_no_request_and_no_job(waiting: World) -> None:
    before = await waiting.jobs("evaluate_waiting")
    other = await waiting.github.commit()
    await waiting.settle()
    waiting.github.forget_calls()
    await waiting.github.report_check("lint", sha=(await waiting.candidate("1.0-rc1"))["commit"])
    await waiting.github.report_check("test", sha=other)
    await waiting.github.report_status("test", sha=other)
    await waiting.settle()
    assert await waiting.jobs("evaluate_waiting") == before
    assert waiting.github.calls == []


async def test_our_own_check_runs_evaluate_nothing(shown: World) -> None:
    await shown.cut("1.0-rc1")
    await Environment.filter(name="staging").update(gate_settings={"checks": ["all"]})
    path = f"/api/releases/{PROJECT}/environments/staging/deployments"
    assert (await shown.ask("POST", path, {"release_candidate_version": "1.0-rc1", "wait": True})).status == 201
    await shown.show_all()
    before = await shown.jobs("evaluate_waiting")
    await shown.github.report_check("test", conclusion=None)
    await shown.show_all()
    (own,) = [check for check in shown.github.check_runs() if check.app is None]
    (report,) = [
        sent
        for sent in shown.github.deliveries
        if sent.event == "check_run" and sent.payload["check_run"]["name"] == "test"
    ]
    check_run = {
        **report.payload["check_run"],
        "status": "completed",
        "app": {"id": shown.github.app_id},
        "name": own.name,
    }
    await shown.github.send("check_run", {**report.payload, "action": "completed", "check_run": check_run})
    await shown.show_all()
    assert await shown.jobs("evaluate_waiting") == before


async def test_a_report_is_looked_up_by_indexes(waiting: World) -> None:
    repository = waiting.github.repository().id
    if postgres():
        async with transaction():
            await fetch("SET LOCAL enable_seqscan = off")
            plan = await fetch(f"EXPLAIN {WAITING}", repository, "a" * 40)
        lines = [row["QUERY PLAN"] for row in plan]
        assert not [line for line in lines if "Seq Scan" in line], lines
        return
    lines = [row["detail"] for row in await fetch(f"EXPLAIN QUERY PLAN {WAITING}", repository, "a" * 40)]
    assert not [line for line in lines if line.startswith("SCAN")], lines
