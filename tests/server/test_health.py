"""Liveness, readiness and metrics."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from bot.store.database import execute, fetch
from sandbox import GitHub
from server.app import SERVICE, create_app
from server.readiness import Readiness, Report
from server.readings import SharedReading
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


async def add_old_job() -> None:
    """Add a job that has been due for decades."""
    await execute(
        "INSERT INTO jobs (kind, keep, priority, payload, headers, state, attempts, run_at, created_at) "
        "VALUES ('reconcile', $1, 0, $2, '{}', 'queued', 0, 1, 1)",
        *(False, b"{}"),
    )


async def test_a_backlog_is_a_warning_of_a_service_that_stays_ready(idle: TestClient[Any, Any]) -> None:
    assert (await idle.get("/readyz")).status == 200
    await add_old_job()
    answer = await idle.get("/readyz")
    body = await answer.json()
    assert (answer.status, body["status"], body["problems"], set(body["warnings"])) == (200, "ok", {}, {"queue"})
    assert "longshore work" in body["warnings"]["queue"]
    scrape = await (await idle.get("/metrics")).text()
    assert 'longshore_queue_depth{kind="reconcile"} 1.0' in scrape
    assert 'longshore_warnings{subject="queue"} 1.0' in scrape and "longshore_ready 1.0" in scrape


async def test_a_worker_without_progress_is_a_warning_where_requests_are_served(idle: TestClient[Any, Any]) -> None:
    service = idle.app[SERVICE]
    service.worker.last_progress = time.monotonic() - 29
    assert await Readiness(service, works=True, serves=True).examine() == Report()
    service.worker.last_progress -= 2
    served = await Readiness(service, works=True, serves=True).examine()
    assert (served.problems, served.warnings) == ({}, {"worker": "no progress for 31 seconds"})
    assert await Readiness(service, works=False, serves=True).examine() == Report()


async def test_a_process_that_only_works_is_ready_unless_its_worker_makes_no_progress(
    idle: TestClient[Any, Any],
) -> None:
    service = idle.app[SERVICE]
    readiness = Readiness(service, works=True, serves=False)
    await add_old_job()
    service.worker.last_progress = time.monotonic()
    report = await readiness.examine()
    assert (report.problems, set(report.warnings)) == ({}, {"queue"})
    service.worker.last_progress -= 31
    assert (await readiness.examine()).problems == {"worker": "no progress for 31 seconds"}


async def test_a_queue_that_cannot_be_read_in_time_leaves_a_service_ready(idle: TestClient[Any, Any]) -> None:
    readiness = Readiness(idle.app[SERVICE], works=False, serves=True)
    slow = asyncio.get_running_loop().create_future()

    async def never() -> dict[str, str]:
        await slow
        return {}

    readiness._warnings = SharedReading(never)
    async with asyncio.timeout(5):
        assert await readiness.examine() == Report()
    slow.cancel()


async def test_a_service_without_a_worker_is_not_ready_while_the_database_takes_no_writes(
    idle: TestClient[Any, Any], database_url: str
) -> None:
    async def status() -> int:
        return (await idle.get("/readyz")).status

    async def is_ready() -> bool:
        return await status() == 200

    async def says_so() -> bool:
        """Sessions that end meanwhile are an outage of their own, for a moment."""
        answer = await idle.get("/readyz")
        said = (await answer.json())["problems"].get("database", "").lower()
        return answer.status == 503 and ("read-only" in said or "readonly" in said)

    assert await is_ready()
    async with read_only(database_url):
        await eventually(says_so)
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
    scrape = await answers["/metrics"].text()
    assert "longshore_ready 0.0" in scrape
    assert not re.search(r"^longshore_(queue_depth|queue_oldest_seconds|dead_letters)[{ ]", scrape, re.MULTILINE)

    async def is_ready() -> bool:
        return (await idle.get("/readyz")).status == 200

    await eventually(is_ready)


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
