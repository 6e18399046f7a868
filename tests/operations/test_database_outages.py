"""Outages of the database in the middle of builds, deployments and commands: all end, and no attempt is lost."""

import asyncio

import pytest

from bot.errors import DatabaseUnavailable
from bot.operations import jobs
from bot.queue.jobs import LeasedJob, enqueue
from bot.store.database import fetch
from bot.store.jobs import Job
from server.jobs import Registry
from tests.conftest import postgres
from tests.outages import end_sessions, eventually, read_only
from tests.world import World


async def unavailable_errors() -> list[str]:
    """The errors of all jobs that ended in none."""
    return [row["error"] for row in await fetch("SELECT error FROM jobs WHERE error IS NOT NULL")]


async def settled(world: World) -> bool:
    """Let postponed jobs run now; False while the database is not back."""
    try:
        await world.settle(skip_delays=True)
    except DatabaseUnavailable:
        return False
    return True


async def test_a_build_a_deployment_and_a_command_that_meet_an_outage_lose_no_attempt(
    world: World, database_url: str
) -> None:
    await world.cut("2.0-rc1")
    await world.settle()
    number = await world.github.pull_request()
    await world.cut("1.0-rc1", build=True)
    await world.deploy("2.0-rc1")
    await world.github.comment(number, "/release status")
    await world.github.settle()  # a delivery that is answered 503 would not be sent again
    async with read_only(database_url):
        await asyncio.sleep(1.2)
    await eventually(lambda: settled(world), 20)
    assert len(world.github.dispatches) == 2
    assert len(world.replies(number)) == 1
    for kind in ("dispatch", "command", "reply", "webhook"):
        assert set(await world.attempts(kind)) <= {1}, kind
    assert await world.alarms() == []


@pytest.mark.skipif(not postgres(), reason="about sessions with a server, which SQLite does not have")
async def test_builds_are_dispatched_once_whichever_sessions_end(world: World, database_url: str) -> None:
    for number in range(6):
        while (await world.cut(f"1.{number}-rc1", build=True)).status == 503:
            await asyncio.sleep(0.05)
    ending = asyncio.create_task(end_again_and_again(database_url))
    while not ending.done():
        await settled(world)
        await asyncio.sleep(0.05)
    await eventually(lambda: settled(world), 20)
    assert len(world.github.dispatches) == 6
    assert set(await world.attempts("dispatch")) == {1}
    assert set(await world.attempts("webhook")) <= {1}
    assert await unavailable_errors() == []


async def end_again_and_again(url: str) -> None:
    for _ in range(12):
        await end_sessions(url)
        await asyncio.sleep(0.07)


async def test_a_job_that_waits_for_the_database_does_not_blame_github(world: World, database_url: str) -> None:
    async def perform(context: object, job: jobs.Prune) -> None:
        async with read_only(database_url):
            await Job.all().update(priority=1)

    registry = Registry()
    registry.register(jobs.Prune, perform)
    row = LeasedJob(1, "prune", None, None, 0, b"{}", {}, 1, 0, 0)  # type: ignore[arg-type]
    with pytest.raises(DatabaseUnavailable) as error:  # although the job is older than a day
        await registry.perform(await world.context(), row)
    assert "database" in error.value.sentence and "GitHub" not in error.value.sentence
    await eventually(lambda: settled(world))
    await enqueue(jobs.Prune())
    await world.settle()
