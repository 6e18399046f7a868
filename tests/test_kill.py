"""The service is killed repeatedly under load: nothing that it acknowledged is lost, and nothing is done twice."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.operations import jobs
from bot.operations.workflows import reconcile
from bot.queue.dead_letters import dead_letters
from bot.queue.intake import delivery_key
from bot.queue.jobs import enqueue
from bot.rules.replies import has_marker
from bot.store.database import fetch
from sandbox import GitHub
from sandbox.deliveries import delivery_guid
from tests.conftest import postgres
from tests.processes import Processes, killable_world, retry_until
from tests.world import World

DELIVERIES = 500
CONCURRENCY = 8
CUTS = 50
KILLS = 9
DRAIN_SECONDS = 30  # for the work that is left once the load has ended
DISPATCH_SECONDS = 0.03  # before GitHub handles a dispatch, and again before it responds
COMMANDS = ("/release status", "/release help", "/release cut 7.{number}-rc1 at {head}", "/release shout")
# SQLite allows one process; on PostgreSQL several share the work, which is the harder case
PROCESSES = {"one process": [["serve"]]}
if postgres():
    PROCESSES = {"a web process and two workers": [["serve", "--no-worker"], ["work"], ["work"]]}


@dataclass
class Load:
    """The load while the service is killed: deliveries, comments, pushed tags, and cuts over REST."""

    world: World
    pull: int
    templates: list[tuple[str, dict[str, Any]]]
    random: Random
    acknowledged: set[str] = field(default_factory=set)
    commands: list[int] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)

    async def run(self) -> None:
        numbers = iter(range(DELIVERIES))
        await asyncio.gather(*(self._work(numbers) for _ in range(CONCURRENCY)))

    async def _work(self, numbers: Any) -> None:
        for number in numbers:
            if number % (DELIVERIES // CUTS) == 0:
                await asyncio.gather(*(self._cut(f"6.{number}-rc1") for _ in range(2)))
            elif number % 10 == 3:
                await self._command(number)
            elif number % 50 == 7:
                await self.world.github.tag(f"v8.{number}-rc1")
                self.versions.add(f"8.{number}-rc1")
            await self._deliver(number)

    async def _deliver(self, number: int) -> None:
        """Deliver until acknowledged; one in five is then delivered again."""
        event, payload = self.random.choice(self.templates)
        if event == "workflow_run":
            payload = {**payload, "workflow_run": {**payload["workflow_run"], "id": 10**12 + number}}
        for _ in range(self.random.choice((1, 1, 1, 1, 2))):
            await retry_until(lambda: self.world.github.send(event, payload, delivery=f"load-{number}"), 202)
            self.acknowledged.add(delivery_guid(f"load-{number}"))

    async def _cut(self, version: str) -> None:
        self.versions.add(version)

        async def cut() -> int:
            return (await self.world.cut(version, build=True)).status

        self.statuses[version, await retry_until(cut, 200, 201)] += 1

    async def _command(self, number: int) -> None:
        text = self.random.choice(COMMANDS).format(number=number, head=self.world.github.head())
        if "cut" in text:
            self.versions.add(f"7.{number}-rc1")
        author = self.world.github.person(f"writer-{number}").login  # one alone could not give so many in a minute
        self.commands.append(await self.world.github.comment(self.pull, text, by=author))


@web.middleware
async def delay_dispatches(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Delay dispatches before and after they take effect, so that clients can be killed in between."""
    is_dispatch = request.path.endswith("/dispatches")
    if is_dispatch:
        await request.read()
        await asyncio.sleep(DISPATCH_SECONDS)
    response = await handler(request)
    if is_dispatch:
        await asyncio.sleep(DISPATCH_SECONDS)
    return response


async def templates(world: World, pull: int) -> list[tuple[str, dict[str, Any]]]:
    """Real payloads that cause no work: of a push, a run, a ping and an ordinary comment."""
    github = world.github
    await world.cut("5.0-rc1", build=True)
    await github.comment(pull, "Looks good.")
    await github.commit()
    await github.ping()
    while await world.status("5.0-rc1") != "ready":
        await asyncio.sleep(0.05)
    events = ("issue_comment", "push", "workflow_run", "ping")
    payloads = {sent.event: sent.payload for sent in github.deliveries if sent.event in events}
    assert sorted(payloads) == sorted(events)
    return list(payloads.items())


