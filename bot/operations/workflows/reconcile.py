"""Reconciliation: webhooks are hints, so GitHub is also asked for what they should have reported."""

from datetime import UTC, datetime, timedelta

import orjson
import structlog
from tortoise.expressions import Q

from bot.context import Context
from bot.errors import DatabaseUnavailable, Refusal, Unavailable
from bot.github import deliveries
from bot.github.transport import ResponseTooLarge
from bot.operations import candidates, deployments, jobs, repositories, runs, tag_jobs, webhooks
from bot.operations.workflows import tracking
from bot.queue.intake import WebhookDelivery, delivery_key
from bot.queue.jobs import enqueue
from bot.rules import deployments as rules
from bot.rules.ids import RunRowId
from bot.rules.webhooks import is_refusal
from bot.store.candidates import Candidate
from bot.store.database import fetch, transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment, Project, Repository
from bot.store.runs import Run

log = structlog.get_logger()

SILENCE = timedelta(minutes=2)  # without news of a run, after which GitHub is asked
DELIVERIES_KEPT = timedelta(days=3)  # by GitHub
SWEEP_OVERLAP = timedelta(minutes=15)  # between two sweeps
MAX_ROWS = 500  # in one pass
PEOPLE_MOVED_ON = frozenset({"check_run"})
"""Events that are not fetched once they are older than MAX_AGE: whoever clicked has seen that nothing happened.

Comments carry their own time, and are answered.
"""
MAX_AGE = timedelta(hours=1)


async def reconcile(context: Context, job: jobs.Reconcile, silence: timedelta = SILENCE) -> None:
    """Job: enqueue jobs for runs without recent news, and for builds and deployments past their deadlines."""
    now = context.now()
    tracked = Q(state="running") | Q(state="lost", github_id__not_isnull=True, deadline_at__gt=now)
    silent = Run.filter(tracked, checked_at__lt=now - silence).order_by("checked_at")
    for run in await silent.limit(MAX_ROWS):
        await enqueue(jobs.FollowRun(run.id, await runs.job_lock(run)))
    late_builds = Run.filter(state__in=list(runs.UNFINISHED), deployment_id=None, deadline_at__lt=now)
    for run in await late_builds.limit(MAX_ROWS):
        await enqueue(jobs.ExpireBuild(run.id, await runs.job_lock(run)))
    late_deployments = Deployment.filter(status__in=list(rules.UNFINISHED), deadline_at__lt=now)
    for deployment in await late_deployments.limit(MAX_ROWS):
        await enqueue(jobs.ExpireDeployment(deployment.id, deployment.environment_id))


async def expire_build(context: Context, job: jobs.ExpireBuild) -> None:
    """Job: refresh a build past its deadline, then fail it and cancel its run."""
    await _refresh_before_deadline(context, job.run)
    async with transaction():
        run = await runs.lock(job.run)
        if run.state not in runs.UNFINISHED or run.candidate_id is None:
            return
        candidate = await Candidate.get(id=run.candidate_id)
        project = await Project.get(id=candidate.project_id)
        reason = f"The build did not end within {project.build_deadline_minutes} minutes: {_progress(run)}."
        await runs.cancel(context, run)
        await candidates.finish_build(context, candidate, "failed", reason)
        await _stop_waiting(run)


async def expire_deployment(context: Context, job: jobs.ExpireDeployment) -> None:
    """Job: refresh a deployment past its deadline, then end it with an error that says what it waited for.

    Unless GitHub holds the run for the reviewers of its environment.
    """
    run = await runs.newest(deployment_id=job.deployment)
    if run is not None:
        await _refresh_before_deadline(context, run.id)
    async with transaction():
        deployment = await Deployment.select_for_update().get(id=job.deployment)
        if deployment.status in rules.FINAL:
            return
        environment = await Environment.get(id=deployment.environment_id)
        run = await runs.newest(deployment_id=job.deployment)
        if run is not None and run.state == "running" and run.status == "waiting" and deployment.status == "pending":
            await _wait_for_reviewers(context, deployment)
            return
        await runs.cancel(context, run)
        if run is not None:
            await _stop_waiting(run)
        if deployment.status == "canceling":
            await deployments.finish(context, deployment, "canceled", "GitHub did not confirm that the run has ended.")
        else:
            await deployments.finish(context, deployment, "error", _why_late(environment, run))


