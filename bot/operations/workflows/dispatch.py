"""Dispatch: the job that starts a requested run on GitHub exactly once."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from cachetools import LRUCache

from bot.context import Context
from bot.errors import Refusal, Unavailable
from bot.events.releases import RunAmbiguous
from bot.events.tags import TagElsewhere
from bot.github import workflows
from bot.github.limits import UNAVAILABLE, ResponseLost
from bot.github.repository import RepositoryClient
from bot.github.workflows import DispatchDenied, WorkflowFile
from bot.operations import candidates, deployments, events, jobs, runs, tags
from bot.operations.workflows import search
from bot.operations.workflows.search import Ambiguous, Unlisted
from bot.queue.jobs import RetryLater
from bot.rules import input_placeholders
from bot.rules.ids import RunId
from bot.rules.workflow_files import Workflow
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.runs import Run

REQUEST_SECONDS = 20  # the timeout of one request, with a margin
FIRST_SEARCH = timedelta(seconds=1)  # for a run that GitHub has started without naming it
SEARCH_INTERVAL = timedelta(seconds=5)
LONGEST_SEARCH_INTERVAL = timedelta(minutes=1)
INPUT_PREFIX = "aviator_"
MAX_TIPS = 10_000
EXPECTED = ("pending", "building", "in_progress")  # statuses of a candidate or deployment whose run is still expected


class Withdrawn(Exception):
    """The run is no longer expected: it was canceled, or its candidate or deployment has ended."""


@dataclass(frozen=True)
class Dispatch:
    """The subject of a dispatch: the run of a candidate's build, or of a deployment of the candidate."""

    client: RepositoryClient
    run: Run
    candidate: Candidate
    deployment: Deployment | None
    ref: str = ""
    """The branch or tag that the workflow is dispatched on."""


class TipFile(NamedTuple):
    """A workflow file at the tip of a branch, and since when it is known to be unchanged."""

    file: WorkflowFile
    unchanged_since: datetime


