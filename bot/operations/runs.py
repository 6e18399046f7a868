"""Workflow runs: request them, adopt those that GitHub has started, and cancel them."""

import secrets
from datetime import timedelta
from typing import Any

from bot.context import Context
from bot.events.releases import RunAdopted, StrayRun
from bot.github import workflow_runs
from bot.log import bind_log_context
from bot.operations import events, jobs
from bot.queue.jobs import enqueue
from bot.rules.ids import RunId, RunRowId
from bot.rules.runs import workflow_path
from bot.store.audit import AuditEntry
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment
from bot.store.runs import Run

UNDISPATCHED = ("wanted", "posted")
UNFINISHED = (*UNDISPATCHED, "running")


async def request(
    context: Context, candidate: Candidate, workflow: str, minutes: int, deployment: Deployment | None = None
) -> Run:
    """Request a run at a candidate's commit, in the caller's transaction: its build, or a deployment of it.

    A job dispatches the workflow. The run has to end within `minutes`.
    """
    subject = f"cut-{candidate.id}" if deployment is None else f"dep-{deployment.id}"
    run = await Run.create(
        repository_id=candidate.repository_id,
        candidate_id=candidate.id if deployment is None else None,
        deployment_id=None if deployment is None else deployment.id,
        workflow=workflow_path(workflow),
        commit=candidate.commit,
        request_id=f"{subject}-{secrets.token_hex(5)}",
        deadline_at=context.now() + timedelta(minutes=minutes),
        created_at=context.now(),
    )
    lock = jobs.candidate_lock(candidate.id) if deployment is None else jobs.environment_lock(deployment.environment_id)
    await enqueue(jobs.DispatchRun(run.id, lock))
    return run


async def job_lock(run: Run) -> str:
    """The lock of jobs about a run: its environment's, or its candidate's."""
    if run.deployment_id is not None:
        return jobs.environment_lock((await Deployment.get(id=run.deployment_id)).environment_id)
    if run.candidate_id is not None:
        return jobs.candidate_lock(run.candidate_id)
    raise ValueError(f"run {run.id} has neither a candidate nor a deployment")


async def lock(run_id: RunRowId) -> Run:
    """Lock a run's rows for a change, in the caller's transaction.

    They are locked in the same order everywhere, to avoid deadlocks: environment, deployment or candidate, run.
    """
    run = await Run.get(id=run_id)
    if run.deployment_id is None:
        await Candidate.select_for_update().get(id=run.candidate_id)
    else:
        deployment = await Deployment.get(id=run.deployment_id)
        await Environment.select_for_update().get(id=deployment.environment_id)
        await Deployment.select_for_update().get(id=deployment.id)
    return await Run.select_for_update().get(id=run_id)


def bind_subject(candidate: Candidate, deployment: Deployment | None) -> None:
    """Add the candidate (with its project fetched) and the deployment to the log lines of this unit of work."""
    bind_log_context(project=candidate.project.name, candidate=candidate.version, commit=candidate.commit)
    if deployment is not None:
        bind_log_context(deployment=deployment.id)


async def newest(**subject: int) -> Run | None:
    """The newest run of a candidate (`candidate_id=`) or a deployment (`deployment_id=`)."""
    return await Run.filter(**subject).order_by("-id").first()


async def save(run: Run, **values: Any) -> None:
    """Set some columns of a run."""
    run.update_from_dict(values)
    await run.save(update_fields=list(values))


async def adopt(context: Context, run: Run, github_id: RunId, url: str | None = None) -> bool:
    """Record that GitHub has started the run, in the caller's transaction. False when the run is no longer expected."""
    is_nameless = run.state == "lost" and run.github_id is None
    if run.state not in UNDISPATCHED and not is_nameless:
        return False
    await save(run, state="running", github_id=github_id, url=url, status="queued", checked_at=context.now())
    await events.record(context, RunAdopted(commit=run.commit, request_id=run.request_id, run_id=github_id))
    return True


async def cancel(context: Context, run: Run | None) -> bool:
    """Cancel a run, in the caller's transaction: at once if it was never dispatched, otherwise by a job.

    Returns whether the run has ended already; if not, GitHub reports its end later.
    """
    if run is None or run.state not in UNFINISHED:
        return True
    canceled = {"state": "failed", "conclusion": "cancelled"}
    if await Run.filter(id=run.id, state="wanted").update(**canceled):  # a job may be dispatching it right now
        run.update_from_dict(canceled)
        return True
    await save(run, cancel_requested=True)
    if run.github_id is not None:
        await enqueue(jobs.CancelRun(run.id))
    return False


async def perform_cancel(context: Context, job: jobs.CancelRun) -> None:
    """Job: ask GitHub to cancel a run."""
    run = await Run.get(id=job.run).select_related("repository")
    if run.github_id is not None:
        await workflow_runs.cancel(context.client_for(run.repository), run.github_id, force=job.forced)


async def cancel_stray(context: Context, run: Run, github_id: RunId, reason: str) -> None:
    """Have a run canceled that should not exist, and raise the alarm, once."""
    stray = StrayRun(commit=run.commit, request_id=run.request_id, run_id=github_id, reason=reason)
    async with transaction():
        await Run.select_for_update().get(id=run.id)
        if await AuditEntry.exists(act=stray.name, alarm=True, subject=stray.subject):
            return  # every webhook about the run gets here
        await events.record(context, stray)
        await enqueue(jobs.CancelStrayRun(run.id, github_id))


async def perform_cancel_stray(context: Context, job: jobs.CancelStrayRun) -> None:
    """Job: ask GitHub to cancel a run that is not the one Longshore tracks."""
    run = await Run.get(id=job.run).select_related("repository")
    await workflow_runs.cancel(context.client_for(run.repository), job.github_id)
