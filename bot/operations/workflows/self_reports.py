"""Self-reports: workflows that report the id of their own run. Each is checked against GitHub."""

from dataclasses import dataclass
from datetime import timedelta

from tortoise.exceptions import IntegrityError

from bot.context import Context, authorize, confirmed, not_found_to
from bot.errors import Conflict, Refusal, deployment_not_found, release_not_found
from bot.github import workflow_runs
from bot.operations import runs
from bot.operations.workflows import dispatch, tracking
from bot.rules.ids import ProjectId, RunId, parse_row_id
from bot.rules.runs import RunFact
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.deployments import Deployment
from bot.store.projects import Environment, Project, Repository
from bot.store.runs import Run

GRANT = "deployment:report"


@dataclass(frozen=True)
class Subject:
    """The candidate that a reported run builds, or the deployment that it makes."""

    candidate: Candidate
    deployment: Deployment | None = None

    @property
    def status(self) -> str:
        """The status of the deployment, or of the candidate."""
        return self.candidate.status if self.deployment is None else self.deployment.status

    async def newest_run(self) -> Run | None:
        """The newest known run of the build or deployment."""
        if self.deployment is None:
            return await runs.newest(candidate_id=self.candidate.id)
        return await runs.newest(deployment_id=self.deployment.id)


async def record_build(context: Context, request: str, run: str) -> None:
    """Record which run builds a candidate. `request` is the `release_cut_id` input, or the candidate's id."""
    authorize(context.actor, GRANT)
    requested = await Run.get_or_none(request_id=request)
    candidate_id = requested.candidate_id if requested else parse_row_id(request)
    candidate = None if candidate_id is None else await Candidate.get_or_none(id=candidate_id)
    if candidate is None:
        raise not_found_to(context.actor, release_not_found(), GRANT)
    await _check_scope(context, candidate.project_id)
    await _track(context, Subject(candidate), _run_id(run))


async def record_deployment(context: Context, request: str, run: str) -> None:
    """Record which run makes a deployment. `request` is the `deployment_id` input, or the deployment's id."""
    authorize(context.actor, GRANT)
    requested = await Run.get_or_none(request_id=request)
    deployment_id = requested.deployment_id if requested else parse_row_id(request)
    deployment = None
    if deployment_id is not None:
        deployment = await Deployment.get_or_none(id=deployment_id).select_related("candidate")
    if deployment is None:
        raise not_found_to(context.actor, deployment_not_found(), GRANT)
    await _check_scope(context, deployment.candidate.project_id)
    if deployment.waiting:
        raise Conflict("Deployment waits for gates", deployment=deployment.id, waits_for=deployment.waits_for)
    await _track(context, Subject(deployment.candidate, deployment), _run_id(run))


async def _track(context: Context, subject: Subject, github_id: RunId) -> None:
    """Check a reported run against GitHub, adopt it, and let its status take effect."""
    candidate, deployment = subject.candidate, subject.deployment
    repository = await Repository.get(github_id=candidate.repository_id)
    fact = await workflow_runs.get(context.client_for(repository), github_id)
    if fact is None or fact.head_sha != candidate.commit:
        raise Refusal(
            "`workflow_run_id` is not a run of this repository at the candidate's commit", commit=candidate.commit
        )
    run = await subject.newest_run()
    if run is not None:
        _check_expected(subject, run, fact)
    try:
        async with transaction():
            if deployment is not None:
                await Environment.select_for_update().get(id=deployment.environment_id)
                await Deployment.select_for_update().get(id=deployment.id)
            run = run or await _create_run(context, subject, fact.workflow)
            await dispatch.adopt(context, run, github_id, fact.url)
    except IntegrityError as clash:
        raise Refusal("`workflow_run_id` belongs to another build or deployment", field="workflow_run_id") from clash
    await tracking.apply_fact(context, run.id, fact)


def _check_expected(subject: Subject, run: Run, fact: RunFact) -> None:
    """Refuse a run that is not the requested one."""
    if run.github_id not in (None, fact.id):
        raise Refusal("Another run already belongs to this build or deployment", workflow_run_id=run.github_id)
    if fact.workflow != run.workflow or fact.event != "workflow_dispatch":
        raise Refusal("`workflow_run_id` is not a run of the workflow that was asked for", workflow=run.workflow)
    if run.state == "failed":
        raise Refusal("A run is no longer expected", status=subject.status)


async def _create_run(context: Context, subject: Subject, workflow: str) -> Run:
    """Insert a run that Longshore did not request, in the caller's transaction."""
    candidate, deployment = subject.candidate, subject.deployment
    if deployment is None:
        raise Refusal("The candidate was cut without a build", release_candidate_version=candidate.version)
    return await Run.create(
        repository_id=candidate.repository_id,
        deployment_id=deployment.id,
        workflow=workflow,
        commit=candidate.commit,
        request_id=f"own-{deployment.id}",
        state="posted",
        posted_at=context.now(),
        deadline_at=deployment.deadline_at or context.now() + timedelta(hours=1),
        created_at=context.now(),
    )


async def _check_scope(context: Context, project: ProjectId) -> None:
    """Refuse an actor whose grant does not hold for a project. About the owner of a personal token, GitHub is asked."""
    row = await Project.get(id=project).select_related("repository")
    authorize((await confirmed(context, row.name, GRANT)).actor, GRANT, project=row)


def _run_id(text: str) -> RunId:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise Refusal("`workflow_run_id` must be the number of a workflow run", field="workflow_run_id")
    return RunId(int(text))
