"""Actions runs: what GitHub says of one, and which news of it counts."""

import re
from dataclasses import dataclass
from datetime import datetime

_RANK = {"in_progress": 1, "completed": 2}


@dataclass(frozen=True)
class RunFact:
    """What GitHub says of a run, by webhook or by REST. `workflow` is the path of its file, without `@ref`."""

    id: int
    attempt: int
    status: str
    conclusion: str | None
    head_sha: str
    head_branch: str | None
    workflow: str
    title: str
    url: str
    event: str
    actor: str
    created_at: datetime


def rank(status: str | None) -> int:
    """How far a run has come: waiting in any way, in progress, completed."""
    return _RANK.get(status or "", 0)


def is_news(seen_attempt: int, seen_status: str | None, fact: RunFact) -> bool:
    """Whether a fact says more than was known: a later attempt, or the same one further on; order is no matter."""
    if fact.attempt != seen_attempt:
        return fact.attempt > seen_attempt
    return rank(fact.status) > rank(seen_status) or seen_status is None


def carries(title: str, request_id: str) -> bool:
    """Whether a run's title carries a request id as a word of its own."""
    return re.search(rf"(?<![A-Za-z0-9_-]){re.escape(request_id)}(?![A-Za-z0-9_-])", title) is not None


def request_ids(title: str) -> list[str]:
    """The request ids of ours that a run's title carries."""
    return re.findall(r"(?<![A-Za-z0-9_-])(?:cut|dep)-[0-9]+-[0-9a-f]{10}(?![A-Za-z0-9_-])", title)


def workflow_path(workflow: str) -> str:
    """The path of a workflow's file in its repository: a bare file name stands for one in `.github/workflows/`."""
    path = workflow.partition("@")[0]
    return path if "/" in path else f".github/workflows/{path}"


def workflow_file(path: str) -> str:
    """The file name by which GitHub's API addresses a workflow."""
    return path.rpartition("/")[2]
