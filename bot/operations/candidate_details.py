"""A candidate in full: its build, its deployments, the gates before each environment, and what it would bring."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from bot.context import READ, Context, allowed
from bot.operations import candidates, decisions, deployment_histories, offers, shipments
from bot.operations.deployment_histories import DeploymentLine
from bot.rules import gate_settings
from bot.rules.access import Access
from bot.rules.deployment_replies import Shipment
from bot.rules.gate_results import Decision
from bot.rules.github_pages import RepositoryPages
from bot.rules.ids import EnvironmentId
from bot.rules.versions import CandidateVersion
from bot.store import deployment_queries
from bot.store.candidates import Candidate
from bot.store.database import fetch
from bot.store.deployments import LIVE_DEPLOYMENT_ID
from bot.store.gates import Approval, Ban
from bot.store.projects import Environment, Project
from bot.store.runs import Run

MAX_DEPLOYMENTS = 25
MAX_DECISIONS = 20  # environments for which the gates are evaluated
MAX_APPROVALS = 200
_LIVE = f"""
SELECT e.id AS environment_id, l.candidate_id FROM environments e
JOIN deployments l ON l.id = {LIVE_DEPLOYMENT_ID.format(environment_id="e.id")} WHERE e.project_id = $1
"""  # noqa: S608 - a subquery of ours


@dataclass(frozen=True)
class EnvironmentPath:
    """The way of a candidate to one environment. `live` is the candidate that is live there.

    `decision` is None for environments beyond the first MAX_DECISIONS. `approvals` are those that have neither been
    withdrawn nor expired; `approvals_needed` is 0 where none are.
    """

    environment: Environment
    live: Candidate | None
    decision: Decision | None
    approvals: Sequence[Approval]
    approvals_needed: int


@dataclass(frozen=True)
class CandidateDetails:
    """A candidate as its page shows it. `since` names the environment with whose live candidate it is compared."""

    project: Project
    candidate: Candidate
    build: Run | None
    build_url: str | None
    ban: Ban | None
    paths: Sequence[EnvironmentPath]
    deployments: Sequence[DeploymentLine]
    since: EnvironmentPath | None
    shipment: Shipment | None
    access: Access
    pages: RepositoryPages | None


@allowed(READ)
async def read(context: Context, project: Project, version: CandidateVersion, *, since: str = "") -> CandidateDetails:
    """Read a candidate. It is compared with what is live on the environment `since`, else on the last one it differs.

    What GitHub does not answer is said in words: the gates that depend on it wait, the comparison has a problem.
    """
    candidate, pages = await candidates.get(context, project, version), offers.pages_of(context, project)
    build = await candidates.newest_build(candidate)
    paths = await _paths(context, project, candidate)
    compared = _compared(paths, candidate, since)
    live = None if compared is None else compared.live
    history = await deployment_queries.of_candidate(candidate.id, limit=MAX_DEPLOYMENTS)
    return CandidateDetails(
        project=project,
        candidate=candidate,
        build=build,
        build_url=None if pages is None or build is None else pages.run(build.github_id, build.url),
        ban=await Ban.filter(candidate_id=candidate.id, ended_at=None).select_related("created_by").first(),
        paths=paths,
        deployments=deployment_histories.lines(history, pages),
        since=compared,
        shipment=None if live is None else await shipments.compared(context, candidate, live),
        access=offers.access_to(context, project),
        pages=pages,
    )


async def _paths(context: Context, project: Project, candidate: Candidate) -> list[EnvironmentPath]:
    environments = await Environment.filter(project_id=project.id).order_by("position", "id")
    live, approvals = await _live(project), await _approvals(candidate)
    decided = await decisions.preview_all(context, environments[:MAX_DECISIONS], candidate)
    found: list[EnvironmentPath] = []
    for environment, decision in zip_longest(environments, decided):
        settings = gate_settings.read(environment.gate_settings).approvals
        oldest = context.now() - settings.expire_after
        found.append(
            EnvironmentPath(
                environment=environment,
                live=live.get(environment.id),
                decision=decision,
                approvals=[
                    each for each in approvals if each.environment_id == environment.id and each.approved_at > oldest
                ],
                approvals_needed=settings.count,
            )
        )
    return found


async def _live(project: Project) -> Mapping[EnvironmentId, Candidate]:
    """What is live on each environment of a project."""
    rows = await fetch(_LIVE, project.id)
    found = {each.id: each for each in await Candidate.filter(id__in=[row["candidate_id"] for row in rows])}
    return {EnvironmentId(row["environment_id"]): found[row["candidate_id"]] for row in rows}


async def _approvals(candidate: Candidate) -> list[Approval]:
    rows = Approval.filter(candidate_id=candidate.id, withdrawn_at=None).order_by("id")
    return await rows.limit(MAX_APPROVALS).select_related("user")


def _compared(paths: Sequence[EnvironmentPath], candidate: Candidate, since: str) -> EnvironmentPath | None:
    """The environment with whose live candidate another one is compared."""
    differing = [each for each in paths if each.live is not None and each.live.commit != candidate.commit]
    named = [each for each in differing if each.environment.name == since]
    return next(reversed(named or differing), None)
