"""Tracking of runs: facts from webhooks and from reconciliation take effect in the same way."""

from datetime import datetime, timedelta

from bot.context import Context
from bot.events.releases import WrongCommitDeployed
from bot.github import workflow_runs
from bot.operations import candidates, deployments, events, external_deployments, jobs, protection_requests, runs
from bot.queue.jobs import PermanentFailure, RetryLater, enqueue
from bot.rules import candidates as candidate_rules
from bot.rules import deployments as deployment_rules
from bot.rules.ids import RepositoryId, RunId, RunRowId
from bot.rules.runs import RunFact, is_news, request_ids
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment
from bot.store.runs import Run

SHORTEST_WAIT = timedelta(milliseconds=250)
LONGEST_WAIT = timedelta(seconds=5)
DISPATCH_WINDOW = timedelta(minutes=2)
"""How long after its creation an unknown run may be one that is being dispatched."""
GITHUB_PRECISION = timedelta(seconds=2)  # of GitHub's times, in whole seconds, and of its clock as we know it
MISSES = 3  # by reconciliation, minutes apart, before it is believed that a run is gone


async def on_webhook(context: Context, repository: RepositoryId, fact: RunFact) -> None:
    """Let a webhook about a run take effect, if the run is one of ours.

    Raises RetryLater while the response to our own dispatch may not be stored yet.
    """
    if fact.status == "completed":
        await protection_requests.close(repository, fact.id)
    age = context.github_now() - fact.created_at
    since = context.now() - DISPATCH_WINDOW
    posted = Run.filter(repository_id=repository, workflow=fact.workflow, state="posted", posted_at__gt=since)
    # queried before the run: the response may be stored in between
    may_be_ours = fact.event == "workflow_dispatch" and age <= DISPATCH_WINDOW and await posted.exists()
    run = await Run.filter(repository_id=repository, github_id=fact.id).order_by("-first_attempt").first()
    if run is not None:
        await apply_fact(context, run.id, fact)
    elif may_be_ours:
        # less and less often: hundreds of webhooks may wait for runs whose responses were lost
        retry_at = context.now() + min(max(SHORTEST_WAIT, age / 4), LONGEST_WAIT)
        raise RetryLater(retry_at, "the run may be one that is being dispatched")
    elif fact.event == "workflow_dispatch" and fact.status != "completed":
        await _cancel_if_stray(context, repository, fact)


async def on_unreadable(repository: RepositoryId, run: RunId, problem: str) -> None:
    """Refuse a webhook about a run that cannot be read, if the run is one of ours; any other one is ignored."""
    if await Run.exists(repository_id=repository, github_id=run):
        raise PermanentFailure(f"The run does not have the form that GitHub sends: {problem}")


async def apply_fact(context: Context, run_id: RunRowId, fact: RunFact) -> None:
    """Let a fact about a run take effect, under the run's lock. Duplicate and outdated facts change nothing."""
    async with transaction():
        run = await runs.lock(await _row_of(run_id, fact))
        if fact.attempt > run.attempt:  # the re-run may have got a row of its own while we waited for the lock
            run = await runs.lock(await _row_of(run_id, fact))
        if run.state == "failed":
            return
        if run.state == "lost" and fact.attempt >= run.attempt:
            await _track_again(context, run)
        if fact.head_sha != run.commit:
            await _reject_commit(context, run, fact)
        elif not is_news(run.attempt, run.status, fact):
            is_held = fact.status == "waiting" and fact.attempt == run.attempt and run.state == "running"
            await runs.save(run, url=fact.url, misses=0, **({"status": "waiting"} if is_held else {}))
        elif run.deployment_id is None:
            await _apply_to_build(context, run, fact)
        else:
            await _apply_to_deployment(context, run, fact)


async def follow(context: Context, job: jobs.FollowRun) -> None:
    """Job: refresh a run of which no news has arrived for a while."""
    await refresh(context, job.run)


async def refresh(context: Context, run_id: RunRowId) -> None:
    """Ask GitHub for the status of a run, and let it take effect."""
    run = await Run.get(id=run_id).select_related("repository")
    if run.state not in ("running", "lost") or run.github_id is None:
        return
    await runs.save(run, checked_at=context.now())
    fact = await workflow_runs.get(context.client_for(run.repository), run.github_id)
    if fact is None:
        await _miss(context, run)
        return
    await apply_fact(context, run.id, fact)
    if run.cancel_requested and fact.status != "completed":  # it was not found, or the request was lost on the way
        await enqueue(jobs.CancelRun(run.id))


async def _cancel_if_stray(context: Context, repository: RepositoryId, fact: RunFact) -> None:
    """Cancel a run of our own bot if its request has another run already, or was given up."""
    requested = await Run.filter(repository_id=repository, request_id__in=request_ids(fact.title)).first()
    if requested is None or requested.state in runs.UNDISPATCHED or fact.actor != await context.github.bot_login():
        return
    reason = "dispatched twice" if requested.github_id is not None else "its request had been given up"
    await runs.cancel_stray(context, requested, fact.id, reason)


async def _row_of(run_id: RunRowId, fact: RunFact) -> RunRowId:
    """Find the row that a fact belongs to: a later attempt may have a separate one."""
    repository = (await Run.get(id=run_id)).repository_id
    rows = Run.filter(repository_id=repository, github_id=fact.id, first_attempt__lte=fact.attempt)
    row = await rows.order_by("-first_attempt").first()
    return run_id if row is None else row.id


