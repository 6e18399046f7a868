"""Dispatching a workflow exactly once: the job between the request for a run and GitHub's confirmation of it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cachetools import LRUCache

from bot.context import Context
from bot.errors import Refusal, Unavailable
from bot.events.releases import RunAmbiguous, TagElsewhere
from bot.github import workflow_runs, workflows
from bot.github.limits import UNAVAILABLE, ResponseLost
from bot.github.repository import RepositoryClient
from bot.github.workflows import DispatchDenied, WorkflowFile
from bot.operations import candidates, deployments, events, jobs, runs, tags
from bot.queue.jobs import RetryLater
from bot.rules.ids import RunId
from bot.rules.runs import RunFact, has_request_id, request_ids
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.runs import Run

REQUEST_SECONDS = 20  # one request's timeout, with a margin
SEARCH_INTERVAL = timedelta(seconds=5)
CLOCK_TOLERANCE = timedelta(minutes=2)
INPUT_PREFIX = "aviator_"
MAX_TIPS = 10_000
EXPECTED = ("pending", "building", "in_progress")  # statuses of a candidate or deployment whose run is still expected


class Withdrawn(Exception):
    """The run is not expected any more."""


class Ambiguous(Refusal):
    """Several runs may be the one that is searched for, and nothing tells them apart."""

    def __init__(self) -> None:
        super().__init__(
            "GitHub's answer to the dispatch was lost, and several runs may be the one that it started: look at the "
            "Actions page. Put the request id into the workflow's `run-name`, so that a run can be told."
        )


@dataclass(frozen=True)
class Dispatch:
    """What one dispatch is about: a run of a candidate's build, or of a deployment of it."""

    client: RepositoryClient
    run: Run
    candidate: Candidate
    deployment: Deployment | None
    ref: str = ""
    """The branch or tag that the workflow is dispatched on."""


