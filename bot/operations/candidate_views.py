"""The facts that GitHub shows about a candidate, read from the database alone."""

from datetime import datetime

from bot.context import Context
from bot.rules.candidate_views import (
    BuildState,
    BuildView,
    CandidateView,
    EnvironmentView,
    RollbackView,
    WaitView,
    state_of,
)
from bot.rules.deployments import FINAL
from bot.rules.gate_results import from_json
from bot.rules.ids import CandidateId
from bot.store.candidates import Candidate
from bot.store.database import fetch
from bot.store.deployments import Deployment, live_deployment
from bot.store.projects import Environment, Repository
from bot.store.runs import Run

BUILDS: dict[str, BuildState] = {
    "pending": "requested",
    "building": "in progress",
    "failed": "failed",
    "canceled": "canceled",
}
"""The state of a build by the candidate's status; once it succeeded, the candidate has another one."""
NEWEST = "SELECT max(id) AS id FROM deployments WHERE candidate_id = $1 GROUP BY environment_id"
ROLLED_BACK = """
SELECT c.version, u.name, d.rollback_reason FROM deployments d JOIN candidates c ON c.id = d.candidate_id
JOIN users u ON u.id = d.actor_id WHERE d.environment_id = $1 AND d.from_candidate_id = $2 AND d.kind = 'rollback'
AND d.status = 'success' AND d.id > $3 ORDER BY d.id DESC LIMIT 1
"""


async def read(context: Context, candidate_id: CandidateId) -> CandidateView:
    """Read what is shown about a candidate."""
    candidate = await Candidate.get(id=candidate_id).select_related("project", "release", "created_by", "repository")
    held, repository = candidate.release.held, candidate.repository
    return CandidateView(
        id=candidate.id,
        project=candidate.project.name,
        version=candidate.version,
        commit=candidate.commit,
        commit_url=f"{_page(context, repository)}/commit/{candidate.commit}",
        status=candidate.status,
        reason=candidate.reason,
        cut_by=candidate.created_by.name,
        cut_at=candidate.created_at,
        build=await _build(context, candidate, repository),
        held=None if held is None else (str(held.get("by")), str(held.get("reason"))),
        environments=tuple(await _environments(context, candidate, repository)),
    )


def run_url(context: Context, repository: Repository, run: Run | None) -> str | None:
    """The page of a run on GitHub; None until GitHub has started one."""
    if run is None or run.github_id is None:
        return None
    return run.url or f"{_page(context, repository)}/actions/runs/{run.github_id}"


def _page(context: Context, repository: Repository) -> str:
    return f"{context.github.web_url}/{repository.full_name}"


async def _build(context: Context, candidate: Candidate, repository: Repository) -> BuildView | None:
    run = await Run.filter(candidate_id=candidate.id).order_by("-id").first()
    if run is None:
        return None
    return BuildView(BUILDS.get(candidate.status, "succeeded"), run_url(context, repository, run))


async def _environments(context: Context, candidate: Candidate, repository: Repository) -> list[EnvironmentView]:
    newest = [row["id"] for row in await fetch(NEWEST, candidate.id)]
    rows = Deployment.filter(id__in=newest).select_related("environment", "actor")
    deployments = sorted(await rows, key=lambda row: (row.environment.position, row.environment_id))
    return [await _environment(context, candidate, repository, row) for row in deployments]


async def _environment(
    context: Context, candidate: Candidate, repository: Repository, deployment: Deployment
) -> EnvironmentView:
    environment = deployment.environment
    run = await Run.filter(deployment_id=deployment.id).order_by("-id").first()
    live = await live_deployment(environment.id)
    decision = None if deployment.decision is None else from_json(deployment.decision)
    closed = decision.closed() if decision is not None and deployment.waiting else []
    overridden = () if decision is None or deployment.waiting else tuple(each.gate for each in decision.overridden)
    rollback = await _rollback(environment, deployment)
    return EnvironmentView(
        id=environment.id,
        name=environment.name,
        state=state_of(
            deployment.status,
            deployment.wait_outcome,
            waiting=deployment.waiting,
            is_live=live is not None and live.id == deployment.id,
            rolled_back=rollback is not None,
        ),
        since=_since(deployment),
        asked_by=deployment.actor.name,
        deployment=deployment.id,
        message=deployment.error_message,
        url=run_url(context, repository, run),
        site=environment.url,
        waits=tuple(WaitView(each.gate, each.sentence, each.who_can_help) for each in closed),
        expires_at=deployment.expires_at if deployment.waiting else None,
        overridden=overridden,
        reason=deployment.force_reason,
        rollback=rollback,
    )


def _since(deployment: Deployment) -> datetime:
    """Since when a deployment has been in its state, as far as that is stored."""
    if deployment.status in FINAL and deployment.deploy_end_at is not None:
        return deployment.deploy_end_at
    return deployment.deploy_start_at or deployment.created_at


async def _rollback(environment: Environment, deployment: Deployment) -> RollbackView | None:
    """The newest rollback from the candidate that has succeeded since this deployment of it."""
    for row in await fetch(ROLLED_BACK, environment.id, deployment.candidate_id, deployment.id):
        return RollbackView(row["version"], row["name"], row["rollback_reason"])
    return None