async def _reject_commit(context: Context, run: Run, fact: RunFact) -> None:
    """Cancel a run that is not at its candidate's commit, and fail its candidate or deployment."""
    reason = f"The run was at {fact.head_sha}, not at {run.commit}: it was canceled."
    await runs.save(run, state="failed", url=fact.url)
    await enqueue(jobs.CancelRun(run.id, forced=True))
    if run.deployment_id is None:
        candidate = await Candidate.get(id=run.candidate_id)
        await candidates.invalidate(context, candidate, reason)
        return
    deployment = await Deployment.get(id=run.deployment_id).select_related("environment")
    await Candidate.filter(id=deployment.candidate_id).update(tagged=False)
    await deployments.finish(context, deployment, "error", reason, run_ended_at=context.now())
    await events.record(
        context,
        WrongCommitDeployed(
            project_id=deployment.environment.project_id,
            commit=run.commit,
            environment=deployment.environment.name,
            deployment_id=deployment.id,
            head_sha=fact.head_sha,
        ),
    )


async def _track_again(context: Context, run: Run) -> None:
    """Track a run that was lost. Its status is forgotten, so that whatever GitHub reports is news."""
    await runs.save(run, state="running", status=None)
    if run.candidate_id is not None and await _is_newest(run):
        await candidates.begin_build(context, await Candidate.get(id=run.candidate_id))


async def _apply_to_build(context: Context, run: Run, fact: RunFact) -> None:
    candidate = await Candidate.get(id=run.candidate_id).select_related("project")
    runs.bind_subject(candidate, None)
    if not await _is_newest(run):  # the candidate is built by another run since
        await record_status(context, run, fact)
        return
    is_rerun = fact.attempt > run.attempt
    if is_rerun:
        minutes = candidate.project.build_deadline_minutes
        await runs.save(run, deadline_at=context.now() + timedelta(minutes=minutes))
    if candidate.status == "pending" or is_rerun:
        await candidates.begin_build(context, candidate)
    await record_status(context, run, fact)
    if fact.status == "completed":
        status, reason = candidate_rules.status_after_run(fact.conclusion)
        await candidates.finish_build(context, candidate, status, reason)


async def _is_newest(run: Run) -> bool:
    """Whether a run of a build is the newest one."""
    newest = await runs.newest(candidate_id=run.candidate_id or 0)
    return newest is not None and newest.id == run.id


async def _apply_to_deployment(context: Context, run: Run, fact: RunFact) -> None:
    deployment = await Deployment.get(id=run.deployment_id)
    runs.bind_subject(await Candidate.get(id=deployment.candidate_id).select_related("project"), deployment)
    if deployment.status in deployment_rules.FINAL and fact.attempt > run.attempt:
        deployment, run = await _record_rerun(context, deployment, run, fact)
    was_held = run.status == "waiting"
    await record_status(context, run, fact)
    if was_held:
        await deployments.restart_deadline(context, deployment)
    if fact.status == "completed":
        status, message = deployment_rules.status_after_run(fact.conclusion)
        await deployments.finish(context, deployment, status, message, run_ended_at=_ended_at(context, fact))
    elif fact.status == "in_progress":
        await deployments.begin(context, deployment)


def _ended_at(context: Context, fact: RunFact) -> datetime:
    """When a completed run ended, by our clock: now, if the difference is within GitHub's precision."""
    if fact.updated_at is None:
        return context.now()
    return context.now() - max(context.github_now() - fact.updated_at - GITHUB_PRECISION, timedelta())


async def _record_rerun(context: Context, finished: Deployment, run: Run, fact: RunFact) -> tuple[Deployment, Run]:
    """Insert a deployment and its run, tracked from this attempt, for the re-run of a finished deployment."""
    deployment = await external_deployments.record_rerun(context, finished)
    environment = await Environment.get(id=deployment.environment_id)
    rerun = await Run.create(
        repository_id=run.repository_id,
        deployment_id=deployment.id,
        workflow=run.workflow,
        commit=run.commit,
        uses_environment=run.uses_environment,
        request_id=f"{run.request_id.partition('.')[0]}.{fact.attempt}",
        state="running",
        github_id=run.github_id,
        first_attempt=fact.attempt,
        attempt=fact.attempt,
        deadline_at=context.now() + timedelta(minutes=environment.deploy_deadline_minutes),
        created_at=context.now(),
    )
    return deployment, rerun


async def record_status(context: Context, run: Run, fact: RunFact) -> None:
    """Record the status of a run, in the caller's transaction."""
    await runs.save(
        run,
        attempt=fact.attempt,
        status=fact.status,
        conclusion=fact.conclusion,
        url=fact.url,
        state="done" if fact.status == "completed" else "running",
        checked_at=context.now(),
        misses=0,
    )


async def _miss(context: Context, run: Run) -> None:
    """Count how often GitHub does not find a run; after MISSES in a row, end its build or deployment as lost.

    A run that is found again later still counts.
    """
    async with transaction():
        run = await runs.lock(run.id)
        if run.state != "running":
            return
        await runs.save(run, misses=run.misses + 1)
        if run.misses < MISSES:
            return
        await runs.save(run, state="lost")
        if run.deployment_id is None:
            candidate = await Candidate.get(id=run.candidate_id)
            await candidates.finish_build(context, candidate, "failed", "GitHub no longer has the build's run.")
        else:
            deployment = await Deployment.get(id=run.deployment_id)
            await deployments.finish(context, deployment, "unknown", "GitHub no longer has the deployment's run.")