@dataclass(frozen=True)
class Dispatcher:
    """Dispatches workflows. `search_seconds` is how long a run is searched for before the request is sent again.

    A workflow is sent the inputs that its file declares at the candidate's commit. A candidate that was cut at the tip
    of its branch has the file that was there then: `tips` keeps, by repository, path and branch, the file at the tip
    and since when it is known to be there unchanged; asking again is free (a conditional request). Any other
    candidate's file is read at its commit.
    """

    search_seconds: float
    tips: LRUCache[tuple[int, str, str], tuple[WorkflowFile, datetime]] = field(
        default_factory=lambda: LRUCache(MAX_TIPS), repr=False
    )

    async def dispatch(self, context: Context, job: jobs.DispatchRun) -> None:
        """Job: send a requested run to GitHub, exactly once, and adopt the run that it started."""
        run = await Run.get(id=job.run).select_related("repository")
        candidate, deployment = await _subject(run)
        if run.state not in runs.UNDISPATCHED:
            return
        try:
            if run.state == "posted" and run.repository.installation_id is None:
                raise Unavailable(UNAVAILABLE, reason="the App is not installed, and a run may exist")
            dispatch = Dispatch(context.client_for(run.repository), run, candidate, deployment)
            if run.state == "posted" and await self._adopt_existing(context, dispatch):
                return
            if run.cancel_requested or (candidate if deployment is None else deployment).status not in EXPECTED:
                raise Withdrawn
            _check_deadline(context, run)
            await _wait_for_canceled(context, deployment)
            ref = await tags.ensure_tag(context, dispatch.client, candidate)
            github_id = await self._post(context, replace(dispatch, ref=ref))
        except Withdrawn:
            await withdraw(context, run)
            return
        except Refusal as refusal:
            await give_up(context, run, refusal)
            return
        except ResponseLost as lost:
            await Run.filter(id=run.id, state="posted").update(posted_at=context.now())
            raise RetryLater(context.now() + SEARCH_INTERVAL, lost.sentence) from lost
        if github_id is None:
            raise RetryLater(context.now() + SEARCH_INTERVAL, "GitHub did not tell the run's id")
        await adopt(context, run, github_id)

    async def _post(self, context: Context, dispatch: Dispatch) -> RunId | None:
        """Send the request; a second time, with the inputs read at the commit, if GitHub refuses those of the tip."""
        run, candidate = dispatch.run, dispatch.candidate
        offered = await _offered_inputs(dispatch)
        for exact in (False, True):
            try:
                declared = await self._declared_inputs(context, dispatch, exact=exact)
                inputs = {name: text for name, text in offered.items() if name in declared}
                return await workflows.dispatch(
                    dispatch.client, run.workflow, dispatch.ref, inputs, lambda: _mark_posted(context, run)
                )
            except ResponseLost:
                raise
            except DispatchDenied as denied:
                await _mark_unsent(run)
                if denied.ref and candidate.tag is not None:
                    await _forget_tag(candidate)
                if exact or not denied.inputs:
                    raise
            except Unavailable:  # not sent, or refused for now
                await _mark_unsent(run)
                raise
        raise AssertionError("the second try returns or raises")

    async def _declared_inputs(self, context: Context, dispatch: Dispatch, *, exact: bool) -> frozenset[str]:
        candidate, workflow = dispatch.candidate, dispatch.run.workflow
        if candidate.tip_at is not None and not exact:
            at_tip = await self._file_at_tip(context, dispatch.client, workflow, candidate.branch)
            if at_tip is not None and at_tip[1] <= candidate.tip_at:
                return at_tip[0].inputs
        ref_name = candidate.tag or candidate.commit[:12]
        return (await workflows.get_file(dispatch.client, workflow, candidate.commit, ref_name)).inputs

    async def _file_at_tip(
        self, context: Context, client: RepositoryClient, workflow: str, branch: str
    ) -> tuple[WorkflowFile, datetime] | None:
        """The file at the tip of a branch, and since when it is known to be there; None if there is no such file."""
        key, asked_at = (client.id, workflow, branch), context.now()
        try:
            file = await workflows.get_file(client, workflow, branch, branch)
        except DispatchDenied:
            return None
        known = self.tips.get(key)
        if known is None or known[0].sha != file.sha:
            known = self.tips[key] = (file, asked_at)
        return known

    async def _adopt_existing(self, context: Context, dispatch: Dispatch) -> bool:
        """Search for the run of a request whose response was lost. True when there is nothing more to do.

        Raises `RetryLater` while GitHub may not list it yet: only after `search_seconds` may the request be sent again.
        """
        run = dispatch.run
        bot = await context.github.bot_login()
        since = run.created_at - CLOCK_TOLERANCE
        listed = await workflow_runs.dispatched_since(dispatch.client, run.workflow, since)
        titled = sorted(
            (fact for fact in listed if has_request_id(fact.title, run.request_id)), key=lambda fact: fact.id
        )
        matching = titled[:1] or await _unclaimed(run, dispatch.candidate, listed, bot)
        unambiguous = bool(titled) or not await _others_searching(run)
        if len(matching) == 1 and unambiguous:
            await adopt(context, run, matching[0].id, matching[0].url)
            for stray in titled[1:]:
                await runs.cancel_stray(context, run, stray.id, "dispatched twice")
            return True
        searching = timedelta(seconds=self.search_seconds)
        if run.posted_at is not None and context.now() < run.posted_at + searching:
            raise RetryLater(context.now() + min(SEARCH_INTERVAL, searching / 4), "searching")
        if matching:
            raise Ambiguous
        return False


async def adopt(context: Context, run: Run, github_id: RunId, url: str | None = None) -> None:
    """Track a run that GitHub has started for us, from here on."""
    async with transaction():
        run = await runs.lock(run.id)
        if not await runs.adopt(context, run, github_id, url):
            if run.github_id != github_id:  # found, reported by the workflow, or given up before this late answer
                await runs.cancel_stray(context, run, github_id, "dispatched twice")
            return
        candidate, deployment = await _subject(run)
        if run.cancel_requested:
            await runs.cancel(context, run)
        elif deployment is None:
            await candidates.begin_build(context, candidate)


async def withdraw(context: Context, run: Run) -> None:
    """End the build or deployment of a run that was canceled before GitHub had it."""
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
    """End the build or deployment of a run that cannot be started, for a reason that says what to change."""
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
        if isinstance(refusal, tags.TagPointsElsewhere):
            await tags.handle_mismatch(context, candidate, TagElsewhere, refusal.sentence)
        if isinstance(refusal, Ambiguous):
            ambiguous = RunAmbiguous(project_id=candidate.project_id, commit=run.commit, request_id=run.request_id)
            await events.record(context, ambiguous)