async def _wait_for_reviewers(context: Context, deployment: Deployment) -> None:
    """Look again later: while GitHub holds a run for the reviewers of its environment, there is no deadline."""
    deployment.deadline_at = context.now() + deployments.POLL
    await deployment.save(update_fields=["deadline_at"])


async def sweep_deliveries(context: Context, job: jobs.SweepDeliveries) -> None:
    """Job: enqueue a job for each webhook delivery that did not arrive.

    GitHub never redelivers by itself and keeps deliveries for three days. All attempts are read, since GitHub's filter
    for failures leaves out timeouts. A stored delivery is found by its GUID. If the newest ones were refused, that is
    an alarm.
    """
    arrived = set()  # newest first: an attempt that arrived is seen before those that did not
    refused: list[int] = []
    async for delivery in deliveries.recent(context.github, await _unswept(context)):
        if delivery.ok:
            arrived.add(delivery.guid)
            continue
        if not arrived and is_refusal(delivery.status_code):
            refused.append(delivery.status_code)
        if delivery.event in PEOPLE_MOVED_ON and context.github_now() - delivery.delivered_at > MAX_AGE:
            continue
        if delivery.guid not in arrived and not await _is_stored(delivery.guid):
            await enqueue(jobs.FetchDelivery(delivery.id, delivery.guid, delivery.event))
    if refused:
        await webhooks.report_refused(context, refused[0], len(refused))


async def fetch_delivery(context: Context, job: jobs.FetchDelivery) -> None:
    """Job: fetch one missed delivery from GitHub, and enqueue it like one that arrived.

    One that is too large to be fetched is delivered again by GitHub.
    """
    try:
        payload = await deliveries.payload(context.github, job.delivery)
    except ResponseTooLarge:
        await deliveries.redeliver(context.github, job.delivery)
        return
    if payload is None or await _is_stored(job.guid):
        return
    await enqueue(WebhookDelivery(job.guid, job.event, "application/json", orjson.dumps(payload)))


async def check_repositories(context: Context, job: jobs.CheckRepositories) -> None:
    """Job: enqueue a check of every repository and its tags; those not seen for long count as private until then."""
    await repositories.hide_unseen(context)
    for row in await Repository.all().only("github_id"):
        await repositories.schedule_check(row.github_id, once=True)
        await enqueue(tag_jobs.FindTags(row.github_id))


async def _refresh_before_deadline(context: Context, run_id: RunRowId) -> None:
    """Ask GitHub for a run's status before its deadline takes effect. A failure is only logged."""
    try:
        await tracking.refresh(context, run_id)
    except DatabaseUnavailable:
        raise
    except (Unavailable, Refusal) as problem:
        log.warning("run not refreshed before its deadline", run=run_id, error=problem.sentence)


async def _stop_waiting(run: Run) -> None:
    """Stop tracking a run: only a newer attempt of it counts.

    One that may have been dispatched is searched for, so that it can be canceled.
    """
    if run.state == "running":
        await runs.save(run, state="done")
    elif run.state == "posted":
        await enqueue(jobs.DispatchRun(run.id, await runs.job_lock(run)))


def _why_late(environment: Environment, run: Run | None) -> str:
    minutes = environment.deploy_deadline_minutes
    if run is None:
        return f"No pipeline reported an end within {minutes} minutes."
    return f"The deployment did not end within {minutes} minutes: {_progress(run)}. Its run was canceled."


def _progress(run: Run) -> str:
    """How far a run has come."""
    if run.misses:
        return "GitHub no longer has its run"
    if run.github_id:
        return f"GitHub says `{run.status}`"
    return "GitHub does not list its run" if run.accepted else "its workflow could not be started"


async def _unswept(context: Context) -> timedelta:
    """The greatest age of deliveries that the last sweep may have missed."""
    [newest] = await fetch(
        "SELECT max(created_at) AS at FROM jobs WHERE kind = 'sweep_deliveries' AND state = 'done' AND error IS NULL"
    )
    if newest["at"] is None:
        return DELIVERIES_KEPT
    age = context.now() - datetime.fromtimestamp(newest["at"] / 1000, UTC)
    was_set_back = age < timedelta()  # our clock: it does not tell how long ago that was
    return DELIVERIES_KEPT if was_set_back else min(age + SWEEP_OVERLAP, DELIVERIES_KEPT)


async def _is_stored(guid: str) -> bool:
    return bool(await fetch("SELECT 1 AS one FROM jobs WHERE key = $1 AND kind = 'webhook'", delivery_key(guid)))
