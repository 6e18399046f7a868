"""The service is killed again and again under load: nothing that it took is lost, and nothing is done twice."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from aiohttp.typedefs import Handler

from bot.operations import jobs
from bot.operations.workflows import reconcile
from bot.queue.dead_letters import dead_letters
from bot.queue.jobs import enqueue
from bot.rules.replies import has_marker
from bot.store.database import dialect, execute, fetch
from sandbox import GitHub, SandboxOptions
from server.service import Service
from tests.conftest import postgres
from tests.world import World, create_sample_project, settings_for

ROOT = Path(__file__).parents[1]
MAIN = "import sys; from cli.main import run; sys.exit(run(sys.argv[1:]))"
DELIVERIES = 500
AT_ONCE = 8
CUTS = 50
KILLS = 9
PATIENCE = 30  # seconds, with what is left once the stream has ended
SEARCH_SECONDS = 2
DISPATCH_SECONDS = 0.03  # before GitHub takes one, and again before it answers
COMMANDS = ("/release status", "/release help", "/release cut 7.{number}-rc1 at {head}", "/release shout")
# SQLite has one process; on PostgreSQL they share the work, which is the harder case
PROCESSES = {"one process": [["serve"]]}
if postgres():
    PROCESSES = {"two workers beside the web": [["serve", "--no-worker"], ["work"], ["work"]]}
RUNNER = web.AppKey("runner", web.AppRunner)
AWAY = (aiohttp.ClientError, OSError, TimeoutError)


@dataclass
class Fleet:
    """The processes of one service: each is started, killed and started again by its place."""

    commands: list[list[str]]
    environment: dict[str, str]
    log: Path
    running: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)
    killed: list[int] = field(default_factory=list)

    async def start(self, place: int) -> None:
        with self.log.open("ab") as log:
            self.running[place] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", MAIN, *self.commands[place]), cwd=ROOT, env=self.environment, stderr=log
            )

    async def kill(self, place: int) -> None:
        process = self.running[place]
        assert process.returncode is None, f"it had ended by itself: {self.log.read_text()[-2000:]}"
        process.kill()
        await process.wait()
        self.killed.append(process.pid)

    async def dispatching(self) -> int | None:
        """The place of a process that waits for GitHub's answer to a dispatch, if one comes to that soon."""
        for _ in range(500):
            owners = await fetch(
                "SELECT lease_owner FROM jobs WHERE kind = 'dispatch' AND state = 'running' "
                "AND EXISTS (SELECT 1 FROM runs WHERE state = 'posted')"
            )
            pids = {int(row["lease_owner"].split(":")[1]) for row in owners}
            for place, process in self.running.items():
                if process.pid in pids:
                    return place
            await asyncio.sleep(0.005)
        return None

    async def end_leases(self) -> None:
        """Let the leases of what was killed be past; on SQLite the next process voids them by itself."""
        if dialect() == "postgres":
            for pid in self.killed:
                await execute(
                    "UPDATE jobs SET lease_expires = 0 WHERE state = 'running' AND lease_owner LIKE $1", f"%:{pid}:%"
                )

    async def stop(self) -> None:
        for process in self.running.values():
            if process.returncode is None:
                process.terminate()
                await process.wait()


@dataclass
class Stream:
    """What happens while the service is killed: deliveries, comments, pushed tags, and cuts over REST."""

    world: World
    pull: int
    templates: list[tuple[str, dict[str, Any]]]
    random: Random
    acked: set[str] = field(default_factory=set)
    commands: list[int] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)

    async def run(self) -> None:
        numbers = iter(range(DELIVERIES))
        await asyncio.gather(*(self._work(numbers) for _ in range(AT_ONCE)))

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
        """Deliver until it is taken. One in five is delivered again after that."""
        event, payload = self.random.choice(self.templates)
        if event == "workflow_run":
            payload = {**payload, "workflow_run": {**payload["workflow_run"], "id": 10**12 + number}}
        for _ in range(self.random.choice((1, 1, 1, 1, 2))):
            await until_answered(lambda: self.world.github.send(event, payload, delivery=f"stream-{number}"), 202)
            self.acked.add(f"stream-{number}")

    async def _cut(self, version: str) -> None:
        self.versions.add(version)

        async def cut() -> int:
            return (await self.world.cut(version, build=True)).status

        self.statuses[version, await until_answered(cut, 200, 201)] += 1

    async def _command(self, number: int) -> None:
        text = self.random.choice(COMMANDS).format(number=number, head=self.world.github.head())
        if "cut" in text:
            self.versions.add(f"7.{number}-rc1")
        self.commands.append(await self.world.github.comment(self.pull, text))


