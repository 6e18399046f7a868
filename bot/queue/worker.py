"""The worker: claims due jobs, has them performed, and writes what became of them.

One loop does the talking to the table: it writes the results that have come in (several at once), fills the free
places, and sleeps until something happens. Beside it, a heartbeat lengthens the leases of what runs.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from bot.errors import Refusal, Unavailable
from bot.queue.jobs import (
    Job,
    JobOutcome,
    LeaseLost,
    PermanentFailure,
    RetryLater,
    claim,
    finish,
    milliseconds,
    now_ms,
    release_expired,
    renew,
    unfinished,
)
from bot.store.database import current
from bot.store.engines import run_to_completion

log = logging.getLogger(__name__)

BACK_OFF_BASE = 2.0
BACK_OFF_CAP = 600.0
PAUSE = 0.03
"""Seconds in which the worker gives way."""
POLL = 1.0
"""Seconds between looks at the table while nothing wakes the worker."""

END_OF_TIME = 2**62

Outcome = str
"""ok, refused, later, failed (to be tried again), dead, lost (somebody else has it), returned (the worker stopped)."""


class Returned(Exception):
    """The worker stops: the job goes back to the queue."""


@dataclass(slots=True)
class RunningJob:
    """A job in a place."""

    job: Job
    task: asyncio.Task[None] | None = None
    stopped_by: Exception | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A job that has run."""

    job: Job
    error: BaseException | None
    seconds: float


def back_off(attempts: int) -> float:
    """Seconds to wait after that many failures: doubling from 2 to 600, of which a random half at most is taken off."""
    longest: float = min(BACK_OFF_CAP, BACK_OFF_BASE * 2 ** min(attempts - 1, 30))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - it only keeps jobs apart


def storable(text: str) -> str:
    """What a database takes of a text: no zero byte, no half character, and no more than anybody reads."""
    return text[:4000].replace("\x00", "").encode(errors="replace").decode()


def decide_outcome(job: Job, error: BaseException | None, max_attempts: int, now: int) -> tuple[JobOutcome, Outcome]:
    """What becomes of a job that ended with `error`."""
    if error is None:
        return JobOutcome(job.id, job.attempts, "done"), "ok"
    said = storable(
        f"{error}" if isinstance(error, Refusal | RetryLater | PermanentFailure) else f"{type(error).__name__}: {error}"
    )
    if isinstance(error, Refusal):
        return JobOutcome(job.id, job.attempts, "done", said), "refused"
    if isinstance(error, RetryLater):
        return JobOutcome(job.id, job.attempts, "queued", said, milliseconds(error.at), forgiven=True), "later"
    if isinstance(error, Returned):
        return JobOutcome(job.id, job.attempts, "queued", forgiven=True), "returned"
    if job.attempts >= max_attempts or isinstance(error, PermanentFailure):
        return JobOutcome(job.id, job.attempts, "dead", said), "dead"
    return JobOutcome(job.id, job.attempts, "queued", said, now + int(back_off(job.attempts) * 1000)), "failed"


@contextmanager
def only_worker(path: str | None) -> Iterator[None]:
    """Hold the lock file beside a SQLite database (no path, no lock); Refusal when another process has it."""
    if path is None:
        yield
        return
    descriptor = os.open(f"{path}.worker.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(
                f"Another process already works on {path}: a SQLite database has one worker. Use PostgreSQL for more."
            ) from None
        yield
    finally:
        os.close(descriptor)


