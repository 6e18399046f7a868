"""Runs that we ask GitHub for: wanted, adopted once GitHub has them, and cancelled."""

import secrets
from datetime import timedelta
from typing import Any

from bot.context import Context
from bot.log import bind_log_context
from bot.operations import audit
from bot.queue.jobs import enqueue
from bot.rules.runs import workflow_path
from bot.store.audit import AuditEntry
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment
from bot.store.runs import Run

UNDISPATCHED = ("wanted", "posted")
UNENDED = (*UNDISPATCHED, "running")


async def want(
    context: Context,
    *,
    candidate: Candidate,
    workflow: str,
    minutes: int,
    deployment: Deployment | None = None,
) -> Run:
    """Ask for a run at a candidate's commit, in the caller's transaction: of its build, or of a deployment of it.

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
    lock = lock_of(candidate_id=candidate.id, deployment=deployment)
    # before webhooks, some of which wait for the answer to this
    await enqueue("dispatch", {"run": run.id}, key=f"dispatch:{run.id}", lock=lock, priority=8)
    return run


def lock_of(*, candidate_id: int | None, deployment: Deployment | None) -> str:
    """The lock under which everything about a run is done: its environment's, or its candidate's."""
    return f"candidate:{candidate_id}" if deployment is None else f"environment:{deployment.environment_id}"


async def lock_of_run(run: Run) -> str:
    """The lock of a run whose deployment is not at hand."""
    deployment = await Deployment.get(id=run.deployment_id) if run.deployment_id else None
    return lock_of(candidate_id=run.candidate_id, deployment=deployment)


async def lock(run_id: int) -> Run:
    """A run to be changed, in the caller's transaction.

    Rows are locked in one order wherever several are: environment, deployment or candidate, run. Two transactions then
    wait for each other at most in turn.
    """
    run = await Run.get(id=run_id)
    if run.deployment_id is None:
        await Candidate.select_for_update().get(id=run.candidate_id)
    else:
        deployment = await Deployment.get(id=run.deployment_id)
        await Environment.select_for_update().get(id=deployment.environment_id)
        await Deployment.select_for_update().get(id=deployment.id)
    return await Run.select_for_update().get(id=run_id)


def tell(candidate: Candidate, deployment: Deployment | None) -> None:
    """Let the log say which candidate (with its project at hand), and which deployment of it, is worked on."""
    bind_log_context(project=candidate.project.name, candidate=candidate.version, commit=candidate.commit)
    if deployment is not None:
        bind_log_context(deployment=deployment.id)


async def newest(**of: int) -> Run | None:
    """The newest run of a candidate (`candidate_id=`) or a deployment (`deployment_id=`)."""
    return await Run.filter(**of).order_by("-id").first()


async def save(run: Run, **values: Any) -> None:
    """Write some columns of a run."""
    run.update_from_dict(values)
    await run.save(update_fields=list(values))


async def adopt(context: Context, run: Run, github_id: int, url: str | None = None) -> bool:
    """Take note that GitHub has the run, in the caller's transaction. False where none is waited for any more."""
    if run.state not in UNDISPATCHED:
        return False
    await save(run, state="running", github_id=github_id, url=url, status="queued", checked_at=context.now())
    await audit.record(context, "run.begin", run.request_id, commit=run.commit, after={"run": github_id})
    return True


async def cancel(context: Context, run: Run | None) -> bool:
    """Cancel a run, in the caller's transaction: at once where it was never sent, else by a job once GitHub has it.

    Gives whether it has ended with that; where it has not, GitHub's word on it is waited for.
    """
    if run is None or run.state not in UNENDED:
        return True
    unsent = {"state": "failed", "conclusion": "cancelled"}
    if await Run.filter(id=run.id, state="wanted").update(**unsent):  # it may be sent in this very moment
        run.update_from_dict(unsent)
        return True
    await save(run, cancel_requested=True)
    if run.github_id is not None:
        await enqueue("cancel", {"run": run.id}, key=f"cancel:{run.id}", priority=1)
    return False


async def perform_cancel(context: Context, run_id: int) -> None:
    """Job `cancel`: ask GitHub to cancel a run; by force where it is not at the commit that was approved."""
    run = await Run.get(id=run_id).select_related("repository")
    if run.github_id is not None:
        await context.at(run.repository).cancel_run(run.github_id, force=run.state == "failed")


async def cancel_stray(context: Context, run: Run, github_id: int, why: str) -> None:
    """Have a run cancelled that ought not to be there, and raise the alarm."""
    subject = f"{run.request_id}: run {github_id}"
    async with transaction():
        await Run.select_for_update().get(id=run.id)
        if await AuditEntry.exists(act="run.stray", alarm=True, subject=subject):
            return  # it is known, and told by every event of it
        await audit.alarm(context, "run.stray", subject, commit=run.commit, after={"run": github_id, "why": why})
        await enqueue("cancel_stray", {"run": run.id, "github_id": github_id}, key=f"cancel-stray:{github_id}")


async def perform_cancel_stray(context: Context, run_id: int, github_id: int) -> None:
    """Job `cancel_stray`: ask GitHub to cancel a run that is not the one we follow."""
    run = await Run.get(id=run_id).select_related("repository")
    await context.at(run.repository).cancel_run(github_id)