async def _subject(run: Run) -> tuple[Candidate, Deployment | None]:
    """The candidate that a run is about, and the deployment of it."""
    deployment = None
    if run.deployment_id is not None:
        deployment = await Deployment.get(id=run.deployment_id).select_related("environment")
    candidate_id = run.candidate_id if deployment is None else deployment.candidate_id
    candidate = await Candidate.get(id=candidate_id).select_related("release", "project")
    runs.bind_subject(candidate, deployment)
    return candidate, deployment


async def _wait_for_canceled(context: Context, deployment: Deployment | None) -> None:
    """Hold a rollback back until the runs that it cancels have ended, or its time to wait is up."""
    if deployment is None or deployment.dispatch_after is None or context.now() >= deployment.dispatch_after:
        return
    if await Deployment.exists(environment_id=deployment.environment_id, status="canceling"):
        again = min(context.now() + timedelta(seconds=1), deployment.dispatch_after)
        raise RetryLater(again, "waits for cancelled runs to end")


async def _mark_posted(context: Context, run: Run) -> None:
    """Record that the request may have been sent, before it is: after a crash the next worker searches first.

    Raises `Withdrawn` when the run was canceled meanwhile, `LeaseLost` when another worker has taken the job over.
    """
    await context.ensure_lease(REQUEST_SECONDS)
    _check_deadline(context, run)
    expected = Run.filter(id=run.id, state__in=list(runs.UNDISPATCHED), cancel_requested=False)
    if not await expected.update(state="posted", posted_at=context.now()):
        raise Withdrawn


def _check_deadline(context: Context, run: Run) -> None:
    """Refuse to send a run that has to have ended already."""
    if context.now() >= run.deadline_at:
        raise Refusal("It could not be dispatched before its deadline.")


async def _mark_unsent(run: Run) -> None:
    """Record that this request was not sent, or started nothing. An earlier one may have, and is still searched for."""
    await Run.filter(id=run.id, state="posted").update(state=run.state, posted_at=run.posted_at)


async def _forget_tag(candidate: Candidate) -> None:
    """GitHub does not find the candidate's tag when it starts workflows: make sure of the tag before the next try."""
    await Candidate.filter(id=candidate.id).update(tagged=False)
    raise Unavailable(UNAVAILABLE, reason=f"it does not find the tag {candidate.tag} yet")


async def _unclaimed(run: Run, candidate: Candidate, listed: list[RunFact], bot: str) -> list[RunFact]:
    """The runs at our commit, on the requested ref, started by our own bot, that no row has claimed yet."""
    ref = candidate.tag or candidate.branch
    matching = [
        fact
        for fact in listed
        if (fact.head_branch, fact.head_sha, fact.actor) == (ref, run.commit, bot) and not request_ids(fact.title)
    ]
    ids = [fact.id for fact in matching]
    claimed = {row.github_id for row in await Run.filter(repository_id=run.repository_id, github_id__in=ids)}
    return [fact for fact in matching if fact.id not in claimed]


async def _others_searching(run: Run) -> bool:
    """Whether another request for this workflow and commit is searched for: then only titles tell them apart."""
    return (
        await Run.filter(repository_id=run.repository_id, commit=run.commit, workflow=run.workflow, state="posted")
        .exclude(id=run.id)
        .exists()
    )


async def _offered_inputs(dispatch: Dispatch) -> dict[str, str]:
    """Every input that we can give a workflow; only those that it declares are sent."""
    run, candidate, deployment = dispatch.run, dispatch.candidate, dispatch.deployment
    configured = candidate.project.build_inputs if deployment is None else deployment.environment.inputs
    offered = {
        "release_candidate_version": candidate.version,
        "release_version": candidate.release.version,
        "commit_sha": candidate.commit,
        INPUT_PREFIX + "release_candidate_version": candidate.version,
        INPUT_PREFIX + "release_cut_commit_hash": candidate.commit,
    }
    request = "release_cut_id" if deployment is None else "deployment_id"
    offered |= {request: run.request_id, INPUT_PREFIX + request: run.request_id}
    if deployment is not None:
        offered["environment"] = deployment.environment.name
    return {**configured, **offered}
