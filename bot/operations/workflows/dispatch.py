"""Dispatching a workflow, once: the job between the wish for a run and GitHub's word that it is there."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from cachetools import LRUCache

from bot.context import Context
from bot.errors import Refusal, Unavailable
from bot.github.client import DispatchDenied, Repo, WorkflowFile
from bot.github.limits import UNAVAILABLE, ResponseLost
from bot.operations import audit, candidates, deployments, runs, tags
from bot.queue.jobs import RetryLater
from bot.rules.runs import RunFact, carries, request_ids
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.runs import Run

REQUEST_SECONDS = 20  # one request's time limit, with room
LOOK_AGAIN = timedelta(seconds=5)
CLOCKS_DIFFER = timedelta(minutes=2)
PREFIX = "aviator_"
TIPS = 10_000
WANTED = ("pending", "building", "in_progress")  # what a candidate or a deployment is while its run is wanted


class Withdrawn(Exception):
    """The run is not wanted any more."""


class Ambiguous(Refusal):
    """Runs are there that may be the one that is searched for, and nothing tells them apart."""

    def __init__(self) -> None:
        super().__init__(
            "GitHub's answer to the dispatch was lost, and several runs may be the one that it started: look at the "
            "Actions page. Put the request id into the workflow's `run-name`, so that a run can be told."
        )


class Lease(Protocol):
    """A job's hold on its work."""

    async def ensure_margin(self, seconds: float) -> None:
        """See that the hold lasts so long yet, or raise."""


@dataclass(frozen=True)
class Dispatcher:
    """Dispatches workflows. `search_seconds` is how long a run is searched for before the request is sent again.

    A workflow is sent what its file declares at the candidate's commit. A candidate that was cut at the tip of its
    branch has the file that stood there then: `tips` holds since when a file has been seen to stand there unchanged, by
    repository, path and branch, and asking again costs nothing (a conditional request). Every other candidate's file is
    read at its commit.
    """

    search_seconds: float
    tips: LRUCache[tuple[int, str, str], tuple[WorkflowFile, datetime]] = field(
        default_factory=lambda: LRUCache(TIPS), repr=False
    )

    async def dispatch(self, context: Context, run_id: int, lease: Lease) -> None:
        """Job `dispatch`: send a wanted run to GitHub, exactly once, and adopt what it started."""
        run = await Run.get(id=run_id).select_related("repository")
        candidate, deployment = await _subject(run)
        if run.state not in runs.UNDISPATCHED:
            return
        try:
            if run.state == "posted" and run.repository.installation_id is None:
                raise Unavailable(UNAVAILABLE, reason="the App is not installed, and a run may be there")
            repo = context.at(run.repository)
            if run.state == "posted" and await self._found(context, repo, run, candidate):
                return
            if run.cancel_requested or (candidate if deployment is None else deployment).status not in WANTED:
                raise Withdrawn
            _check_deadline(context, run)
            await _wait_for_canceled(context, deployment)
            ref = await tags.ensure_tag(context, repo, candidate)
            github_id = await self._post(context, repo, run, candidate, deployment, ref, lease)
        except Withdrawn:
            await withdraw(context, run)
            return
        except Refusal as refusal:
            await give_up(context, run, refusal)
            return
        except ResponseLost as lost:
            await Run.filter(id=run.id, state="posted").update(posted_at=context.now())
            raise RetryLater(context.now() + LOOK_AGAIN, lost.sentence) from lost
        if github_id is None:
            raise RetryLater(context.now() + LOOK_AGAIN, "GitHub did not tell the run's id")
        await adopt(context, run, github_id)

    async def _post(
        self,
        context: Context,
        repo: Repo,
        run: Run,
        candidate: Candidate,
        deployment: Deployment | None,
        ref: str,
        lease: Lease,
    ) -> int | None:
        offered = await _offered(run, candidate, deployment)
        for exact in (False, True):
            try:
                declared = await self._declared(context, repo, run, candidate, exact=exact)
                inputs = {name: text for name, text in offered.items() if name in declared}
                return await repo.dispatch(run.workflow, ref, inputs, lambda: _mark_posted(context, run, lease))
            except ResponseLost:
                raise
            except DispatchDenied as denied:
                await _mark_unsent(run)
                if denied.ref and candidate.tag is not None:
                    await _tag_unseen(candidate)
                if exact or not denied.inputs:
                    raise
            except Unavailable:  # not sent, or refused for now
                await _mark_unsent(run)
                raise
        raise AssertionError("the second try returns or raises")

    async def _declared(
        self, context: Context, repo: Repo, run: Run, candidate: Candidate, *, exact: bool
    ) -> frozenset[str]:
        if candidate.tip_at is not None and not exact:
            at_tip = await self._at_tip(context, repo, run.workflow, candidate.branch)
            if at_tip is not None and at_tip[1] <= candidate.tip_at:
                return at_tip[0].inputs
        called = candidate.tag or candidate.commit[:12]
        return (await repo.workflow_file(run.workflow, candidate.commit, called)).inputs

    async def _at_tip(
        self, context: Context, repo: Repo, workflow: str, branch: str
    ) -> tuple[WorkflowFile, datetime] | None:
        """The file at the tip of a branch, and since when it is known to stand there; None where there is none."""
        key, asked_at = (repo.id, workflow, branch), context.now()
        try:
            file = await repo.workflow_file(workflow, branch, branch)
        except DispatchDenied:
            return None
        known = self.tips.get(key)
        if known is None or known[0].sha != file.sha:
            known = self.tips[key] = (file, asked_at)
        return known

    async def _found(self, context: Context, repo: Repo, run: Run, candidate: Candidate) -> bool:
        """Look for the run of a request whose answer never came. True when there is nothing more to do.

        Raises `Later` while GitHub may not list it yet: only when the time is up the request may be sent again.
        """
        bot = await context.github.bot_login()
        listed = await repo.runs_since(run.workflow, run.created_at - CLOCKS_DIFFER)
        titled = sorted((fact for fact in listed if carries(fact.title, run.request_id)), key=lambda fact: fact.id)
        fitting = titled[:1] or await _unclaimed(run, candidate, listed, bot)
        alone = bool(titled) or not await _others_searching(run)
        if len(fitting) == 1 and alone:
            await adopt(context, run, fitting[0].id, fitting[0].url)
            for stray in titled[1:]:
                await runs.cancel_stray(context, run, stray.id, "dispatched twice")
            return True
        if run.posted_at is not None and context.now() < run.posted_at + timedelta(seconds=self.search_seconds):
            raise RetryLater(context.now() + min(LOOK_AGAIN, timedelta(seconds=self.search_seconds / 4)), "searching")
        if fitting:
            raise Ambiguous
        return False


