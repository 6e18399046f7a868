"""A deployment in full: its times, its runs with their jobs, the gates as they stood, and who approved it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.context import READ, Context, allowed, by_deployment
from bot.errors import DatabaseUnavailable, Problem
from bot.github.transport import ApiError
from bot.operations import deployment_histories, offers
from bot.rules.access import Access
from bot.rules.deployments import UNFINISHED
from bot.rules.gate_results import Decision, from_json
from bot.rules.github_pages import RepositoryPages
from bot.rules.ids import DeploymentId
from bot.rules.run_jobs import JobFact
from bot.store.deployments import Deployment, live_deployment
from bot.store.projects import Project
from bot.store.runs import Run

MAX_RUNS = 10
MAX_WAIT = 5.0  # seconds for GitHub's answer about jobs
_ASKED = {"deploy": "asked for", "rollback": "rollback asked for"}


@dataclass(frozen=True)
class Moment:
    """Something that happened in the course of a deployment. `by` is who did it, if somebody did."""

    at: datetime
    what: str
    by: str = ""


@dataclass(frozen=True)
class CountedApproval:
    """An approval that counted: whose, and when (ISO 8601) it was given."""

    by: str
    at: str
    is_by_operator: bool


@dataclass(frozen=True)
class RunJobsView:
    """The jobs of a deployment's run; `problem` says why GitHub does not tell of them."""

    jobs: Sequence[JobFact] = ()
    problem: str = ""


@dataclass(frozen=True)
class DeploymentDetails:
    """A deployment as its page shows it; its environment, candidate and actor have been fetched.

    `runs` are those that were dispatched for it, newest first. `jobs` is None while there is no run on GitHub.
    """

    project: Project
    deployment: Deployment
    is_live: bool
    seconds: float | None
    moments: Sequence[Moment]
    runs: Sequence[Run]
    run_url: str | None
    jobs: RunJobsView | None
    decision: Decision | None
    approvals: Sequence[CountedApproval]
    access: Access
    pages: RepositoryPages | None

    @property
    def is_unfinished(self) -> bool:
        """Whether it waits, is under way, or is being canceled."""
        return self.deployment.status in UNFINISHED

    @property
    def status(self) -> str:
        """Its status: `in_progress` as soon as one of its jobs has begun, which may be known before that of the run."""
        jobs = () if self.jobs is None else self.jobs.jobs
        has_begun = any(job.status in ("in_progress", "completed") and job.conclusion != "skipped" for job in jobs)
        return "in_progress" if has_begun and self.deployment.status == "pending" else self.deployment.status


async def show(context: Context, deployment_id: DeploymentId, *, max_wait: float = MAX_WAIT) -> DeploymentDetails:
    """Read a deployment by its id, with its run's jobs as GitHub tells them. Refuses an unknown one.

    The jobs are waited for at most `max_wait` seconds.
    """
    return await _read(context, str(deployment_id), deployment_id, max_wait)


async def place(context: Context, deployment_id: DeploymentId) -> tuple[str, str]:
    """The names of a deployment's project and environment, without asking GitHub. Refuses an unknown deployment."""
    return await _place(context, str(deployment_id), deployment_id)


@allowed(READ, by=by_deployment)
async def _place(context: Context, project: Project, deployment_id: DeploymentId) -> tuple[str, str]:
    deployment = await Deployment.get(id=deployment_id).select_related("environment")
    return project.name, deployment.environment.name


@allowed(READ, by=by_deployment)
async def _read(context: Context, project: Project, deployment_id: DeploymentId, max_wait: float) -> DeploymentDetails:
    related = ("environment", "candidate", "from_candidate", "actor")
    deployment = await Deployment.get(id=deployment_id).select_related(*related)
    pages, found = offers.pages_of(context, project), await _runs(deployment)
    live = await live_deployment(deployment.environment_id)
    newest = found[0] if found else None
    decision = None if deployment.decision is None else from_json(deployment.decision)
    return DeploymentDetails(
        project=project,
        deployment=deployment,
        is_live=live is not None and live.id == deployment.id,
        seconds=_seconds(deployment),
        moments=_moments(deployment, found),
        runs=found,
        run_url=None if pages is None or newest is None else pages.run(newest.github_id, newest.url),
        jobs=await _jobs(context, project, newest, max_wait),
        decision=decision,
        approvals=_approvals(decision),
        access=offers.access_to(context, project),
        pages=pages,
    )


async def _runs(deployment: Deployment) -> list[Run]:
    return await Run.filter(deployment_id=deployment.id).order_by("-id").limit(MAX_RUNS)


def _seconds(deployment: Deployment) -> float | None:
    began, ended = deployment.deploy_start_at or deployment.created_at, deployment.deploy_end_at
    outcome = deployment.wait_outcome
    return deployment_histories.seconds_of(began, ended, outcome, is_reported=deployment.reported)


def _moments(deployment: Deployment, found: Sequence[Run]) -> list[Moment]:
    """The course of a deployment, in the order of time, as far as it is stored."""
    asked = "reported" if deployment.reported else _ASKED[deployment.kind]
    times = [Moment(deployment.created_at, asked, deployment.actor.name)]
    if deployment.wait_outcome == "dispatched" and found:
        times.append(Moment(found[-1].created_at, "its gates opened"))
    posted = [(run.posted_at, run.workflow) for run in reversed(found)]
    times += [Moment(at, f"{workflow} dispatched") for at, workflow in posted if at is not None]
    if deployment.deploy_start_at is not None:
        times.append(Moment(deployment.deploy_start_at, "under way"))
    if deployment.deploy_end_at is not None:
        times.append(Moment(deployment.deploy_end_at, _end_of(deployment)))
    return sorted(times, key=lambda each: each.at)


def _end_of(deployment: Deployment) -> str:
    if deployment.wait_outcome not in (None, "dispatched"):
        return f"{deployment.wait_outcome} before it ran"
    return {"success": "succeeded", "failure": "failed", "error": "failed", "unknown": "given up"}.get(
        deployment.status, deployment.status
    )


def _approvals(decision: Decision | None) -> tuple[CountedApproval, ...]:
    """The approvals that counted when the gates were asked last."""
    facts = {} if decision is None else decision.result_of("approvals").facts
    return tuple(
        CountedApproval(each["by"], each["at"], is_by_operator=each["by_operator"])
        for each in facts.get("approved_by", ())
    )


async def _jobs(context: Context, project: Project, run: Run | None, max_wait: float) -> RunJobsView | None:
    """Ask GitHub for the jobs of a run. What it does not tell is a problem in words, not an error."""
    if run is None or run.github_id is None or project.repository is None:
        return None
    try:
        client = context.client_for(project.repository)
        async with asyncio.timeout(max_wait):
            return RunJobsView(await context.github.run_jobs.of_run(client, run.github_id))
    except TimeoutError:
        return RunJobsView(problem=f"GitHub has not answered within {max_wait:g} seconds")
    except DatabaseUnavailable:
        raise
    except ApiError as error:
        return RunJobsView(problem=f"GitHub answered {error.status}: {error.message}")
    except Problem as problem:
        reason = problem.details.get("reason")
        return RunJobsView(problem=f"{problem.sentence}: {reason}" if reason else problem.sentence)
