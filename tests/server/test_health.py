"""Liveness, readiness and metrics."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from bot.store.database import execute, fetch
from sandbox import GitHub
from server.app import create_app
from tests.outages import eventually, read_only
from tests.world import World, settings_for


async def test_the_liveness_check_needs_no_credentials(world: World) -> None:
    answer = await world.ask("GET", "/healthz", token="")
    assert (answer.status, answer.json) == (200, {"status": "ok"})


async def test_a_healthy_service_is_ready(world: World) -> None:
    answer = await world.ask("GET", "/readyz", token="")
    assert (answer.status, answer.json) == (200, {"status": "ok", "problems": {}})


async def test_a_service_with_missing_migrations_is_not_ready(world: World) -> None:
    (row,) = await fetch("SELECT * FROM tortoise_migrations WHERE name LIKE '0001%'")
    await execute("DELETE FROM tortoise_migrations WHERE name = $1", row["name"])
    answer = await world.ask("GET", "/readyz")
    columns = ", ".join(row)
    marks = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await execute(f"INSERT INTO tortoise_migrations ({columns}) VALUES ({marks})", *row.values())
    assert answer.status == 503
    assert "longshore migrate" in answer.json["problems"]["migrations"]
    assert row["name"] in answer.json["problems"]["migrations"]
    assert (await world.ask("GET", "/readyz")).status == 200


@pytest.fixture
async def idle(source: Path, database_url: str, aiohttp_client: Any) -> AsyncIterator[TestClient[Any, Any]]:
    """A service that does not work on the queue."""
    github = await GitHub.create(source)
    app = create_app(settings_for(github, "http://127.0.0.1:9", database_url), worker=False, schedule=False)
    yield await aiohttp_client(app)
    await github.close()


async def test_a_service_is_not_ready_while_due_jobs_wait_too_long(idle: TestClient[Any, Any]) -> None:
    assert (await idle.get("/readyz")).status == 200
    await execute(
        "INSERT INTO jobs (kind, keep, priority, payload, headers, state, attempts, run_at, created_at) "
        "VALUES ('reconcile', $1, 0, $2, '{}', 'queued', 0, 1, 1)",
        *(False, b"{}"),
    )
    answer = await idle.get("/readyz")
    assert answer.status == 503
    assert "longshore work" in (await answer.json())["problems"]["worker"]
    assert 'longshore_queue_depth{kind="reconcile"} 1.0' in await (await idle.get("/metrics")).text()


async def test_a_service_without_a_worker_is_not_ready_while_the_database_takes_no_writes(
    idle: TestClient[Any, Any], database_url: str
) -> None:
    async def status() -> int:
        return (await idle.get("/readyz")).status

    async def is_ready() -> bool:
        return await status() == 200

    async def is_not_ready() -> bool:
        return await status() == 503

    assert await is_ready()
    async with read_only(database_url):
        await eventually(is_not_ready)
        said = (await (await idle.get("/readyz")).json())["problems"]["database"].lower()
        assert "read-only" in said or "readonly" in said
    await eventually(is_ready)
    assert await fetch("SELECT * FROM jobs") == []


async def test_however_often_readiness_is_asked_for_few_writes_are_tried(idle: TestClient[Any, Any]) -> None:
    for _ in range(100):
        assert (await idle.get("/readyz")).status == 200
    await execute(
        "INSERT INTO jobs (kind, keep, priority, payload, headers, state, attempts, run_at, created_at) "
        "VALUES ('reconcile', $1, 0, $2, '{}', 'done', 0, 1, 1)",
        *(False, b"{}"),
    )
    [row] = await fetch("SELECT id FROM jobs")
    assert row["id"] < 20, "an id was taken by each trial"


async def test_a_service_with_a_broken_database_is_alive_and_not_ready(idle: TestClient[Any, Any]) -> None:
    await execute("ALTER TABLE jobs RENAME TO mislaid")
    answers = {path: await idle.get(path) for path in ("/readyz", "/healthz", "/metrics")}
    await execute("ALTER TABLE mislaid RENAME TO jobs")
    statuses = {path: answer.status for path, answer in answers.items()}
    assert statuses == {"/readyz": 503, "/healthz": 200, "/metrics": 200}
    assert "jobs" in (await answers["/readyz"].json())["problems"]["database"]
    assert (await idle.get("/readyz")).status == 200


async def metric(world: World, line: str) -> float:
    """The value of one line of /metrics."""
    async with world.session.get(f"{world.url}/metrics") as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        lines = dict(row.rsplit(" ", 1) for row in (await response.text()).splitlines() if not row.startswith("#"))
    return float(lines.get(line, 0))


async def test_builds_deployments_jobs_deliveries_and_github_calls_are_counted(world: World) -> None:
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    await world.github.finish()
    await world.settle()
    await world.complete_deployment("1.0-rc1", conclusion="failure")
    assert await metric(world, 'longshore_builds_total{outcome="ready"}') == 1
    assert await metric(world, 'longshore_deployments_total{outcome="failure"}') == 1
    assert await metric(world, 'longshore_jobs_total{kind="dispatch",outcome="ok"}') == 2
    assert await metric(world, 'longshore_webhook_deliveries_total{event="workflow_run",outcome="202"}') >= 2
    assert await metric(world, 'longshore_github_calls_total{method="GET",status="200"}') >= 1
    assert await metric(world, 'longshore_github_remaining_calls{resource="core"}') > 0
    assert await metric(world, "longshore_dead_letters") == 0
