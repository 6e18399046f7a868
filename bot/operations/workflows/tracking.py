"""Following runs to their end, by webhook or by asking: the same facts take the same way."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from bot.context import Context
from bot.operations import audit, candidates, deployments, runs
from bot.queue.jobs import RetryLater, enqueue
from bot.rules import candidates as candidate_rules
from bot.rules import deployments as deployment_rules
from bot.rules.runs import RunFact, is_news, request_ids
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment
from bot.store.runs import Run

PARKED = timedelta(milliseconds=250)
PARKED_LONGEST = timedelta(seconds=5)
PARKED_AT_MOST = timedelta(minutes=2)


async def on_webhook(context: Context, repository: int, fact: RunFact) -> None:
    """Take a webhook's word of a run: if it is one of ours, a job under its lock looks at it.

    Word may come before the answer to our own request is stored: then it waits.
    """
    age = context.now() - fact.created_at
    since = context.now() - PARKED_AT_MOST
    posted = Run.filter(repository_id=repository, workflow=fact.workflow, state="posted", posted_at__gt=since)
    # asked before the run is: the answer may be stored in between
    may_be_ours = fact.event == "workflow_dispatch" and age <= PARKED_AT_MOST and await posted.exists()
    run = await Run.filter(repository_id=repository, github_id=fact.id).order_by("-first_attempt").first()
    if run is not None:
        await enqueue("observe", written(run, fact), lock=await runs.lock_of_run(run))
    elif may_be_ours:
        # looked at less and less often: hundreds may wait for an answer that somebody has to fetch meanwhile
        again = context.now() + min(max(PARKED, age / 4), PARKED_LONGEST)
        raise RetryLater(again, "the run may be one that is being dispatched")
    elif fact.event == "workflow_dispatch" and fact.status != "completed":
        await _refuse_stray(context, repository, fact)


async def _refuse_stray(context: Context, repository: int, fact: RunFact) -> None:
    """Have a run cancelled that our own bot started for a request that was answered by another, or was given up."""
    asked = await Run.filter(repository_id=repository, request_id__in=request_ids(fact.title)).first()
    if asked is None or asked.state in runs.UNDISPATCHED or fact.actor != await context.github.bot_login():
        return
    why = "dispatched twice" if asked.github_id is not None else "its request had been given up"
    await runs.cancel_stray(context, asked, fact.id, why)


async def apply_fact(context: Context, run_id: int, said: dict[str, Any]) -> None:
    """Job `observe`: let a fact about a run take effect. Facts doubled, late or out of order say nothing new."""
    fact = RunFact(**{**said, "created_at": datetime.fromisoformat(said["created_at"])})
    async with transaction():
        run = await runs.lock(await _row_of(run_id, fact))
        if run.state == "failed":
            return
        if fact.head_sha != run.commit:
            await _refuse_commit(context, run, fact)
        elif not is_news(run.attempt, run.status, fact):
            await runs.save(run, url=fact.url)
        elif run.deployment_id is None:
            await _observe_build(context, run, fact)
        else:
            await _observe_deployment(context, run, fact)


async def _row_of(run_id: int, fact: RunFact) -> int:
    """The row that a fact belongs to: an attempt may have got one of its own since the job was made."""
    repository = (await Run.get(id=run_id)).repository_id
    rows = Run.filter(repository_id=repository, github_id=fact.id, first_attempt__lte=fact.attempt)
    row = await rows.order_by("-first_attempt").first()
    return run_id if row is None else row.id


async def follow(context: Context, run_id: int) -> None:
    """Job `follow`: ask GitHub how a run stands that has not been heard of, and end what is past its deadline."""
    run = await Run.get(id=run_id).select_related("repository")
    if run.state != "running" or run.github_id is None:
        return
    await runs.save(run, checked_at=context.now())
    fact = await context.at(run.repository).run(run.github_id)
    if fact is None:
        await _lost(context, run)
        return
    await apply_fact(context, run.id, written(run, fact)["fact"])


async def _refuse_commit(context: Context, run: Run, fact: RunFact) -> None:
    """What runs is not what was approved: it is cancelled, and nothing that it says counts."""
    reason = f"The run was at {fact.head_sha}, not at {run.commit}: it was cancelled."
    await runs.save(run, state="failed", url=fact.url)
    await enqueue("cancel", {"run": run.id}, key=f"force-cancel:{run.id}", priority=1)
    if run.deployment_id is None:
        candidate = await Candidate.get(id=run.candidate_id)
        await candidates.invalidate(context, candidate, reason)
        return
    deployment = await Deployment.get(id=run.deployment_id).select_related("environment")
    await Candidate.filter(id=deployment.candidate_id).update(tagged=False)
    await deployments.finish(context, deployment, "error", reason)
    await audit.alarm(
        context,
        "deployment.wrong_commit",
        f"{deployment.environment.name} (deployment {deployment.id})",
        project=deployment.environment.project_id,
        commit=run.commit,
        after=fact.head_sha,
    )


async def _observe_build(context: Context, run: Run, fact: RunFact) -> None:
    candidate = await Candidate.get(id=run.candidate_id).select_related("project")
    runs.tell(candidate, None)
    if fact.attempt > run.attempt:
        minutes = candidate.project.build_deadline_minutes
        await runs.save(run, deadline_at=context.now() + timedelta(minutes=minutes))
    if candidate.status == "pending" or fact.attempt > run.attempt:
        await candidates.begin_build(context, candidate)
    await record_status(context, run, fact)
    if fact.status == "completed":
        status, reason = candidate_rules.status_after_run(fact.conclusion)
        await candidates.finish_build(context, candidate, status, reason)


async def _observe_deployment(context: Context, run: Run, fact: RunFact) -> None:
    deployment = await Deployment.get(id=run.deployment_id)
    runs.tell(await Candidate.get(id=deployment.candidate_id).select_related("project"), deployment)
    if deployment.status in deployment_rules.FINAL and fact.attempt > run.attempt:
        deployment, run = await _again(context, deployment, run, fact)
    await record_status(context, run, fact)
    if fact.status == "completed":
        status, message = deployment_rules.status_after_run(fact.conclusion)
        await deployments.finish(context, deployment, status, message)
    elif fact.status == "in_progress":
        await deployments.begin(context, deployment)


async def _again(context: Context, finished: Deployment, run: Run, fact: RunFact) -> tuple[Deployment, Run]:
    """A finished deployment's run was started again on GitHub: a deployment of its own, followed from this attempt."""
    deployment = await deployments.run_again(context, finished)
    place = await Environment.get(id=deployment.environment_id)
    again = await Run.create(
        repository_id=run.repository_id,
        deployment_id=deployment.id,
        workflow=run.workflow,
        commit=run.commit,
        request_id=f"{run.request_id.partition('.')[0]}.{fact.attempt}",
        state="running",
        github_id=run.github_id,
        first_attempt=fact.attempt,
        attempt=fact.attempt,
        deadline_at=context.now() + timedelta(minutes=place.deploy_deadline_minutes),
        created_at=context.now(),
    )
    return deployment, again


async def record_status(context: Context, run: Run, fact: RunFact) -> None:
    """Record how a run stands, in the caller's transaction."""
    await runs.save(
        run,
        attempt=fact.attempt,
        status=fact.status,
        conclusion=fact.conclusion,
        url=fact.url,
        state="done" if fact.status == "completed" else "running",
        checked_at=context.now(),
    )


async def _lost(context: Context, run: Run) -> None:
    """GitHub does not know the run any more: what it was for cannot be told."""
    async with transaction():
        run = await runs.lock(run.id)
        await runs.save(run, state="failed")
        if run.deployment_id is None:
            candidate = await Candidate.get(id=run.candidate_id)
            await candidates.finish_build(context, candidate, "failed", "GitHub has the build run no more.")
        else:
            deployment = await Deployment.get(id=run.deployment_id)
            await deployments.finish(context, deployment, "unknown", "GitHub has the deployment's run no more.")


def written(run: Run, fact: RunFact) -> dict[str, Any]:
    """A fact about a run as a job carries it."""
    return {"run": run.id, "fact": {**asdict(fact), "created_at": fact.created_at.isoformat()}}
