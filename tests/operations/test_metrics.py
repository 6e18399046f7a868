"""The metrics, as Prometheus scrapes them."""

import asyncio
from datetime import UTC, datetime, timedelta

from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from bot.store.runs import Run
from tests.world import PROJECT, World


async def scrape(world: World) -> dict[str, float]:
    """Every sample of /metrics, by name and labels."""
    async with world.session.get(f"{world.url}/metrics") as response:
        assert response.status == 200
        lines = [line for line in (await response.text()).splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_builds_and_deployments_are_counted_once_by_outcome(world: World) -> None:
    world.github.faults.webhooks(double=1.0)
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    await world.complete_deployment("1.2-rc1", conclusion="failure")
    await world.complete_deployment("1.2-rc1")
    samples = await scrape(world)
    assert samples['longshore_builds_total{outcome="ready"}'] == 1
    assert samples['longshore_deployments_total{outcome="failure"}'] == 1
    assert samples['longshore_deployments_total{outcome="success"}'] == 1


async def test_a_canceled_deployment_is_counted_once_whether_it_ends_at_once_or_on_github(world: World) -> None:
    await world.cut("1.2-rc1")
    world.github.faults.fail(path="*/git/refs", status=502)
    for number, ended in ((1, "at once"), (2, "on GitHub")):
        await world.deploy("1.2-rc1")
        if ended == "on GitHub":
            await world.settle(skip_delays=True)
        path = f"/api/releases/{PROJECT}/environments/staging/deployments/{number}/cancel"
        response = await world.ask("POST", path)
        assert response.json["status"] == ("canceled" if ended == "at once" else "canceling")
        await world.settle(skip_delays=True)
        assert (await scrape(world))['longshore_deployments_total{outcome="canceled"}'] == number


async def test_calls_jobs_and_deliveries_are_counted(world: World) -> None:
    world.github.faults.fail(path="*/compare/*", status=502)
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    samples = await scrape(world)
    assert samples['longshore_github_calls_total{method="GET",status="502"}'] == 1
    assert samples['longshore_jobs_total{kind="dispatch",outcome="ok"}'] == 1
    assert samples['longshore_job_seconds_count{kind="dispatch"}'] == 1
    assert samples['longshore_webhook_deliveries_total{event="workflow_run",outcome="202"}'] == 1
    assert 0 < samples['longshore_github_remaining_calls{resource="core"}'] < 5000


async def test_dead_letters_are_counted(world: World) -> None:
    world.expect_unfinished("webhook")
    assert await world.github.send("push", {}) == 202
    await world.settle()
    assert (await scrape(world))["longshore_dead_letters"] == 1


async def test_a_rerun_build_is_timed_from_its_rerun(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1, conclusion="failure")
    await world.settle()
    long_ago = datetime.now(UTC) - timedelta(days=2)
    await Run.all().update(created_at=long_ago)
    await Candidate.all().update(created_at=long_ago, updated_at=long_ago)
    await world.github.rerun(1)
    await world.github.start(1)
    await world.settle()
    await asyncio.sleep(1.0)  # less is taken for news of its end alone
    await world.github.finish(1)
    await world.settle()
    samples = await scrape(world)
    assert samples['longshore_build_duration_seconds_count{outcome="ready"}'] == 1
    assert 1 <= samples['longshore_build_duration_seconds_sum{outcome="ready"}'] < 60


async def test_a_build_is_timed_from_its_request(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await Run.all().update(created_at=datetime.now(UTC) - timedelta(minutes=10))
    await world.github.finish(run=1)
    await world.settle()
    samples = await scrape(world)
    assert 600 <= samples['longshore_build_duration_seconds_sum{outcome="ready"}'] < 660
    assert samples['longshore_build_duration_seconds_bucket{le="600.0",outcome="ready"}'] == 0
    assert samples['longshore_build_duration_seconds_bucket{le="900.0",outcome="ready"}'] == 1


async def test_a_reported_deployment_is_timed_from_its_first_report(world: World) -> None:
    await world.cut("1.2-rc1")
    await world.report("1.2-rc1", "in_progress")
    await Deployment.all().update(created_at=datetime.now(UTC) - timedelta(minutes=2))
    await world.report("1.2-rc1", "success")
    samples = await scrape(world)
    assert 120 <= samples['longshore_deployment_duration_seconds_sum{outcome="success"}'] < 180
