"""The metrics, as Prometheus scrapes them."""

from tests.world import World


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
