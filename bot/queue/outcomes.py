"""How a job ended, and what becomes of it: done, queued again at a later time, or dead."""

from __future__ import annotations

from random import Random

from bot.errors import DatabaseUnavailable, Refusal
from bot.queue.jobs import LeasedJob, PermanentFailure, RetryLater, milliseconds
from bot.queue.leases import JobOutcome

BACK_OFF_BASE = 2.0  # seconds
BACK_OFF_CAP = 600.0  # seconds

_jitter = Random()  # noqa: S311 - it only spreads jobs out

Outcome = str
"""ok, refused, later, failed (to be retried), dead, lost (another worker has it), returned (the worker stopped)."""


class WorkerStopped(Exception):
    """The worker is stopping: its running jobs go back to the queue."""


def back_off(attempts: int) -> float:
    """Seconds to wait after that many failures: doubles from 2 to 600, shortened at random by up to a half."""
    longest: float = min(BACK_OFF_CAP, BACK_OFF_BASE * 2 ** min(attempts - 1, 30))
    return longest * _jitter.uniform(0.5, 1.0)


def storable(text: str) -> str:
    """Make a text storable: no NUL, no lone surrogates, at most 4,000 characters."""
    return text[:4000].replace("\x00", "").encode(errors="replace").decode()


def describe(error: BaseException) -> str:
    """What ended a job, in words: its own if it is one of ours that explains itself, else with the name of its type."""
    is_explained = isinstance(error, Refusal | RetryLater | PermanentFailure | DatabaseUnavailable)
    return f"{error}" if is_explained else f"{type(error).__name__}: {error}"


def decide_outcome(
    job: LeasedJob, error: BaseException | None, max_attempts: int, now: int
) -> tuple[JobOutcome, Outcome]:
    """Decide the outcome of a job that ended with `error`: done, queued again, or dead."""
    if error is None:
        return JobOutcome(job.id, job.attempts, "done"), "ok"
    message = storable(describe(error))
    if isinstance(error, Refusal):
        return JobOutcome(job.id, job.attempts, "done", message), "refused"
    if isinstance(error, RetryLater):
        return JobOutcome(job.id, job.attempts, "queued", message, milliseconds(error.at), forgiven=True), "later"
    if isinstance(error, DatabaseUnavailable):
        at = now + error.retry_after * 1000
        return JobOutcome(job.id, job.attempts, "queued", message, at, forgiven=True), "later"
    if isinstance(error, WorkerStopped):
        return JobOutcome(job.id, job.attempts, "queued", forgiven=True), "returned"
    if job.attempts >= max_attempts or isinstance(error, PermanentFailure):
        return JobOutcome(job.id, job.attempts, "dead", message), "dead"
    return JobOutcome(job.id, job.attempts, "queued", message, now + int(back_off(job.attempts) * 1000)), "failed"
