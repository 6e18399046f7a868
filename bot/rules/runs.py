"""Workflow runs: the facts that GitHub reports about them, and which of these are news."""

import re
from dataclasses import dataclass
from datetime import datetime

from bot.rules.ids import CommitSha, GitHubUserId, RunId

_RANK = {"in_progress": 1, "completed": 2}
_AT_ONCE = 1.0  # seconds


@dataclass(frozen=True)
class RunFact:
    """The state of a run as GitHub reports it, by webhook or REST, with times by GitHub's clock.

    `workflow` is its file's path, without `@ref`. `updated_at` of a completed run is when it ended. The triggering
    actor started this attempt, who need not be the one who started the first.
    """

    id: RunId
    attempt: int
    status: str
    conclusion: str | None
    head_sha: CommitSha
    head_branch: str | None
    workflow: str
    title: str
    url: str
    event: str
    actor: str
    created_at: datetime
    updated_at: datetime | None = None
    triggering_actor: str = ""
    triggering_actor_id: GitHubUserId | None = None


def rank(status: str | None) -> int:
    """How far a run has come: 0 waiting, 1 in progress, 2 completed."""
    return _RANK.get(status or "", 0)


def is_news(known_attempt: int, known_status: str | None, fact: RunFact) -> bool:
    """Whether a fact is ahead of the known state: a later attempt, or the same attempt further on."""
    if fact.attempt != known_attempt:
        return fact.attempt > known_attempt
    return rank(fact.status) > rank(known_status) or known_status is None


def duration(began_at: datetime, ended_at: datetime, *, was_requested: bool) -> float | None:
    """The seconds that a build or deployment took.

    One that Longshore did not request began when it was first heard of; None if that was its end.
    """
    seconds = (ended_at - began_at).total_seconds()
    return max(0.0, seconds) if was_requested or seconds >= _AT_ONCE else None


def has_request_id(title: str, request_id: str) -> bool:
    """Whether a run's title contains a request id as a whole word."""
    return re.search(rf"(?<![A-Za-z0-9_-]){re.escape(request_id)}(?![A-Za-z0-9_-])", title) is not None


def request_ids(title: str) -> list[str]:
    """The request ids in a run's title, in the format of `operations.runs.request`."""
    return re.findall(r"(?<![A-Za-z0-9_-])(?:cut|dep)-[0-9]+-[0-9a-f]{10}(?![A-Za-z0-9_-])", title)


def workflow_path(workflow: str) -> str:
    """The path of a workflow file in its repository: a bare file name stands for one in `.github/workflows/`."""
    path = workflow.partition("@")[0]
    return path if "/" in path else f".github/workflows/{path}"


def workflow_file(path: str) -> str:
    """The file name by which GitHub's API addresses a workflow."""
    return path.rpartition("/")[2]
