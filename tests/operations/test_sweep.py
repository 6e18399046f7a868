"""The sweep: deliveries that did not arrive are fetched from GitHub and processed once."""

from bot.rules.ids import InstallationId
from bot.store.candidates import Candidate
from bot.store.database import execute
from sandbox.deliveries import Attempt
from tests.world import World


async def miss_command(world: World) -> tuple[int, Attempt]:
    """Lose the delivery of a command; returns the pull request's number and the attempt."""
    number = await world.github.pull_request()
    await world.settle()
    world.github.faults.webhooks(drop=1.0)
    await world.github.comment(number, f"/release cut 1.2 at {world.github.head()}")
    await world.settle()
    world.github.faults.clear()
    attempt = world.github.deliveries[-1]
    assert (attempt.event, attempt.status) == ("issue_comment", "timed out")
    return number, attempt


async def test_a_missed_delivery_is_processed_once(world: World) -> None:
    number, _ = await miss_command(world)
    for _ in range(2):
        await world.sweep()
    assert [candidate.version for candidate in await Candidate.all()] == ["1.2-rc1"]
    assert len(world.replies(number)) == 1


async def test_a_delivery_redelivered_after_the_sweep_is_processed_once(world: World) -> None:
    number, attempt = await miss_command(world)
    await world.sweep()
    await world.github.redeliver(attempt.guid)
    await world.settle()
    assert world.github.deliveries[-1].response == '{"delivery": "known already"}'
    assert await Candidate.all().count() == 1
    assert len(world.replies(number)) == 1


async def test_a_delivery_redelivered_before_the_sweep_is_processed_once(world: World) -> None:
    number, attempt = await miss_command(world)
    await world.github.redeliver(attempt.guid)
    await world.settle()
    await world.sweep()
    assert await world.jobs("fetch_delivery") == []
    assert len(world.replies(number)) == 1


async def test_deliveries_that_arrived_are_not_fetched(world: World) -> None:
    await world.github.ping()
    await world.settle()
    await world.sweep()
    assert await world.jobs("fetch_delivery") == []


async def test_a_delivery_while_the_service_was_unreachable_is_processed(world: World) -> None:
    number = await world.github.pull_request()
    await world.settle()
    url, world.github.webhook_url = world.github.webhook_url, "http://127.0.0.1:9/webhooks/github"
    await world.github.comment(number, "/release help")
    await world.settle()
    world.github.webhook_url = url
    await world.sweep()
    assert len(world.replies(number)) == 1


async def test_the_sweep_alone_recovers_the_missed_end_of_a_build(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    world.github.faults.webhooks(drop=1.0)
    await world.github.finish(run=1)
    await world.settle()
    world.github.faults.clear()
    await world.sweep()
    assert await world.status("1.2-rc1") == "ready"


async def test_a_delivery_missed_before_the_last_hundred_is_found(world: World) -> None:
    number, _ = await miss_command(world)
    for _ in range(100):
        await world.github.ping()
    await world.settle()
    await world.sweep()
    assert len(world.replies(number)) == 1
    assert len(await world.jobs("fetch_delivery")) == 1


async def test_a_failed_sweep_is_retried_from_where_the_last_one_ended(world: World) -> None:
    number, _ = await miss_command(world)
    world.github.faults.limit("secondary", path="/app/hook/deliveries", retry_after=30)
    await world.sweep()
    assert world.replies(number) == []
    await world.settle(skip_delays=True)
    assert len(world.replies(number)) == 1


async def test_a_sweep_after_our_clock_was_set_back_looks_at_everything(world: World) -> None:
    await world.sweep()
    await execute("UPDATE jobs SET created_at = created_at + 3600000 WHERE kind = 'sweep_deliveries'")
    number, _ = await miss_command(world)
    world.github.advance(3600)
    world.service.github.forget(InstallationId(world.github.installation_id))  # tokens have expired by GitHub's clock
    await world.sweep()
    assert len(world.replies(number)) == 1
