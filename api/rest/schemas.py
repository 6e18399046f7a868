"""Response models that several dialects share: candidates, builds, deployments and releases."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson
from pydantic import BaseModel, Field

from api.http.types import Timestamp, format_utc
from bot.rules.gate_results import Decision, to_json
from bot.rules.releases import STATUS_NAMES, shown_status
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from bot.store.queries import DeploymentRow
from bot.store.runs import Run


class RunResponse(BaseModel):
    """The workflow run that builds a candidate or makes a deployment."""

    run_id: int | None
    url: str | None
    status: str | None
    conclusion: str | None
    attempt: int
    deadline_at: Timestamp


class CandidateResponse(BaseModel):
    """A release candidate."""

    id: int
    project: str
    repo: str
    release_version: str
    release_candidate_version: str
    commit: str
    tag: str | None
    status: str
    reason: str | None
    build: RunResponse | None
    created_at: Timestamp
    created_by: str
    url: str


class DeploymentResponse(BaseModel):
    """A deployment of a release candidate to an environment."""

    actor: str
    deploy_start_at: Timestamp | None
    deploy_end_at: Timestamp | None
    environment_name: str
    error_message: str | None
    from_release_candidate_version: str | None
    from_release_version: str | None
    id: int
    release_candidate_version: str
    release_version: str
    status: str
    waits_for: list[str] | None = Field(None, description="The gates that a pending deployment waits for.")


class DeploymentWithRunResponse(DeploymentResponse):
    """A deployment, and the newest workflow run that makes it; null if there is none."""

    run: RunResponse | None


CHANGING = ("status", "error_message", "deploy_start_at", "deploy_end_at", "waits_for")
"""The columns of a deployment that change."""


class DeploymentDetailsResponse(DeploymentWithRunResponse):
    """A deployment with all that is known about it.

    `automatic`: Longshore asked for it. `force_reason`: gates were overridden for this reason; `rollback_reason` is
    that of a rollback. `wait_outcome` says how its wait for gates ended, `expires_at` when it ends at the latest.
    `decision` is the last one of the gates.
    """

    automatic: bool
    force_reason: str | None
    rollback_reason: str | None
    wait_outcome: str | None
    expires_at: Timestamp | None
    decision: dict[str, object] | None


class GateResponse(BaseModel):
    """A gate's verdict: `off`, `pass`, `overridden`, `wait` (it may open by itself) or `refuse`."""

    gate: str
    verdict: str
    sentence: str
    since: Timestamp | None
    until: Timestamp | None
    who_can_help: list[str]
    facts: dict[str, object]


class DecisionResponse(BaseModel):
    """Whether a candidate may be deployed to an environment; the verdict is the most severe of the gates'."""

    candidate: str
    environment: str
    verdict: str
    gates: list[GateResponse]


class ReleaseSummary(BaseModel):
    """A release in a list."""

    id: int
    version: str
    status: int
    status_name: str
    commit: str | None
    newest_candidate: str | None
    created_at: Timestamp
    updated_at: Timestamp


def decision_response(decision: Decision) -> DecisionResponse:
    """The response for a decision of the gates."""
    return DecisionResponse.model_validate(to_json(decision))


def decision_json(decision: Decision) -> dict[str, object]:
    """The JSON of `decision_response`, without the time that its validation takes."""
    return {
        "candidate": decision.candidate,
        "environment": decision.environment,
        "verdict": decision.verdict,
        "gates": [
            {
                "gate": result.gate,
                "verdict": result.verdict,
                "sentence": result.sentence,
                "since": None if result.since is None else format_utc(result.since),
                "until": None if result.until is None else format_utc(result.until),
                "who_can_help": result.who_can_help,
                "facts": result.facts,
            }
            for result in decision.gates
        ],
    }


def candidate_response(base_url: str, project: str, candidate: Candidate, run: Run | None) -> CandidateResponse:
    """The response for a candidate, whose release, repository and creator must have been fetched, and its build."""
    path = f"/api/releases/{quote(project, safe='')}/releases/{quote(candidate.version, safe='')}"
    return CandidateResponse(
        id=candidate.id,
        project=project,
        repo=candidate.repository.full_name,
        release_version=candidate.release.version,
        release_candidate_version=candidate.version,
        commit=candidate.commit,
        tag=candidate.tag,
        status=candidate.status,
        reason=candidate.reason,
        build=None if run is None else _run_response(run),
        created_at=candidate.created_at,
        created_by=candidate.created_by.name,
        url=base_url + path,
    )


def deployment_response(row: DeploymentRow, run: Run | None) -> DeploymentWithRunResponse:
    """The response for a deployment, with its newest run."""
    return DeploymentWithRunResponse.model_validate(_with_run(row, run))


def deployment_details_response(
    row: DeploymentRow, deployment: Deployment, run: Run | None
) -> DeploymentDetailsResponse:
    """The response for a single deployment, with its newest run and what is known about its gates.

    What changes is that of one reading, the deployment's: the row may have been read when it had ended meanwhile.
    """
    names = ("automatic", "force_reason", "rollback_reason", "wait_outcome", "expires_at", "decision")
    details = {name: getattr(deployment, name) for name in names}
    current: Any = {**row, **{name: getattr(deployment, name) for name in CHANGING}}
    return DeploymentDetailsResponse.model_validate({**_with_run(current, run), **details})


def _with_run(row: DeploymentRow, run: Run | None) -> dict[str, object]:
    return {**serialize_deployment(row), "run": None if run is None else _run_response(run)}


def _run_response(run: Run) -> RunResponse:
    """The response for a run. Until GitHub has started it, `status` is the state of its dispatch."""
    return RunResponse(
        run_id=run.github_id,
        url=run.url,
        status=run.status or run.state,
        conclusion=run.conclusion,
        attempt=run.attempt,
        deadline_at=run.deadline_at,
    )


def serialize_deployment(row: Mapping[str, Any]) -> dict[str, object]:
    """Serialize a row of a list of deployments as a DeploymentResponse."""
    started, ended = row["deploy_start_at"], row["deploy_end_at"]
    times = {"deploy_start_at": started and format_utc(started), "deploy_end_at": ended and format_utc(ended)}
    waits_for = row["waits_for"]
    return {**row, **times, "waits_for": orjson.loads(waits_for) if isinstance(waits_for, str) else waits_for}


def serialize_release(row: Mapping[str, Any]) -> dict[str, Any]:
    """Serialize a row of a list of releases as a ReleaseSummary."""
    status = shown_status(row["status"], held=bool(row["held"]))
    return {
        "id": row["id"],
        "version": row["version"],
        "status": status,
        "status_name": STATUS_NAMES[status],
        "commit": row["commit"],
        "newest_candidate": row["newest"],
        "created_at": format_utc(row["created_at"]),
        "updated_at": format_utc(row["updated_at"]),
    }
