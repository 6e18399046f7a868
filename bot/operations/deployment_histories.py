"""Histories of deployments as people read them: who, when, how long, how it ended, and the run on GitHub."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.rules.github_pages import RepositoryPages
from bot.rules.ids import CommitSha, DeploymentId
from bot.rules.runs import duration
from bot.store.deployment_queries import HistoryRow
from bot.store.gate_queries import known_time, to_time


@dataclass(frozen=True)
class DeploymentLine:
    """A deployment in one line of a history.

    `seconds` is how long it ran; None if it has not ended, never ran, or only its end was reported. `reason` is why
    gates were overridden, or why it was rolled back.
    """

    id: DeploymentId
    environment: str
    version: str
    commit: CommitSha
    from_version: str | None
    kind: str
    status: str
    is_waiting: bool
    wait_outcome: str | None
    is_automatic: bool
    is_forced: bool
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None
    seconds: float | None
    message: str | None
    reason: str | None
    run_url: str | None


def lines(rows: Iterable[HistoryRow], pages: RepositoryPages | None) -> tuple[DeploymentLine, ...]:
    """The lines of a history from its rows; `pages` are those of the repository on GitHub."""
    return tuple(_line(row, pages) for row in rows)


def _line(row: HistoryRow, pages: RepositoryPages | None) -> DeploymentLine:
    asked_at, ended_at = known_time(row["created_at"]), to_time(row["deploy_end_at"])
    began_at, outcome = to_time(row["deploy_start_at"]), row["wait_outcome"]
    return DeploymentLine(
        id=DeploymentId(row["id"]),
        environment=row["environment"],
        version=row["version"],
        commit=CommitSha(row["commit"]),
        from_version=row["from_version"],
        kind=row["kind"],
        status=row["status"],
        is_waiting=bool(row["waiting"]),
        wait_outcome=outcome,
        is_automatic=bool(row["automatic"]),
        is_forced=row["force_reason"] is not None,
        asked_by=row["asked_by"],
        asked_at=asked_at,
        ended_at=ended_at,
        seconds=seconds_of(began_at or asked_at, ended_at, outcome, is_reported=bool(row["reported"])),
        message=row["error_message"],
        reason=row["force_reason"] or row["rollback_reason"],
        run_url=None if pages is None else pages.run(row["run_id"], row["run_url"]),
    )


def seconds_of(
    began_at: datetime, ended_at: datetime | None, wait_outcome: str | None, *, is_reported: bool
) -> float | None:
    """How long a deployment ran; None if it has not ended, never ran, or only its end was reported."""
    if ended_at is None or wait_outcome not in (None, "dispatched"):
        return None
    return duration(began_at, ended_at, was_requested=not is_reported)
