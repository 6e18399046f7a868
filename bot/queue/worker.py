"""The worker: claims due jobs, performs them, and writes their outcomes.

One loop uses the table: it writes the results that have come in (several at once), claims jobs for its free slots, and
sleeps until something happens. Another task renews the leases of running jobs.

While jobs are short, a claim takes more of them than there are slots, so that the database is not asked for each
handful: as many as will probably start within START_SECONDS. Those that have not started after HOLD_SECONDS, because
the others turned out to be long, go back to the queue, where any worker may take them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from bot.errors import Unavailable
from bot.queue.jobs import LeasedJob, LeaseLost, now_ms
from bot.queue.leases import claim, finish, release_expired, renew, return_unknown
from bot.queue.outcomes import Outcome, WorkerStopped, decide_outcome
from bot.queue.retention import unfinished
from bot.queue.worker_lock import only_worker
from bot.queue.yielding import give_way
from bot.store.database import current
from bot.store.engines import run_to_completion

log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds between two polls of the table while nothing wakes the worker."""
MAX_CLAIM = 100
"""Jobs that are claimed at once, unless there are more slots."""
START_SECONDS = 0.02
"""Seconds within which claimed jobs are expected to start."""
USUAL_JOBS = 8
"""How many of the last jobs tell how long jobs usually take."""
HOLD_SECONDS = 0.1
"""Seconds after which a claimed job that has not started goes back to the queue."""

END_OF_TIME = 2**62


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """Options of a worker.

    `concurrency`: how many jobs run at once. `max_attempts`: how often a failing job is tried before it becomes a dead
    letter. `grace_seconds`: how long running jobs may go on after `stop`. `owner`: the name in leases, generated if
    empty.
    """

    concurrency: int = 8
    lease_seconds: float = 60
    job_timeout: float = 600
    max_attempts: int = 12
    grace_seconds: float = 20
    owner: str = ""


