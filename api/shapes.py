"""What the records look like in JSON, in the dialects that show them alike. Times are ISO 8601 in UTC."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError

from bot.errors import Refusal
from bot.rules.packages import parse_status
from bot.rules.releases import STATUS_NAMES, shown_status
from bot.store.candidates import Candidate
from bot.store.runs import Run


def _utc(moment: datetime) -> str:
    if moment.tzinfo is None:  # the first and last moment there are: PostgreSQL keeps them as infinite
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _said_in_utc(text: object) -> datetime:
    with suppress(ValueError, OverflowError):
        if isinstance(text, str) and (moment := datetime.fromisoformat(text)).tzinfo is not None:
            return moment.astimezone(UTC)
    raise PydanticCustomError("moment", "Must be a time with its zone, as in 2026-11-03T18:00:00Z")


def by_rule(rule: Callable[[object], Any]) -> BeforeValidator:
    """A value of a body or a query as a rule takes it, refused in the rule's own words."""

    def validate(value: object) -> Any:
        try:
            return rule(value)
        except Refusal as refusal:
            raise PydanticCustomError("sentence", "{sentence}", {"sentence": refusal.sentence}) from refusal

    return BeforeValidator(validate)


Moment = Annotated[datetime, PlainSerializer(_utc, return_type=str)]
Instant = Annotated[datetime, BeforeValidator(_said_in_utc)]  # as programs say it
Status = Annotated[int, by_rule(parse_status)]


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


def release_line(row: dict[str, Any]) -> ReleaseLine:
    """A release in a list, from its row."""
    status = shown_status(row["status"], held=bool(row["held"]))
    return ReleaseLine(
        id=row["id"],
        version=row["version"],
        status=status,
        status_name=STATUS_NAMES[status],
        commit=row["commit"],
        newest_candidate=row["newest"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