async def until_answered(ask: Callable[[], Awaitable[int]], *good: int) -> int:
    """Ask as a real client does: again after no answer and after a 503, but never after a refusal."""
    while True:
        try:
            status = await ask()
        except AWAY:
            status = 0
        if status in good:
            return status
        assert status in (0, 503), f"answered {status}"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def a_killable_world(
    source: Path, database_url: str, log: Path, commands: list[list[str]]
) -> AsyncIterator[tuple[World, Fleet]]:
    """A furnished world whose service is made of processes of its own."""
    github = await GitHub.create(source, SandboxOptions(run_seconds=(0.1, 1.0)))
    api, port = await serve(github.app), unused_port()
    url = f"http://127.0.0.1:{port}"
    github.webhook_url = f"{url}/webhooks/github"
    service = Service(settings_for(github, api, database_url))
    await service.open()
    fleet = Fleet(commands, environment(github, api, database_url, port), log)
    try:
        async with aiohttp.ClientSession() as session:
            world = World(github, service, url, session)
            for place in range(len(commands)):
                await fleet.start(place)
            await until_answered(lambda: readiness(world), 200)
            await create_sample_project(world)
            yield world, fleet
    finally:
        await fleet.stop()
        await service.close()
        await github.app[RUNNER].cleanup()


async def serve(app: web.Application) -> str:
    """Put the sandbox on a port, where it goes on with a request whose sender has died, as GitHub does."""
    app.middlewares.append(dispatch_answered_late)
    runner = app[RUNNER] = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