@dataclass(slots=True)
class RunningJob:
    """A job in one of the worker's slots."""

    job: LeasedJob
    task: asyncio.Task[None] | None = None
    stopped_by: Exception | None = None


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended, before its outcome is written."""

    job: LeasedJob
    error: BaseException | None
    seconds: float


OnFinished = Callable[[LeasedJob, Outcome, float, BaseException | None], None]


class Worker:
    """Performs jobs until stopped. Any number may share a PostgreSQL database; a SQLite file has exactly one."""

    def __init__(
        self,
        perform: Callable[[LeasedJob], Awaitable[None]],
        on_finished: OnFinished,
        options: WorkerOptions | None = None,
        *,
        should_yield: Callable[[], bool] = lambda: False,
    ) -> None:
        """`perform` does a job; `on_finished(job, outcome, seconds, error)` is called once its outcome is written.

        While `should_yield` returns True, the worker claims no more than it can start, and only when the event loop is
        on time: webhook intake in this process has precedence.
        """
        self.options = options or WorkerOptions()
        self.owner = self.options.owner or f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self.last_progress = time.monotonic()
        """When the table was last read and written without an error, by time.monotonic()."""
        self.started = asyncio.Event()
        self._perform = perform
        self._on_finished = on_finished
        self._should_yield = should_yield
        self._lease_ms = int(self.options.lease_seconds * 1000)
        self._running: dict[int, RunningJob] = {}
        self._held: deque[LeasedJob] = deque()  # claimed, but not started
        self._held_since = 0.0
        self._usual_seconds = 1.0  # that jobs took lately: a moving average
        self._results: list[JobResult] = []
        self._wake = asyncio.Event()
        self._stopping = False
        self._stop_by = 0.0
        self._released_at = -POLL
        self._release_before = 0
        self._has_unknown = False

    def stop(self) -> None:
        """Claim nothing more; `run` returns once running jobs have finished, or after the grace period."""
        self._stopping = True
        self._stop_by = time.monotonic() + self.options.grace_seconds
        self._wake.set()

    async def run(self) -> None:
        """Work until `stop` (running jobs may finish, within the grace period) or canceled (they go back at once).

        Refusal when another process works on the same SQLite file.
        """
        database = current()
        with only_worker(database.path):
            if database.path is not None:  # the lock file proves that the owners of all leases are gone
                self._release_before = END_OF_TIME
            database.notifier.events.add(self._wake)
            self.started.set()
            helpers = [asyncio.create_task(database.listen()), asyncio.create_task(self._renew_leases())]
            try:
                while not self._stopping:
                    await self._work_once()
                await self._drain()
            finally:
                database.notifier.events.discard(self._wake)
                for task in helpers:
                    task.cancel()
                await run_to_completion(self._return_jobs(helpers))

    @property
    def running(self) -> int:
        """How many jobs run at the moment."""
        return len(self._running)

    async def settle(self) -> None:
        """Wait until nothing runs and nothing is due. For tests: does not wait for jobs that are due later."""
        while self._running or self._held or self._results or await unfinished(datetime.now(UTC)):
            self._wake.set()
            await asyncio.sleep(0.002)

    async def _work_once(self) -> None:
        self._wake.clear()
        await give_way(self._should_yield)
        if not await run_to_completion(self._write_and_claim(claiming=True)):
            await self._sleep()

    async def _write_and_claim(self, *, claiming: bool) -> bool:
        """Write results and claim jobs, never canceled half-way; returns whether there may be more to do at once."""
        try:
            await self._write_results()
            await self._release_expired()
            await self._return_unknown()
            claimed = await self._claim_jobs() if claiming else 0
        except Exception as exc:  # the database may be down for a while: the worker survives that
            self._wait_for_other_workers()
            log.warning("the queue cannot be read or written: %s", exc, exc_info=not isinstance(exc, Unavailable))
            return False
        self.last_progress = time.monotonic()
        return bool(claimed or self._results)

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(HOLD_SECONDS if self._held else POLL):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _claim_jobs(self) -> int:
        """Claim jobs if a slot is free and none is held; start as many as there are slots, and hold the others."""
        free = self.options.concurrency - len(self._running)
        if free <= 0 or self._held:
            return 0
        jobs = await self._claim(min(free + self._startable_soon(), max(free, MAX_CLAIM)))
        self._held.extend(jobs)
        self._held_since = time.monotonic()
        self._start_held()
        return len(jobs)

    def _startable_soon(self) -> int:
        """How many jobs will probably find a slot within START_SECONDS, judging by how long jobs took lately."""
        if self._should_yield():
            return 0
        return int(self.options.concurrency * START_SECONDS / max(self._usual_seconds, 1e-6))

    def _start_held(self) -> None:
        """Start held jobs in free slots, but none whose lease may expire before it is renewed for the first time."""
        if self._held and self._held[0].lease_expires - now_ms() <= self._lease_ms / 2:  # they were claimed together
            self._give_up_held()
        while self._held and not self._stopping and len(self._running) < self.options.concurrency:
            job = self._held.popleft()
            if earlier := self._running.get(job.id):  # our lease on it had expired, and we claimed the job again
                self._cancel(earlier, LeaseLost("taken over"))
            running = self._running[job.id] = RunningJob(job)
            running.task = asyncio.create_task(self._run_job(running))

    def _give_up_held(self) -> None:
        """Forget the held jobs: from now on they are as unknown as those of a claim whose response was lost."""
        self._held.clear()
        self._has_unknown = True

    async def _return_unknown(self) -> None:
        """Return the jobs to the queue that we have a lease on without holding, running or having finished them.

        That is: jobs that were held for too long (all of them, when the worker is stopping) and those that a claim
        leased whose response was lost. Should it fail, it is tried again.
        """
        if self._held and (self._stopping or time.monotonic() - self._held_since >= HOLD_SECONDS):
            self._give_up_held()
        if not self._has_unknown:
            return
        jobs = [*self._held, *(slot.job for slot in self._running.values()), *(result.job for result in self._results)]
        await return_unknown(self.owner, [job.id for job in jobs])
        self._has_unknown = False
        current().notifier.notify()

    async def _claim(self, limit: int) -> list[LeasedJob]:
        self._has_unknown = True  # unless a response arrives
        jobs = await claim(limit, self.owner, self._lease_ms)
        self._has_unknown = False
        return jobs

    async def _run_job(self, running: RunningJob) -> None:
        started = time.monotonic()
        error: BaseException | None = None
        try:
            async with asyncio.timeout(self.options.job_timeout):
                await self._perform(running.job)
        except asyncio.CancelledError as exc:
            error = running.stopped_by or exc
        except Exception as exc:  # noqa: BLE001 - any exception is the job's outcome
            error = exc
        if isinstance(running.stopped_by, LeaseLost):  # even if the job succeeded before it noticed
            error = running.stopped_by
        if self._running.get(running.job.id) is running:
            del self._running[running.job.id]
        seconds = time.monotonic() - started
        self._usual_seconds += (seconds - self._usual_seconds) / USUAL_JOBS
        self._results.append(JobResult(running.job, error, seconds))
        self._start_held()
        self._wake.set()

    async def _write_results(self) -> None:
        results = self._results[:]
        if not results:
            return
        now = now_ms()
        held = [result for result in results if not isinstance(result.error, LeaseLost)]
        decided = [decide_outcome(result.job, result.error, self.options.max_attempts, now) for result in held]
        written = await finish([outcome for outcome, _ in decided], self.owner, now)
        del self._results[: len(results)]
        kept = {id(result): name for result, (_, name), ok in zip(held, decided, written, strict=True) if ok}
        for result in results:
            self._on_finished(result.job, kept.get(id(result), "lost"), result.seconds, result.error)

    async def _release_expired(self) -> None:
        if time.monotonic() - self._released_at < POLL:
            return
        dead = await release_expired(self.options.max_attempts, max(now_ms(), self._release_before), now_ms())
        self._released_at = time.monotonic()
        self._release_before = 0
        for job in dead:
            self._on_finished(job, "dead", 0.0, None)

    def _wait_for_other_workers(self) -> None:
        """After an outage, let other workers renew their leases before expired ones are taken from them."""
        if not self._release_before:
            self._released_at = time.monotonic() + self._lease_ms / 2000

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease_ms / 3000)
            slots = list(self._running.values())
            try:
                renewed = await renew([slot.job for slot in slots], self.owner, now_ms() + self._lease_ms)
            except Exception as exc:  # as in _write_and_claim
                log.warning("leases could not be renewed: %s", exc, exc_info=not isinstance(exc, Unavailable))
                continue
            for slot in slots:
                if slot.job.id not in renewed and self._running.get(slot.job.id) is slot:
                    self._cancel(slot, LeaseLost("taken over"))

    def _cancel(self, running: RunningJob, reason: Exception) -> None:
        running.stopped_by = reason
        if running.task is not None:
            running.task.cancel()

    async def _drain(self) -> None:
        while self._running and time.monotonic() < self._stop_by:
            self._wake.clear()
            if not await run_to_completion(self._write_and_claim(claiming=False)):
                await self._sleep()

    async def _return_jobs(self, helpers: list[asyncio.Task[None]]) -> None:
        self._stopping = True
        tasks = [running.task for running in self._running.values() if running.task is not None]
        for running in list(self._running.values()):
            self._cancel(running, WorkerStopped())
        if tasks:
            await asyncio.wait(tasks)
        await asyncio.gather(*helpers, return_exceptions=True)
        await self._write_and_claim(claiming=False)