class Worker:
    """Performs jobs until stopped. Any number may share a PostgreSQL database; a SQLite file has exactly one."""

    def __init__(
        self,
        *,
        perform: Callable[[Job], Awaitable[None]],
        observe: Callable[[Job, Outcome, float, BaseException | None], None],
        concurrency: int = 8,
        lease_seconds: float = 60,
        owner: str = "",
        job_timeout: float = 600,
        max_attempts: int = 12,
        grace_seconds: float = 20,
        should_yield: Callable[[], bool] = lambda: False,
    ) -> None:
        """`perform` does a job; `observe` is told each outcome once it is written: (job, outcome, seconds, error).

        While `should_yield` says so, the worker pauses before it claims more: others in this process go first.
        """
        self.owner = owner or f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self.last_progress = time.monotonic()
        """When the table was last read and written without an error, by time.monotonic()."""
        self._perform = perform
        self._observe = observe
        self._concurrency = concurrency
        self._lease_ms = int(lease_seconds * 1000)
        self._job_timeout = job_timeout
        self._max_attempts = max_attempts
        self._grace_seconds = grace_seconds
        self._should_yield = should_yield
        self._running: dict[int, RunningJob] = {}
        self._results: list[Result] = []
        self.begun = asyncio.Event()
        self._wake = asyncio.Event()
        self._stopping = False
        self._voided_at = -POLL
        self._void_before = 0

    def stop(self) -> None:
        """Claim nothing more; `run` returns once what runs has finished, or after the grace period."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Work until `stop` (what runs may finish, within the grace period) or cancelled (what runs goes back at once).

        Refusal when another process works on the same SQLite file.
        """
        database = current()
        with only_worker(database.path):
            if database.path is not None:  # whoever held a lease there was killed: the lock file says so
                self._void_before = END_OF_TIME
            database.notifier.events.add(self._wake)
            self.begun.set()
            beside = [asyncio.create_task(database.listen()), asyncio.create_task(self._beat())]
            try:
                while not self._stopping:
                    await self._turn()
                await self._let_finish()
            finally:
                database.notifier.events.discard(self._wake)
                for task in beside:
                    task.cancel()
                await run_to_completion(self._hand_back(beside))

    async def settle(self) -> None:
        """Wait until nothing runs and nothing is due. For tests: jobs that wait for a later moment are left waiting."""
        while self._running or self._results or await unfinished(datetime.now(UTC)):
            self._wake.set()
            await asyncio.sleep(0.002)

    async def _turn(self) -> None:
        self._wake.clear()
        if self._should_yield():
            await asyncio.sleep(PAUSE)
        if not await run_to_completion(self._exchange(claiming=True)):
            await self._sleep()

    async def _exchange(self, *, claiming: bool) -> bool:
        """Write and read the table, never cancelled half-way; whether there may be more to do at once."""
        try:
            await self._write_results()
            await self._void_expired()
            claimed = await self._fill_places() if claiming else 0
        except Exception as exc:  # the database may be away for a while: the worker outlives that
            log.warning("the queue waits: %s", exc, exc_info=not isinstance(exc, Unavailable))
            return False
        self.last_progress = time.monotonic()
        return bool(claimed or self._results)

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(POLL):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _fill_places(self) -> int:
        free = self._concurrency - len(self._running)
        jobs = await claim(free, self.owner, self._lease_ms) if free > 0 else []
        for job in jobs:
            if before := self._running.get(job.id):  # our own lease had expired, and the job was given to us again
                self._cancel(before, LeaseLost("taken over"))
            run = self._running[job.id] = RunningJob(job)
            run.task = asyncio.create_task(self._work(run))
        return len(jobs)

    async def _work(self, run: RunningJob) -> None:
        started = time.monotonic()
        error: BaseException | None = None
        try:
            async with asyncio.timeout(self._job_timeout):
                await self._perform(run.job)
        except asyncio.CancelledError as exc:
            error = run.stopped_by or exc
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is the job's outcome
            error = exc
        if isinstance(run.stopped_by, LeaseLost):  # even if it ended well before it noticed
            error = run.stopped_by
        if self._running.get(run.job.id) is run:
            del self._running[run.job.id]
        self._results.append(Result(run.job, error, time.monotonic() - started))
        self._wake.set()

    async def _write_results(self) -> None:
        results = self._results[:]
        if not results:
            return
        now = now_ms()
        ours = [result for result in results if not isinstance(result.error, LeaseLost)]
        judged = [decide_outcome(result.job, result.error, self._max_attempts, now) for result in ours]
        written = await finish([verdict for verdict, _ in judged], self.owner, now)
        del self._results[: len(results)]
        outcomes = {
            id(result): outcome for result, (_, outcome), kept in zip(ours, judged, written, strict=True) if kept
        }
        for result in results:
            self._observe(result.job, outcomes.get(id(result), "lost"), result.seconds, result.error)

    async def _void_expired(self) -> None:
        if time.monotonic() - self._voided_at < POLL:
            return
        given_up = await release_expired(self._max_attempts, max(now_ms(), self._void_before), now_ms())
        self._voided_at = time.monotonic()
        self._void_before = 0
        for job in given_up:
            self._observe(job, "dead", 0.0, None)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._lease_ms / 3000)
            runs = list(self._running.values())
            try:
                renewed = await renew([run.job for run in runs], self.owner, now_ms() + self._lease_ms)
            except Exception as exc:  # as in _exchange
                log.warning("leases are not renewed: %s", exc, exc_info=not isinstance(exc, Unavailable))
                continue
            for run in runs:
                if run.job.id not in renewed and self._running.get(run.job.id) is run:
                    self._cancel(run, LeaseLost("taken over"))

    def _cancel(self, run: RunningJob, reason: Exception) -> None:
        run.stopped_by = reason
        if run.task is not None:
            run.task.cancel()

    async def _let_finish(self) -> None:
        until = time.monotonic() + self._grace_seconds
        while self._running and time.monotonic() < until:
            self._wake.clear()
            if not await run_to_completion(self._exchange(claiming=False)):
                await self._sleep()

    async def _hand_back(self, beside: list[asyncio.Task[None]]) -> None:
        tasks = [run.task for run in self._running.values() if run.task is not None]
        for run in list(self._running.values()):
            self._cancel(run, Returned())
        if tasks:
            await asyncio.wait(tasks)
        await asyncio.gather(*beside, return_exceptions=True)
        await self._exchange(claiming=False)