@web.middleware
async def dispatch_answered_late(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Between a dispatch and its answer is time to be killed in."""
    dispatches = request.path.endswith("/dispatches")
    if dispatches:
        await request.read()
        await asyncio.sleep(DISPATCH_SECONDS)
    response = await handler(request)
    if dispatches:
        await asyncio.sleep(DISPATCH_SECONDS)
    return response


def environment(github: GitHub, api: str, database_url: str, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LONGSHORE_")}
    return kept | {
        "LONGSHORE_DATABASE_URL": database_url,
        "LONGSHORE_PORT": str(port),
        "LONGSHORE_GITHUB_API_URL": api,
        "LONGSHORE_GITHUB_APP_ID": str(github.app_id),
        "LONGSHORE_GITHUB_PRIVATE_KEY": github.private_key,
        "LONGSHORE_GITHUB_WEBHOOK_SECRET": github.webhook_secret,
        "LONGSHORE_DISPATCH_SEARCH_SECONDS": str(SEARCH_SECONDS),
    }


async def readiness(world: World) -> int:
    return (await world.ask("GET", "/healthz")).status


async def templates(world: World, pull: int) -> list[tuple[str, dict[str, Any]]]:
    """Real payloads that ask for nothing: of a push, a run, a ping and talk."""
    github = world.github
    await world.cut("5.0-rc1", build=True)
    await github.comment(pull, "Looks good.")
    await github.commit()
    await github.ping()
    while await world.status("5.0-rc1") != "ready":
        await asyncio.sleep(0.05)
    wanted = ("issue_comment", "push", "workflow_run", "ping")
    found = {one.event: one.payload for one in github.deliveries if one.event in wanted}
    assert sorted(found) == sorted(wanted)
    return list(found.items())


async def kill_along(fleet: Fleet, stream: Stream, random: Random) -> None:
    """Kill one of the processes at random moments, spread over the stream, and start it again."""
    for kill in range(KILLS):
        while len(stream.acked) < DELIVERIES * (kill + 0.5) / KILLS:
            await asyncio.sleep(0.002)
        place = await fleet.dispatching() if kill % 3 else None
        if place is None:
            place = random.randrange(len(fleet.commands))
        await asyncio.sleep(random.uniform(0, 2.5 * DISPATCH_SECONDS))
        await fleet.kill(place)
        await fleet.start(place)
        await fleet.end_leases()


async def until_final(world: World, fleet: Fleet) -> None:
    """Let what was missed be asked for, and wait until nobody has anything left to do."""
    await world.github.settle()
    await enqueue(jobs.SweepDeliveries())
    quiet, until = 0, monotonic() + PATIENCE
    while quiet < 3:
        await fleet.end_leases()
        await reconcile.reconcile(await world.context(), jobs.Reconcile(), silence=timedelta(seconds=2))
        await asyncio.sleep(0.2)
        await world.github.settle()
        left = await fetch("SELECT id, kind, state, attempts, error FROM jobs WHERE state IN ('queued', 'running')")
        unended = await fetch("SELECT id, state, status FROM runs WHERE state IN ('wanted', 'posted', 'running')")
        quiet = 0 if unended or left else quiet + 1
        assert monotonic() < until, f"{len(left)} jobs are left, such as {left[:9]}; runs: {unended[:9]}"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("processes", PROCESSES)
async def test_a_service_that_is_killed_again_and_again_loses_nothing_and_dispatches_nothing_twice(
    source: Path, database_url: str, tmp_path: Path, processes: str
) -> None:
    random = Random(20261121)
    async with a_killable_world(source, database_url, tmp_path / "log", PROCESSES[processes]) as (world, fleet):
        github = world.github
        pull = await github.pull_request()
        stream = Stream(world, pull, await templates(world, pull), random)
        github.faults.lose_answer(times=3)
        async with asyncio.timeout(120), asyncio.TaskGroup() as together:
            together.create_task(stream.run())
            together.create_task(kill_along(fleet, stream, random))
        await until_final(world, fleet)
        assert len(fleet.killed) == KILLS
        assert not await dead_letters()
        assert await lost(github, stream) == set()
        await check_dispatches(github, stream)
        assert await unfinal() == []
        assert answers(github, stream) == dict.fromkeys(stream.commands, 1)
        assert await world.alarms() == []


async def lost(github: GitHub, stream: Stream) -> set[str]:
    """Deliveries that were acked and have not been processed."""
    acked = stream.acked | {one.guid for one in github.deliveries if one.status_code == 202}
    assert len(acked) > DELIVERIES
    rows = await fetch("SELECT key FROM jobs WHERE kind = 'webhook' AND state = 'done'")
    return acked - {row["key"] for row in rows}


async def check_dispatches(github: GitHub, stream: Stream) -> None:
    """Every candidate was built by one run, and each is there once for all who asked for it."""
    requests = Counter(one.inputs["release_cut_id"] for one in github.dispatches)
    versions = Counter(one.inputs["release_candidate_version"] for one in github.dispatches)
    assert {request: times for request, times in requests.items() if times > 1} == {}
    assert versions == Counter(stream.versions | {"5.0-rc1"})
    assert all(stream.statuses[version, 201] <= 1 for version in stream.versions)


async def unfinal() -> list[Any]:
    """Candidates that are not ready."""
    return await fetch("SELECT version, status, reason FROM candidates WHERE status <> 'ready'")


def answers(github: GitHub, stream: Stream) -> dict[int, int]:
    """How often each command was answered."""
    said = [str(one["body"]) for one in github.comments(stream.pull)]
    return {number: sum(has_marker(text, f"pull-comment:{number}") for text in said) for number in stream.commands}
