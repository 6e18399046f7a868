"""A process is killed each time when GitHub has done what it asked for, and it does not know: nothing is done twice."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from fnmatch import fnmatch
from pathlib import Path
from time import monotonic

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.operations import jobs
from bot.operations.workflows import reconcile
from bot.queue.dead_letters import dead_letters
from bot.queue.jobs import enqueue
from bot.store.candidates import Candidate
from bot.store.database import execute
from bot.store.deployments import Deployment
from bot.store.github_views import ProtectionRequest
from sandbox.workflows import DEPLOY
from tests.processes import Processes, killable_world
from tests.shown import check_shown
from tests.world import PROJECT, STATUS_COMMENT, World

WRITES = {
    "the status comment": ("*/issues/*/comments", STATUS_COMMENT),
    "the check run": ("*/check-runs", "1.0-rc1"),
    "the deployment on GitHub": ("*/deployments", "staging"),
    "the run of the deployment that waited": ("*/dispatches", "production"),
    "the answer to the environment that asked": ("*/deployment_protection_rule", "approved"),
}
"""The requests after which the process is killed: the paths, and what is in the bodies."""
STEP_SECONDS = 60


class Unanswered:
    """Keeps back GitHub's response to each of the requests once, until the process that has sent it is killed."""

    def __init__(self) -> None:
        self.left, self.performed, self.is_killed = dict(WRITES), asyncio.Queue[str](), asyncio.Event()

    @web.middleware
    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Perform a request; if it is one of those, do not answer for the time being."""
        body = (await request.read()).decode(errors="replace")
        response = await handler(request)
        for name, (path, text) in list(self.left.items()):
            if request.method == "POST" and fnmatch(request.path, path) and text in body:
                del self.left[name]
                self.performed.put_nowait(name)
                await self.is_killed.wait()
        return response

    async def kill_each_time(self, processes: Processes) -> None:
        """Kill the process whenever it waits for one of the responses, and start another one."""
        for _ in WRITES:
            await self.performed.get()
            await processes.kill(0)
            self.is_killed.set()
            self.is_killed = asyncio.Event()
            await processes.start(0)
            await processes.expire_leases()


async def until(world: World, processes: Processes, done: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is true; find what was missed meanwhile."""
    deadline = monotonic() + STEP_SECONDS
    while not await done():
        assert monotonic() < deadline, processes.log.read_text()[-3000:]
        await nudge(world, processes)
        for _ in range(10):
            await asyncio.sleep(0.05)
            if await done():
                return


async def nudge(world: World, processes: Processes) -> None:
    """Do without the pauses between two changes of a text, and look for missed deliveries and runs now."""
    await execute("UPDATE github_views SET shown_at = NULL")
    await execute("UPDATE jobs SET run_at = 0 WHERE state = 'queued' AND kind LIKE 'show_%'")
    await processes.expire_leases()
    await enqueue(jobs.SweepDeliveries())
    await reconcile.reconcile(await world.context(), jobs.Reconcile(), silence=timedelta(seconds=1))


async def prepare(world: World) -> int:
    """Guard production by the App, and by a check; returns a merged pull request."""
    github = world.github
    github.environment("production", rule=True)
    job = "    runs-on: ubuntu-latest\n"
    text = DEPLOY.replace(job, f"{job}    environment: production\n")
    await github.commit("Guard it", files={".github/workflows/guarded.yml": text})
    production = {"workflow": "guarded.yml", "checks": ["test"]}
    await world.ask("PATCH", f"/api/projects/{PROJECT}/environments/production", production)
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"show": {}})
    github.person("mia", "maintain")
    number = await github.pull_request()
    await github.merge(number)
    return number


async def is_ready() -> bool:
    return await Candidate.exists(status="ready")


async def is_waiting() -> bool:
    return await Deployment.exists(waiting=True)


async def is_live_on(environment: str) -> bool:
    return await Deployment.exists(environment__name=environment, status="success")


async def is_quiet(world: World) -> bool:
    await world.github.settle()
    return not await world.unfinished_jobs()


async def release(world: World, processes: Processes, number: int) -> None:
    """Cut, build and deploy by comments; the deployment to production waits for the check."""
    github = world.github
    await github.comment(number, "/release cut 1.0", by="mia")
    await until(world, processes, is_ready)
    await github.comment(number, "/release deploy 1.0-rc1 to staging", by="mia")
    await until(world, processes, lambda: is_live_on("staging"))
    await github.comment(number, "/release deploy 1.0-rc1 to production", by="mia")
    await until(world, processes, is_waiting)
    await github.report_check("test")
    await until(world, processes, lambda: is_live_on("production"))


@pytest.mark.timeout(180)
async def test_what_github_has_done_for_a_process_that_was_killed_is_found_by_the_next_one_and_not_done_twice(
    source: Path, database_url: str, tmp_path: Path
) -> None:
    unanswered, log = Unanswered(), tmp_path / "log"
    async with killable_world(source, database_url, log, [["serve"]], unanswered.handle) as (world, processes):
        number = await prepare(world)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(unanswered.kill_each_time(processes))
            tasks.create_task(release(world, processes, number))
        await until(world, processes, lambda: is_quiet(world))
        check_shown(world, number)
        assert (len(processes.killed), len(world.github.dispatches)) == (len(WRITES), 3)
        assert len(await world.audit("deployment.deploy")) == 2
        assert (await ProtectionRequest.get()).state == "approved"
        assert not await dead_letters()
        assert await world.alarms() == []
