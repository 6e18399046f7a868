"""Which operation performs which kind of job, what is due at intervals, and how failures outside are waited for."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import structlog

from bot.context import Context
from bot.errors import Unavailable
from bot.github.limits import Limited
from bot.github.transport import ApiError
from bot.operations import comments, idempotency_records, jobs, repositories, runs, tags
from bot.operations.workflows import reconcile, tracking
from bot.operations.workflows.dispatch import Dispatcher
from bot.queue.intake import WebhookDelivery
from bot.queue.jobs import Job, LeasedJob, PermanentFailure, RetryLater
from bot.queue.leases import ensure_lease
from bot.queue.retention import prune

JobType = TypeVar("JobType", bound=Job)
Performer = Callable[[Context, JobType], Awaitable[None]]

MAX_OUTAGE = timedelta(days=1)
LONGEST_WAIT = timedelta(minutes=10)

EVERY: Mapping[Job, float] = {  # seconds from one to the next
    jobs.Reconcile(): 60,
    jobs.SweepDeliveries(): 30 * 60,
    jobs.CheckRepositories(): 60 * 60,
    jobs.Prune(): 60 * 60,
}
FIRST_AFTER: Mapping[Job, float] = {
    jobs.SweepDeliveries(): 3.0
}  # seconds after the start, when webhooks are taken again

log = structlog.get_logger()


class Registry:
    """The performer of each kind of job."""

    def __init__(self) -> None:
        self._performers: dict[str, tuple[type[Job], Performer[Any]]] = {}

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind of job that can be performed."""
        return frozenset(self._performers)

    def register(self, job: type[JobType], performer: Performer[JobType]) -> None:
        """Have a kind of job performed by one function."""
        self._performers[job.kind] = (job, performer)

    async def perform(self, context: Context, row: LeasedJob) -> None:
        """Perform one job. An outage is waited out, with growing pauses; for a day that counts as no failure."""
        if row.kind not in self._performers:
            raise PermanentFailure(f"There is no job of the kind `{row.kind}` any more: discard it.")
        job, performer = self._performers[row.kind]
        try:
            await performer(context.with_lease(lambda seconds: ensure_lease(row, seconds)), job.read(row))
        except Limited as limited:
            raise RetryLater(context.now() + timedelta(seconds=limited.retry_after), _reason(limited)) from limited
        except ApiError as refused:
            raise Unavailable(_reason(refused)) from refused
        except Unavailable as unavailable:
            age = context.now() - datetime.fromtimestamp(row.created_at / 1000, UTC)
            if age > MAX_OUTAGE:
                raise Unavailable(_reason(unavailable)) from unavailable
            wait = min(max(timedelta(seconds=unavailable.retry_after), age / 4), LONGEST_WAIT)
            raise RetryLater(context.now() + wait, _reason(unavailable)) from unavailable


def registry(dispatcher: Dispatcher, process_webhook: Performer[WebhookDelivery]) -> Registry:
    """Every kind of job with its performer."""
    found = Registry()
    found.register(WebhookDelivery, process_webhook)
    found.register(jobs.DispatchRun, dispatcher.dispatch)
    found.register(jobs.FollowRun, tracking.follow)
    found.register(jobs.CancelRun, runs.perform_cancel)
    found.register(jobs.CancelStrayRun, runs.perform_cancel_stray)
    found.register(jobs.RunCommands, comments.run_commands)
    found.register(jobs.PostReply, comments.post_reply)
    found.register(jobs.CheckTag, tags.check)
    found.register(jobs.CutByTag, tags.cut)
    found.register(jobs.ExpireBuild, reconcile.expire_build)
    found.register(jobs.ExpireDeployment, reconcile.expire_deployment)
    found.register(jobs.FetchDelivery, reconcile.fetch_delivery)
    found.register(jobs.CheckRepository, repositories.check)
    found.register(jobs.Reconcile, reconcile.reconcile)
    found.register(jobs.SweepDeliveries, reconcile.sweep_deliveries)
    found.register(jobs.CheckRepositories, reconcile.check_repositories)
    found.register(jobs.Prune, _prune)
    return found


async def _prune(context: Context, job: jobs.Prune) -> None:
    now = context.now()
    log.info("pruned", jobs=await prune(now), answers=await idempotency_records.prune(now))


def _reason(unavailable: Unavailable) -> str:
    return f"{unavailable.sentence}: {unavailable.details.get('reason', 'no reason given')}"
