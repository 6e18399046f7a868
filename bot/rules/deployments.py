"""The life cycle of a deployment: its statuses, how runs and reports change them, and the target of a rollback."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bot.rules.ids import CandidateId

STATUSES = ("pending", "in_progress", "success", "failure", "canceling", "canceled", "error", "unknown")
ACTIVE = frozenset({"pending", "in_progress"})
FINAL = frozenset({"success", "failure", "canceled", "error", "unknown"})
UNFINISHED = ("pending", "in_progress", "canceling")
MOVES: dict[str, frozenset[str]] = {
    "pending": FINAL | {"in_progress", "canceling"},
    "in_progress": FINAL | {"canceling"},
    "canceling": FINAL,
    **{final: frozenset() for final in FINAL},
}

WaitOutcome = Literal["superseded", "refused", "expired", "canceled"]
"""How the wait of a deployment ends that never runs."""
STATUS_AFTER_WAIT: dict[WaitOutcome, str] = {
    "superseded": "canceled",
    "canceled": "canceled",
    "refused": "error",
    "expired": "error",
}


def may_move(before: str, after: str) -> bool:
    """Whether a deployment that Longshore tracks may move from one status to another."""
    return after in MOVES[before]


def may_become_known(before: str, after: str) -> bool:
    """Whether the end of a run is news about a deployment whose outcome was unknown."""
    return before == "unknown" and after in FINAL and after != before


def is_new_deployment(before: str, after: str) -> bool:
    """Whether a pipeline's report is about a new deployment: it is running, and the newest known one has ended."""
    return before in FINAL and after not in FINAL


def is_change(before: str, after: str) -> bool:
    """Whether a pipeline's report changes a deployment.

    Repeating its final status does not, nor does a running status once it is being canceled.
    """
    return not (before == after and after in FINAL) and not (before == "canceling" and after in ACTIVE)


def status_after_run(conclusion: str | None) -> tuple[str, str | None]:
    """The final status of a deployment by its run's conclusion, and the error message of a failure."""
    if conclusion == "success":
        return "success", None
    if conclusion == "cancelled":
        return "canceled", None
    return "failure", f"The deployment run ended with `{conclusion or 'no conclusion'}`."


@dataclass(frozen=True)
class PastDeployment:
    """A finished deployment, as a rollback sees it. `barred`: its candidate is banned or its release is held."""

    candidate: CandidateId
    status: str
    rollback: bool = False
    barred: bool = False


def rollback_target(history: Iterable[PastDeployment]) -> CandidateId | None:
    """The candidate to roll back to, given the finished deployments of an environment, oldest first.

    After a success: what was live before it. After anything else: the last success. A candidate that was rolled back
    from is skipped until it is deployed by hand again, so rolling back twice goes further back. Canceled rollbacks do
    not count.
    """
    live: list[PastDeployment] = []
    abandoned: set[CandidateId] = set()  # rolled back from, and not deployed by hand since
    newest = None
    for entry in history:
        if entry.rollback and entry.status == "canceled":
            continue
        newest = entry
        if entry.rollback:
            kept = _down_to(live, entry)
            abandoned |= {dropped.candidate for dropped in live[len(kept) :]} - {entry.candidate}
            live = kept
        elif entry.status == "success":
            abandoned.discard(entry.candidate)
            live = live if live and live[-1].candidate == entry.candidate else [*live, entry]
    if newest is not None and newest.status == "success":
        abandoned.add(newest.candidate)
    allowed = (entry.candidate for entry in reversed(live) if not (entry.barred or entry.candidate in abandoned))
    return next(allowed, None)


def _down_to(live: list[PastDeployment], rollback: PastDeployment) -> list[PastDeployment]:
    """The live deployments that a rollback keeps: all up to its target, or the rollback alone if that is unknown."""
    positions = [position for position, entry in enumerate(live) if entry.candidate == rollback.candidate]
    return live[: positions[-1] + 1] if positions else [rollback]