@dataclass(frozen=True)
class Dispatcher:
    """Dispatches workflows. `search_seconds` is how long a run is searched for before the request is sent again.

    A workflow is sent the inputs that its file declares at the candidate's commit. If the candidate was cut at the tip
    of its branch and the file at the tip has not changed since, that one is read: for all candidates of the branch this
    is the same conditional request, which is free. `tips` holds these files by repository, path and branch. Any other
    candidate's file is read at its commit.
    """

    search_seconds: float
    tips: LRUCache[tuple[int, str, str], TipFile] = field(default_factory=lambda: LRUCache(MAX_TIPS), repr=False)

    async def dispatch(self, context: Context, job: jobs.DispatchRun) -> None:
        """Job: ask GitHub to start a requested run, exactly once, and adopt the run."""
        run = await Run.get(id=job.run).select_related("repository")
        candidate, deployment = await _subject(run)
        if run.state not in runs.UNDISPATCHED:
            return
        try:
            if run.state == "posted" and run.repository.installation_id is None:
                raise Unavailable(
                    UNAVAILABLE, reason="the App is not installed, so a run that may exist cannot be looked for"
                )
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
            await Run.filter(id=run.id, state="posted").update(accepted=True)
            raise RetryLater(context.now() + FIRST_SEARCH, "GitHub has started a run without saying which")
        await adopt(context, run, github_id)

    async def _post(self, context: Context, dispatch: Dispatch) -> RunId | None:
        """Send the request; again, with the inputs read at the commit, if GitHub refuses those of the branch's tip."""
        run, candidate = dispatch.run, dispatch.candidate
        offered = await _offered_inputs(dispatch)
        for exact in (False, True):
            try:
                workflow = await self._workflow(context, dispatch, exact=exact)
                await _note_environment(dispatch, workflow)
                inputs = {name: text for name, text in offered.items() if name in workflow.inputs}
                return await workflows.dispatch(
                    dispatch.client, run.workflow, dispatch.ref, inputs, lambda: self._mark_posted(context, dispatch)
                )
            except ResponseLost:
                raise
            except DispatchDenied as denied:
                await _mark_unsent(run)
                if denied.ref and candidate.tag is not None:
                    await _forget_tag(candidate)
                if exact or not denied.inputs:
                    raise
            except (Unavailable, RetryLater):  # not sent, or refused temporarily
                await _mark_unsent(run)
                raise
        raise AssertionError("the second try returns or raises")

    async def _workflow(self, context: Context, dispatch: Dispatch, *, exact: bool) -> Workflow:
        candidate, workflow = dispatch.candidate, dispatch.run.workflow
        if candidate.tip_at is not None and not exact:
            at_tip = await self._file_at_tip(context, dispatch.client, workflow, candidate.branch)
            if at_tip is not None and at_tip.unchanged_since <= candidate.tip_at:
                return at_tip.file.content
        ref_name = candidate.tag or candidate.commit[:12]
        return (await workflows.get_file(dispatch.client, workflow, candidate.commit, ref_name)).content

    async def _file_at_tip(
        self, context: Context, client: RepositoryClient, workflow: str, branch: str
    ) -> TipFile | None:
        """Read the file at the tip of a branch; None if it does not exist or cannot be dispatched."""
        key, asked_at = (client.id, workflow, branch), context.now()
        try:
            file = await workflows.get_file(client, workflow, branch, branch)
        except DispatchDenied:
            return None
        cached = self.tips.get(key)
        if cached is None or cached.file.sha != file.sha:
            cached = self.tips[key] = TipFile(file, asked_at)
        return cached

    async def _adopt_existing(self, context: Context, dispatch: Dispatch) -> bool:
        """Adopt the run of a request whose response did not name it. False when there is none: dispatch again.

        Raises `RetryLater` while GitHub may not list the run yet: for `search_seconds`, or if GitHub said that it
        started one, until the deadline.
        """
        run = dispatch.run
        found = await search.find(context, dispatch.client, run, dispatch.candidate)
        if found.run is not None:
            await adopt(context, run, found.run.id, found.run.url)
            for stray in found.strays:
                await runs.cancel_stray(context, run, stray.id, "dispatched twice")
            return True
        if self._is_searching(context, run):
            pause = min(SEARCH_INTERVAL, timedelta(seconds=self.search_seconds) / 4)
            raise RetryLater(context.now() + pause, "searching")
        if found.ambiguous:
            raise Ambiguous
        if run.accepted or not found.complete:
            if context.now() >= run.deadline_at:
                raise Unlisted
            raise RetryLater(context.now() + LONGEST_SEARCH_INTERVAL, "GitHub does not list the run that it started")
        return False

    def _is_searching(self, context: Context, run: Run) -> bool:
        """Whether GitHub may not list the run yet. Both clocks are compared, in case one of them was set anew."""
        searching = timedelta(seconds=self.search_seconds)
        return (run.posted_at is not None and context.now() < run.posted_at + searching) or (
            run.first_posted_at is not None and context.github_now() < run.first_posted_at + searching
        )

    async def _mark_posted(self, context: Context, dispatch: Dispatch) -> None:
        """Record, before the request is sent, that it may have been: after a crash the next worker searches first.

        Raises `Withdrawn` when the run was canceled meanwhile, `LeaseLost` when another worker has taken the job over,
        `RetryLater` while a run that GitHub does not name is searched for which could not be told from this one.
        """
        run = dispatch.run
        await context.ensure_lease(REQUEST_SECONDS)
        _check_deadline(context, run)
        names_runs = dispatch.client.server.names_runs
        for other in await search.others(run, dispatch.candidate):
            if self._is_searching(context, other) and (other.accepted or not names_runs):
                raise RetryLater(context.now() + FIRST_SEARCH, "another run on this ref has to be found first")
        expected = Run.filter(id=run.id, state__in=list(runs.UNDISPATCHED), cancel_requested=False)
        first = run.first_posted_at or context.github_now()
        if not await expected.update(state="posted", posted_at=context.now(), first_posted_at=first):
            raise Withdrawn


async def adopt(context: Context, run: Run, github_id: RunId, url: str | None = None) -> None:
    """Track a run that GitHub has started for a request; cancel it if it is not the requested one."""
    async with transaction():
        run = await runs.lock(run.id)
        if not await runs.adopt(context, run, github_id, url):
            if run.github_id != github_id:  # found, self-reported, or given up before this late response
                await runs.cancel_stray(context, run, github_id, "dispatched twice")
            return
        candidate, deployment = await _subject(run)
        if run.cancel_requested:
            await runs.cancel(context, run)
        elif deployment is None:
            await candidates.begin_build(context, candidate)


