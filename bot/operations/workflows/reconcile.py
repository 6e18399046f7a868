"""Asking GitHub what we missed: webhooks are hints, and this is where the truth comes from."""

from datetime import datetime, timedelta

import structlog

from bot.context import Context
from bot.errors import Refusal, Unavailable
from bot.operations import candidates, deployments, repositories, runs
from bot.operations.workflows import tracking
from bot.queue.jobs import enqueue
from bot.rules import deployments as rules
from bot.store.candidates import Candidate
from bot.store.database import fetch, transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment, Project, Repository
from bot.store.runs import Run

log = structlog.get_logger()

SILENCE = timedelta(minutes=2)  # without news, after which a run is asked for
DELIVERIES_KEPT = timedelta(days=3)  # by GitHub
OVERLAP = timedelta(minutes=15)  # between two sweeps
MOST_AT_ONCE = 500


async def reconcile(context: Context, silence: timedelta = SILENCE) -> None:
    """Job `reconcile`: have runs asked for that were not heard of, and ended what is past its deadline."""
    now = context.now()
    silent = Run.filter(state="running", checked_at__lt=now - silence).order_by("checked_at")
    for run in await silent.limit(MOST_AT_ONCE):
        await enqueue("follow", {"run": run.id}, key=f"follow:{run.id}", lock=await runs.lock_of_run(run))
    late_runs = Run.filter(state__in=list(runs.UNENDED), deployment_id=None, deadline_at__lt=now)
    for run in await late_runs.limit(MOST_AT_ONCE):
        lock = await runs.lock_of_run(run)
        await enqueue("expire_build", {"run": run.id}, key=f"expire-build:{run.id}", lock=lock)
    waiting = [status for status in rules.STATUSES if status not in rules.FINAL]
    for late in await Deployment.filter(status__in=waiting, deadline_at__lt=now).limit(MOST_AT_ONCE):
        key, lock = f"expire-deployment:{late.id}", f"environment:{late.environment_id}"
        await enqueue("expire_deployment", {"deployment": late.id}, key=key, lock=lock)


async def expire_build(context: Context, run_id: int) -> None:
    """Job `expire_build`: a build past its deadline is asked for once more, then failed and cancelled."""
    await _ask(context, run_id)
    async with transaction():
        run = await runs.lock(run_id)
        if run.state not in runs.UNENDED or run.candidate_id is None:
            return
        candidate = await Candidate.get(id=run.candidate_id)
        project = await Project.get(id=candidate.project_id)
        stood = f"GitHub says `{run.status}`" if run.github_id else "it could not be dispatched"
        reason = f"The build did not end within {project.build_deadline_minutes} minutes: {stood}."
        await runs.cancel(context, run)
        await candidates.finish_build(context, candidate, "failed", reason)
        await _let_go(run)


async def expire_deployment(context: Context, deployment_id: int) -> None:
    """Job `expire_deployment`: one past its deadline is asked for once more, then ended with what it waited for."""
    run = await runs.newest(deployment_id=deployment_id)
    if run is not None:
        await _ask(context, run.id)
    async with transaction():
        deployment = await Deployment.select_for_update().get(id=deployment_id)
        if deployment.status in rules.FINAL:
            return
        place = await Environment.get(id=deployment.environment_id)
        run = await runs.newest(deployment_id=deployment_id)
        await runs.cancel(context, run)
        if run is not None:
            await _let_go(run)
        if deployment.status == "canceling":
            await deployments.finish(context, deployment, "canceled", "GitHub did not confirm that the run has ended.")
        else:
            await deployments.finish(context, deployment, "error", _why_late(place, run))


async def _ask(context: Context, run_id: int) -> None:
    """Ask GitHub once more; a deadline stands even when GitHub cannot be asked."""
    try:
        await tracking.follow(context, run_id)
    except (Unavailable, Refusal) as problem:
        log.warning("not asked before the deadline", run=run_id, error=problem.sentence)


async def _let_go(run: Run) -> None:
    """Wait for a run no longer: only a newer attempt of it counts. One that may have been sent is searched for, to be
    cancelled if it is found."""
    if run.state == "running":
        await runs.save(run, state="done")
    elif run.state == "posted":
        lock = await runs.lock_of_run(run)
        await enqueue("dispatch", {"run": run.id}, key=f"dispatch:{run.id}", lock=lock)


async def sweep_deliveries(context: Context) -> None:
    """Job `sweep_deliveries`: take in what GitHub tried to deliver to us and could not.

    GitHub never delivers again by itself and keeps deliveries for three days. An attempt is looked at whatever its
    status code: one that timed out is no failure in GitHub's filter. What we stored is known by its GUID.
    """
    arrived = set()  # newest first: an attempt that arrived is seen before those that did not
    async for delivery in context.github.deliveries(await _swept_until(context)):
        if delivery.ok:
            arrived.add(delivery.guid)
        elif delivery.guid not in arrived and not await _is_stored(delivery.guid):
            payload = {"delivery": delivery.id, "guid": delivery.guid, "event": delivery.event}
            await enqueue("fetch_delivery", payload, key=f"fetch-delivery:{delivery.guid}")


async def fetch_delivery(context: Context, delivery_id: int, guid: str, event: str) -> None:
    """Job `fetch_delivery`: take in one missed delivery, asked of GitHub by our own credentials."""
    payload = await context.github.delivery_payload(delivery_id)
    if payload is None or await _is_stored(guid):
        return
    headers = {"event": event, "content_type": "application/json"}
    await enqueue("webhook", payload, key=guid, keep=True, headers=headers)


async def check_repositories(context: Context) -> None:
    """Job `check_repositories`: have every repository of ours looked at, one job each."""
    for row in await Repository.all().only("github_id"):
        await repositories.schedule_check(row.github_id, key=f"check-repository:{row.github_id}")


async def check_repository(context: Context, repository: int) -> None:
    """Job `check_repository`: bring one repository's row up to date."""
    await repositories.check(context, await Repository.get(github_id=repository))


def _why_late(place: Environment, run: Run | None) -> str:
    minutes = place.deploy_deadline_minutes
    if run is None:
        return f"No pipeline reported an end within {minutes} minutes."
    stood = f"GitHub says `{run.status}`" if run.github_id else "its workflow could not be dispatched"
    return f"The deployment did not end within {minutes} minutes: {stood}. Its run was cancelled."


async def _swept_until(context: Context) -> datetime:
    rows = await fetch(
        "SELECT max(created_at) AS at FROM jobs WHERE kind = 'sweep_deliveries' AND state = 'done' AND error IS NULL"
    )
    oldest = context.now() - DELIVERIES_KEPT
    if not rows or rows[0]["at"] is None:
        return oldest
    return max(oldest, datetime.fromtimestamp(rows[0]["at"] / 1000, tz=oldest.tzinfo) - OVERLAP)


async def _is_stored(guid: str) -> bool:
    return bool(await fetch("SELECT 1 AS one FROM jobs WHERE key = $1 AND kind = 'webhook'", guid))
