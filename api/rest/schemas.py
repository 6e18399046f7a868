"""What the records look like in JSON, in the dialects that show them alike. Times are ISO 8601 in UTC."""

from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from api.http.types import Moment, said_utc
from bot.rules.releases import STATUS_NAMES, shown_status
from bot.store.candidates import Candidate
from bot.store.queries import DeploymentRow, ReleaseRow
from bot.store.runs import Run


class BuildShape(BaseModel):
    """The Actions run that builds a candidate."""

    run_id: int | None
    url: str | None
    status: str | None
    conclusion: str | None
    attempt: int
    deadline_at: Moment


class CandidateShape(BaseModel):
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
    build: BuildShape | None
    created_at: Moment
    created_by: str
    url: str


class DeploymentShape(BaseModel):
    """One attempt to put a candidate on an environment."""

    actor: str
    deploy_start_at: Moment | None
    deploy_end_at: Moment | None
    environment_name: str
    error_message: str | None
    from_release_candidate_version: str | None
    from_release_version: str | None
    id: int
    release_candidate_version: str
    release_version: str
    status: str


class ReleaseLine(BaseModel):
    """A release in a list."""

    id: int
    version: str
    status: int
    status_name: str
    commit: str | None
    newest_candidate: str | None
    created_at: Moment
    updated_at: Moment


def candidate_shape(base_url: str, project: str, candidate: Candidate, run: Run | None) -> CandidateShape:
    """A candidate, with its release, repository and creator at hand."""
    path = f"/api/releases/{quote(project, safe='')}/releases/{quote(candidate.version, safe='')}"
    return CandidateShape(
        id=candidate.id,
        project=project,
        repo=candidate.repository.full_name,
        release_version=candidate.release.version,
        release_candidate_version=candidate.version,
        commit=candidate.commit,
        tag=candidate.tag,
        status=candidate.status,
        reason=candidate.reason,
        build=None if run is None else build_shape(run),
        created_at=candidate.created_at,
        created_by=candidate.created_by.name,
        url=base_url + path,
    )


def build_shape(run: Run) -> BuildShape:
    """A build, from the wish for its run on."""
    return BuildShape(
        run_id=run.github_id,
        url=run.url,
        status=run.status or run.state,
        conclusion=run.conclusion,
        attempt=run.attempt,
        deadline_at=run.deadline_at,
    )


def deployment_line(row: DeploymentRow) -> dict[str, Any]:
    """A deployment in a list, from its row: a DeploymentShape in plain JSON."""
    begun, ended = row["deploy_start_at"], row["deploy_end_at"]
    times = {"deploy_start_at": begun and said_utc(begun), "deploy_end_at": ended and said_utc(ended)}
    return {**row, **times}


def release_line(row: ReleaseRow) -> dict[str, Any]:
    """A release in a list, from its row: a ReleaseLine in plain JSON."""
    status = shown_status(row["status"], held=bool(row["held"]))
    return {
        "id": row["id"],
        "version": row["version"],
        "status": status,
        "status_name": STATUS_NAMES[status],
        "commit": row["commit"],
        "newest_candidate": row["newest"],
        "created_at": said_utc(row["created_at"]),
        "updated_at": said_utc(row["updated_at"]),
    }