async def withdraw(context: Context, run: Run) -> None:
    """End the build or deployment of a run that was canceled before it was dispatched."""
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
    """End the build or deployment of a run that cannot be dispatched, with the refusal as the reason."""
    async with transaction():
        run = await runs.lock(run.id)
        if run.state not in runs.UNDISPATCHED:
            return
        has_run = isinstance(refusal, Ambiguous | Unlisted)
        await runs.save(run, state="lost" if has_run else "failed")
        candidate, deployment = await _subject(run)
        if deployment is not None:
            await deployments.finish(context, deployment, "unknown" if has_run else "error", refusal.sentence)
        else:
            await candidates.finish_build(context, candidate, "failed", refusal.sentence)
        if isinstance(refusal, tags.TagPointsElsewhere):
            await tags.handle_mismatch(context, candidate, TagElsewhere, refusal.sentence)
        if has_run:
            ambiguous = RunAmbiguous(project_id=candidate.project_id, commit=run.commit, request_id=run.request_id)
            await events.record(context, ambiguous)


async def _subject(run: Run) -> tuple[Candidate, Deployment | None]:
    """Read the candidate that a run is about, and the deployment, if it is a deployment's run."""
    deployment = None
    if run.deployment_id is not None:
        deployment = await Deployment.get(id=run.deployment_id).select_related("environment")
    candidate_id = run.candidate_id if deployment is None else deployment.candidate_id
    candidate = await Candidate.get(id=candidate_id).select_related("release", "project")
    runs.bind_subject(candidate, deployment)
    return candidate, deployment


async def _note_environment(dispatch: Dispatch, workflow: Workflow) -> None:
    """Record whether a job of the run will make a deployment on GitHub by itself."""
    if dispatch.deployment is not None:
        use = workflow.uses(dispatch.deployment.environment.name)
        await Run.filter(id=dispatch.run.id).update(uses_environment=use)


async def _wait_for_canceled(context: Context, deployment: Deployment | None) -> None:
    """Delay a rollback until the runs that it cancels have ended, or until its `dispatch_after`."""
    if deployment is None or deployment.dispatch_after is None or context.now() >= deployment.dispatch_after:
        return
    if await Deployment.exists(environment_id=deployment.environment_id, status="canceling"):
        retry_at = min(context.now() + timedelta(seconds=1), deployment.dispatch_after)
        raise RetryLater(retry_at, "waiting for canceled runs to end")


def _check_deadline(context: Context, run: Run) -> None:
    """Refuse to dispatch a run that is past its deadline."""
    if context.now() >= run.deadline_at:
        raise Refusal("The workflow could not be started before the deadline.")


async def _mark_unsent(run: Run) -> None:
    """Undo `_mark_posted` for a request that started nothing. An earlier one may have, and is still searched for."""
    before = {"state": run.state, "posted_at": run.posted_at, "first_posted_at": run.first_posted_at}
    await Run.filter(id=run.id, state="posted").update(**before)


async def _forget_tag(candidate: Candidate) -> None:
    """Have the candidate's tag checked before the next attempt: GitHub does not find it. Raises Unavailable."""
    await Candidate.filter(id=candidate.id).update(tagged=False)
    raise Unavailable(f"GitHub does not list the tag {candidate.tag} yet")


async def _offered_inputs(dispatch: Dispatch) -> dict[str, str]:
    """All inputs that a workflow may declare; only those that it declares are sent.

    Of ours, a project or environment can replace only `version`.
    """
    run, candidate, deployment = dispatch.run, dispatch.candidate, dispatch.deployment
    configured = candidate.project.build_inputs if deployment is None else deployment.environment.inputs
    values = _placeholder_values(candidate, deployment)
    offered = {
        "version": candidate.version,
        **{name: input_placeholders.fill(text, values) for name, text in configured.items()},
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
    return offered


def _placeholder_values(candidate: Candidate, deployment: Deployment | None) -> dict[str, str]:
    """What the placeholders in configured inputs stand for."""
    values = {
        "candidate.version": candidate.version,
        "candidate.commit": candidate.commit,
        "release.version": candidate.release.version,
        "project.name": candidate.project.name,
    }
    if deployment is not None:
        values |= {"environment.name": deployment.environment.name, "deployment.id": str(deployment.id)}
    return values