async def adopt(context: Context, run: Run, github_id: int, url: str | None = None) -> None:
    """Follow a run that GitHub has started for us from here on."""
    async with transaction():
        run = await runs.lock(run.id)
        if not await runs.adopt(context, run, github_id, url):
            if run.github_id != github_id:  # it was found, told by the workflow, or given up before this late answer
                await runs.cancel_stray(context, run, github_id, "dispatched twice")
            return
        candidate, deployment = await _subject(run)
        if run.cancel_requested:
            await runs.cancel(context, run)
        elif deployment is None:
            await candidates.begin_build(context, candidate)


async def withdraw(context: Context, run: Run) -> None:
    """End what a run was wanted for that was cancelled before GitHub had it."""
    async with transaction():
        run = await runs.lock(run.id)
        if run.state not in runs.UNDISPATCHED:
            return
        await runs.save(run, state="failed", conclusion="cancelled")
        candidate, deployment = await _subject(run)
        if deployment is not None:
            await deployments.finish(context, deployment, "canceled", None)
        else:
            await candidates.finish_build(context, candidate, "canceled", candidate.reason)


async def give_up(context: Context, run: Run, refusal: Refusal) -> None:
    """End what a run was wanted for: it cannot be started, for a reason that says what to change."""
    async with transaction():
        run = await runs.lock(run.id)
        if run.state not in runs.UNDISPATCHED:
            return
        await runs.save(run, state="failed")
        candidate, deployment = await _subject(run)
        if deployment is not None:
            status = "unknown" if isinstance(refusal, Ambiguous) else "error"
            await deployments.finish(context, deployment, status, refusal.sentence)
        else:
            await candidates.finish_build(context, candidate, "failed", refusal.sentence)
        if isinstance(refusal, tags.TagElsewhere):
            await tags.distrust(context, candidate, "tag.elsewhere", refusal.sentence)
        if isinstance(refusal, Ambiguous):
            await audit.alarm(context, "run.ambiguous", run.request_id, project=candidate.project_id, commit=run.commit)