async def kill_repeatedly(processes: Processes, load: Load, random: Random) -> None:
    """Kill and restart a process at random times, spread over the load; two in three wait for a dispatch."""
    for kill in range(KILLS):
        while len(load.acknowledged) < DELIVERIES * (kill + 0.5) / KILLS:
            await asyncio.sleep(0.002)
        index = await processes.dispatching_process() if kill % 3 else None
        if index is None:
            index = random.randrange(len(processes.commands))
        await asyncio.sleep(random.uniform(0, 2.5 * DISPATCH_SECONDS))
        await processes.kill(index)
        await processes.start(index)
        await processes.expire_leases()


async def drain(world: World, processes: Processes) -> None:
    """Recover missed deliveries and runs, and wait until no work is left."""
    await world.github.settle()
    await enqueue(jobs.SweepDeliveries())
    quiet, deadline = 0, monotonic() + DRAIN_SECONDS
    while quiet < 3:
        await processes.expire_leases()
        await reconcile.reconcile(await world.context(), jobs.Reconcile(), silence=timedelta(seconds=2))
        await asyncio.sleep(0.2)
        await world.github.settle()
        jobs_left = await fetch(
            "SELECT id, kind, state, attempts, error FROM jobs WHERE state IN ('queued', 'running')"
        )
        runs_left = await fetch("SELECT id, state, status FROM runs WHERE state IN ('wanted', 'posted', 'running')")
        quiet = 0 if runs_left or jobs_left else quiet + 1
        assert monotonic() < deadline, f"{len(jobs_left)} jobs are left: {jobs_left[:9]}; runs: {runs_left[:9]}"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("setup", PROCESSES)
async def test_a_service_that_is_killed_repeatedly_loses_nothing_and_dispatches_nothing_twice(
    source: Path, database_url: str, tmp_path: Path, setup: str
) -> None:
    random = Random(20261121)
    log, commands = tmp_path / "log", PROCESSES[setup]
    async with killable_world(source, database_url, log, commands, delay_dispatches) as (world, processes):
        github = world.github
        pull = await github.pull_request()
        load = Load(world, pull, await templates(world, pull), random)
        github.faults.lose_answer(times=3)
        async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
            tasks.create_task(load.run())
            tasks.create_task(kill_repeatedly(processes, load, random))
        await drain(world, processes)
        assert len(processes.killed) == KILLS
        assert not await dead_letters()
        assert await lost_deliveries(github, load) == set()
        await check_dispatches(github, load)
        assert await candidates_not_ready() == []
        assert reply_counts(github, load) == dict.fromkeys(load.commands, 1)
        assert await world.alarms() == []


async def lost_deliveries(github: GitHub, load: Load) -> set[str]:
    """The deliveries that were acknowledged and not processed."""
    acknowledged = load.acknowledged | {sent.guid for sent in github.deliveries if sent.status_code == 202}
    assert len(acknowledged) > DELIVERIES
    rows = await fetch("SELECT key FROM jobs WHERE kind = 'webhook' AND state = 'done'")
    return {delivery_key(guid) for guid in acknowledged} - {row["key"] for row in rows}


async def check_dispatches(github: GitHub, load: Load) -> None:
    """Assert that every candidate was created once and built by one run."""
    requests = Counter(dispatch.inputs["release_cut_id"] for dispatch in github.dispatches)
    versions = Counter(dispatch.inputs["release_candidate_version"] for dispatch in github.dispatches)
    assert {request: times for request, times in requests.items() if times > 1} == {}
    assert versions == Counter(load.versions | {"5.0-rc1"})
    assert all(load.statuses[version, 201] <= 1 for version in load.versions)


async def candidates_not_ready() -> list[Any]:
    """The candidates that are not ready."""
    return await fetch("SELECT version, status, reason FROM candidates WHERE status <> 'ready'")


def reply_counts(github: GitHub, load: Load) -> dict[int, int]:
    """The number of replies to each command."""
    bodies = [str(comment["body"]) for comment in github.comments(load.pull)]
    return {number: sum(has_marker(body, f"pull-comment:{number}") for body in bodies) for number in load.commands}
