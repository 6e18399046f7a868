"""What a workflow itself says about its run: accepted from workflows that were written to say so, and checked."""

from datetime import timedelta

from tortoise.exceptions import IntegrityError

from bot.context import FORBIDDEN, Context, require
from bot.errors import Forbidden, NotFound, Refusal
from bot.operations import runs
from bot.operations.workflows import dispatch, tracking
from bot.queue.jobs import enqueue
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment, Project, Repository
from bot.store.runs import Run

GRANT = "deployment:report"


async def build(context: Context, request: str, run: str) -> None:
    """Take note which run builds a candidate. `request` is the `release_cut_id` input, or the candidate's number."""
    require(context.actor, GRANT)
    known = await Run.get_or_none(request_id=request)
    number = known.candidate_id if known else _number(request)
    candidate = None if number is None else await Candidate.get_or_none(id=number)
    if candidate is None:
        raise NotFound("Release not found")
    await _reach(context, candidate.project_id)
    await _follow(context, candidate, None, _run_id(run))


async def deployment(context: Context, request: str, run: str) -> None:
    """Take note which run makes a deployment. `request` is the `deployment_id` input, or the deployment's number."""
    require(context.actor, GRANT)
    known = await Run.get_or_none(request_id=request)
    number = known.deployment_id if known else _number(request)
    found = None if number is None else await Deployment.get_or_none(id=number).select_related("candidate")
    if found is None:
        raise NotFound("Deployment not found")
    await _reach(context, found.candidate.project_id)
    await _follow(context, found.candidate, found, _run_id(run))


async def _follow(context: Context, candidate: Candidate, of: Deployment | None, github_id: int) -> None:
    repository = await Repository.get(github_id=candidate.repository_id)
    fact = await context.at(repository).run(github_id)
    if fact is None or fact.head_sha != candidate.commit:
        raise Refusal(
            "`workflow_run_id` is not a run of this repository at the candidate's commit", commit=candidate.commit
        )
    run = await (runs.newest(candidate_id=candidate.id) if of is None else runs.newest(deployment_id=of.id))
    if run is not None and run.github_id not in (None, github_id):
        raise Refusal("Another run is followed already", workflow_run_id=run.github_id)
    if run is not None and (fact.workflow != run.workflow or fact.event != "workflow_dispatch"):
        raise Refusal("`workflow_run_id` is not a run of the workflow that was asked for", workflow=run.workflow)
    if run is not None and run.state == "failed":
        raise Refusal("The run is not waited for any more", status=candidate.status if of is None else of.status)
    try:
        async with transaction():
            if of is not None:
                await Environment.select_for_update().get(id=of.environment_id)
                await Deployment.select_for_update().get(id=of.id)
            run = run or await _write(context, candidate, of, fact.workflow)
            await dispatch.adopt(context, run, github_id, fact.url)
    except IntegrityError as clash:
        raise Refusal("`workflow_run_id` is the run of something else", field="workflow_run_id") from clash
    await enqueue("observe", tracking.written(run, fact), lock=runs.lock_of(candidate_id=candidate.id, deployment=of))


async def _write(context: Context, candidate: Candidate, of: Deployment | None, workflow: str) -> Run:
    """A run that we did not ask for, in the caller's transaction: of a pipeline of the users' own."""
    if of is None:
        raise Refusal("The candidate was cut without a build", release_candidate_version=candidate.version)
    return await Run.create(
        repository_id=candidate.repository_id,
        deployment_id=of.id,
        workflow=workflow,
        commit=candidate.commit,
        request_id=f"own-{of.id}",
        state="posted",
        posted_at=context.now(),
        deadline_at=of.deadline_at or context.now() + timedelta(hours=1),
        created_at=context.now(),
    )


async def _reach(context: Context, project: int) -> None:
    if not context.actor.reaches(await Project.get(id=project)):
        raise Forbidden(FORBIDDEN)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None


def _run_id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise Refusal("`workflow_run_id` must be the number of a workflow run", field="workflow_run_id")
    return int(text)
