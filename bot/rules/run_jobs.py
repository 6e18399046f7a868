"""The jobs of a workflow run and their steps, as people read them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class StepFact:
    """A step of a job. `conclusion` is None until it has ended."""

    name: str
    status: str
    conclusion: str | None
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class JobFact:
    """A job of a run, with its steps in their order. `url` is its log on GitHub. Times are GitHub's."""

    name: str
    status: str
    conclusion: str | None
    url: str
    started_at: datetime | None
    ended_at: datetime | None
    steps: tuple[StepFact, ...]


def state_of(status: str, conclusion: str | None) -> str:
    """The state of a job or step: good, bad, run, wait or idle."""
    if status != "completed":
        return "run" if status == "in_progress" else "wait"
    return {"success": "good", "neutral": "good", "skipped": "idle", "cancelled": "idle"}.get(conclusion or "", "bad")


def words_of(status: str, conclusion: str | None) -> str:
    """The state of a job or step in words."""
    if status == "completed":
        return {"success": "succeeded", "failure": "failed", "cancelled": "canceled", "timed_out": "timed out"}.get(
            conclusion or "", (conclusion or "ended").replace("_", " ")
        )
    return {"in_progress": "running"}.get(status, status.replace("_", " "))
