"""Which operation performs which kind of job, which jobs recur, and how jobs are retried during outages of GitHub."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog

from bot.context import Context
from bot.errors import DatabaseUnavailable, Unavailable
from bot.github.limits import Limited
from bot.github.transport import ApiError
from bot.operations import (
    automatic_deployments,
    check_clicks,
    check_runs,
    comment_limits,
    comments,
    config_jobs,
    config_lint,
    configuration,
    distances,
    external_deployments,
    found_tags,
    gate_jobs,
    github_deployments,
    idempotency_records,
    installations,
    jobs,
    project_views,
    protection_requests,
    pushed_tags,
    repositories,
    runs,
    sessions,
    status_comments,
    tag_jobs,
    tags,
    view_jobs,
    waiting_deployments,
)
from bot.operations.workflows import reconcile, tracking
from bot.operations.workflows.dispatch import Dispatcher
from bot.queue.intake import WebhookDelivery
from bot.queue.jobs import Job, LeasedJob, PermanentFailure, RetryLater
from bot.queue.leases import ensure_lease
from bot.queue.retention import prune
from bot.settings import Settings
from handlers import webhooks
from handlers.large_payloads import LargePayloads

JobType = TypeVar("JobType", bound=Job)
Performer = Callable[[Context, JobType], Awaitable[None]]

MAX_OUTAGE = timedelta(days=1)
MAX_PAUSE = timedelta(minutes=10)

INTERVALS: Mapping[Job, float] = {
    jobs.Reconcile(): 60,
    gate_jobs.SweepWaiting(): 10,
    jobs.SweepDeliveries(): 30 * 60,
    jobs.CheckRepositories(): 60 * 60,
    jobs.Prune(): 60 * 60,
}
"""Recurring jobs, each with its interval in seconds."""

FIRST_DELAYS: Mapping[Job, float] = {jobs.SweepDeliveries(): 3.0}
"""Seconds from the start of the process to a recurring job's first run, once webhooks are received again."""

log = structlog.get_logger()


class Registry:
    """The function that performs each kind of job."""

    def __init__(self) -> None:
        self._performers: dict[str, tuple[type[Job], Performer[Any]]] = {}

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind of job that can be performed."""
        return frozenset(self._performers)

    def register(self, job: type[JobType], performer: Performer[JobType]) -> None:
        """Register the function that performs a kind of job."""
        self._performers[job.kind] = (job, performer)

    async def perform(self, context: Context, leased: LeasedJob) -> None:
        """Perform one job. Outages of GitHub are retried with growing pauses and count as failures only after a day."""
        if leased.kind not in self._performers:
            raise PermanentFailure(f"Jobs of the kind `{leased.kind}` no longer exist: discard this one.")
        job, performer = self._performers[leased.kind]
        try:
            await performer(context.with_lease(lambda seconds: ensure_lease(leased, seconds)), job.read(leased))
        except Limited as limited:
            raise RetryLater(context.now() + timedelta(seconds=limited.retry_after), _reason(limited)) from limited
        except ApiError as error:
            raise Unavailable(_reason(error)) from error
        except DatabaseUnavailable:  # the worker tries again later
            raise
        except Unavailable as unavailable:
            age = context.now() - datetime.fromtimestamp(leased.created_at / 1000, UTC)
            if age > MAX_OUTAGE:
                raise Unavailable(_reason(unavailable)) from unavailable
            pause = min(max(timedelta(seconds=unavailable.retry_after), age / 4), MAX_PAUSE)
            raise RetryLater(context.now() + pause, _reason(unavailable)) from unavailable


def build_registry(settings: Settings) -> Registry:
    """The registry of all kinds of jobs."""
    registry = Registry()
    registry.register(WebhookDelivery, partial(webhooks.process, large=LargePayloads()))
    registry.register(jobs.DispatchRun, Dispatcher(settings.dispatch_search_seconds).dispatch)
    registry.register(jobs.FollowRun, tracking.follow)
    registry.register(jobs.CancelRun, runs.perform_cancel)
    registry.register(jobs.CancelStrayRun, runs.perform_cancel_stray)
    registry.register(jobs.RunCommands, comments.run_commands)
    registry.register(jobs.PostReply, comments.post_reply)
    registry.register(gate_jobs.React, comments.react)
    registry.register(jobs.CheckTag, tags.check)
    registry.register(jobs.CutByTag, pushed_tags.handle)
    registry.register(tag_jobs.RunTagCommands, pushed_tags.run_commands)
    registry.register(tag_jobs.FindTags, found_tags.find)
    registry.register(tag_jobs.AnswerTag, pushed_tags.post_answer)
    registry.register(jobs.ExpireBuild, reconcile.expire_build)
    registry.register(jobs.ExpireDeployment, reconcile.expire_deployment)
    registry.register(gate_jobs.EvaluateWaiting, waiting_deployments.evaluate)
    registry.register(gate_jobs.DeployAutomatically, automatic_deployments.deploy)
    registry.register(gate_jobs.JudgeDeployment, external_deployments.judge)
    registry.register(gate_jobs.SweepWaiting, waiting_deployments.sweep)
    registry.register(config_jobs.ApplyConfiguration, configuration.perform)
    registry.register(config_jobs.TellBroken, configuration.tell_broken)
    registry.register(config_jobs.LintConfiguration, config_lint.lint)
    registry.register(distances.CountChanges, distances.count)
    registry.register(view_jobs.ShowComment, status_comments.show)
    registry.register(view_jobs.ShowCheckRun, check_runs.show)
    registry.register(view_jobs.ShowDeployment, github_deployments.show)
    registry.register(view_jobs.ShowProject, project_views.show)
    registry.register(view_jobs.ClickButton, check_clicks.perform)
    registry.register(view_jobs.AnswerProtection, protection_requests.answer)
    registry.register(jobs.FetchDelivery, reconcile.fetch_delivery)
    registry.register(jobs.CheckRepository, repositories.check)
    registry.register(jobs.CheckInstallation, installations.check)
    registry.register(jobs.Reconcile, reconcile.reconcile)
    registry.register(jobs.SweepDeliveries, reconcile.sweep_deliveries)
    registry.register(jobs.CheckRepositories, reconcile.check_repositories)
    registry.register(jobs.Prune, _prune)
    return registry


async def _prune(context: Context, job: jobs.Prune) -> None:
    now = context.now()
    answers, comments = await idempotency_records.prune(now), await comment_limits.prune(now)
    ended = await sessions.prune(now)
    log.info("pruned", jobs=await prune(now), answers=answers, comments=comments, sessions=ended)


def _reason(unavailable: Unavailable) -> str:
    reason = unavailable.details.get("reason")
    return f"{unavailable.sentence}: {reason}" if reason else unavailable.sentence