async def _subject(run: Run) -> tuple[Candidate, Deployment | None]:
    deployment = None
    if run.deployment_id is not None:
        deployment = await Deployment.get(id=run.deployment_id).select_related("environment")
    number = run.candidate_id if deployment is None else deployment.candidate_id
    candidate = await Candidate.get(id=number).select_related("release", "project")
    runs.tell(candidate, deployment)
    return candidate, deployment


async def _wait_for_canceled(context: Context, deployment: Deployment | None) -> None:
    """A rollback goes out once the runs that it cancelled have ended, or its patience has."""
    if deployment is None or deployment.dispatch_after is None or context.now() >= deployment.dispatch_after:
        return
    if await Deployment.exists(environment_id=deployment.environment_id, status="canceling"):
        again = min(context.now() + timedelta(seconds=1), deployment.dispatch_after)
        raise RetryLater(again, "waits for cancelled runs to end")


async def _mark_posted(context: Context, run: Run, lease: Lease) -> None:
    """Say that the request may have been sent, before it is: after a crash the next worker searches first.

    Raises `Withdrawn` when the run was cancelled meanwhile, and when the lease would not outlast the request.
    """
    await lease.ensure_margin(REQUEST_SECONDS)
    _check_deadline(context, run)
    wanted = Run.filter(id=run.id, state__in=list(runs.UNDISPATCHED), cancel_requested=False)
    if not await wanted.update(state="posted", posted_at=context.now()):
        raise Withdrawn


def _check_deadline(context: Context, run: Run) -> None:
    """Refuse to send what has to have ended already."""
    if context.now() >= run.deadline_at:
        raise Refusal("It could not be dispatched before its deadline.")


async def _mark_unsent(run: Run) -> None:
    """Say that this request was not sent, or started nothing. One before it may still have, and is searched for."""
    await Run.filter(id=run.id, state="posted").update(state=run.state, posted_at=run.posted_at)


async def _tag_unseen(candidate: Candidate) -> None:
    """GitHub does not find the candidate's tag when it starts workflows, yet or any more: it is made sure of."""
    await Candidate.filter(id=candidate.id).update(tagged=False)
    raise Unavailable(UNAVAILABLE, reason=f"it does not find the tag {candidate.tag} yet")


async def _unclaimed(run: Run, candidate: Candidate, listed: list[RunFact], bot: str) -> list[RunFact]:
    """Runs at our commit, on the ref that was asked for, by our own bot, that belong to nobody yet."""
    ref = candidate.tag or candidate.branch
    fitting = [
        fact
        for fact in listed
        if (fact.head_branch, fact.head_sha, fact.actor) == (ref, run.commit, bot) and not request_ids(fact.title)
    ]
    ids = [fact.id for fact in fitting]
    claimed = {row.github_id for row in await Run.filter(repository_id=run.repository_id, github_id__in=ids)}
    return [fact for fact in fitting if fact.id not in claimed]


async def _others_searching(run: Run) -> bool:
    """Whether another request for this workflow and commit is searched for: then only titles tell them apart."""
    return (
        await Run.filter(repository_id=run.repository_id, commit=run.commit, workflow=run.workflow, state="posted")
        .exclude(id=run.id)
        .exists()
    )


async def _offered(run: Run, candidate: Candidate, deployment: Deployment | None) -> dict[str, str]:
    """Every input that we can give a workflow; only those that it declares are sent."""
    own = candidate.project.build_inputs if deployment is None else deployment.environment.inputs
    offered = {
        "release_candidate_version": candidate.version,
        "release_version": candidate.release.version,
        "commit_sha": candidate.commit,
        PREFIX + "release_candidate_version": candidate.version,
        PREFIX + "release_cut_commit_hash": candidate.commit,
    }
    request = "release_cut_id" if deployment is None else "deployment_id"
    offered |= {request: run.request_id, PREFIX + request: run.request_id}
    if deployment is not None:
        offered["environment"] = deployment.environment.name
    return {**own, **offered}
