"""How a deployment of ours is shown in GitHub's own list of deployments."""

from typing import Literal

State = Literal["queued", "in_progress", "success", "failure", "error"]
EnvironmentUse = Literal["yes", "no", "maybe"]
"""Whether a job of a run makes a deployment on GitHub by itself."""

FINAL: frozenset[str] = frozenset({"success", "failure", "error"})
RANKS = ("queued", "in_progress")
INACTIVE, GONE, OF_JOB = "inactive", "gone", "job's own"
"""States of a deployment that is not shown any more: another is live, ours was deleted, or a job has made one."""

_STATES: dict[str, State] = {
    "pending": "queued",
    "in_progress": "in_progress",
    "success": "success",
    "failure": "failure",
    "error": "error",
    "canceled": "error",
    "unknown": "error",
}


def state_of(status: str) -> State | None:
    """The state on GitHub of a deployment by its own status; None while it is being canceled: that changes nothing.

    GitHub has no state for a canceled deployment. It is `error`, with a description that says so: `inactive` would
    mean that it was live once, and would hide that it never got there.
    """
    return _STATES.get(status)


def description(status: str, version: str, by: str) -> str:
    """The description of a status on GitHub, which shows it as plain text."""
    words = {
        "in_progress": f"{version}, deployed by {by}",
        "success": f"{version} is live, deployed by {by}",
        "failure": f"{version} failed",
        "canceled": f"{version} was canceled",
        "unknown": f"{version}: its outcome is unknown",
    }
    return words.get(status, f"{version} failed")


def is_due(known: str | None, state: State) -> bool:
    """Whether a state is to be told: a final one when it is not known yet, and another one only if it is further on.

    Being queued is told by creating the deployment: GitHub shows one without a status as pending.
    """
    if known in (INACTIVE, GONE, OF_JOB) or known == state:
        return False
    if known is None or state in FINAL:
        return True
    return known not in FINAL and RANKS.index(state) > RANKS.index(known)
