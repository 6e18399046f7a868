"""The life of a deployment: its moves, what a run's end means for it, and where a rollback goes."""

from collections.abc import Iterable
from dataclasses import dataclass

STATUSES = ("pending", "in_progress", "success", "failure", "canceling", "canceled", "error", "unknown")
ACTIVE = frozenset({"pending", "in_progress"})
FINAL = frozenset({"success", "failure", "canceled", "error", "unknown"})
_ENDS = frozenset({"success", "failure", "error", "canceled", "unknown"})
MOVES: dict[str, frozenset[str]] = {
    "pending": _ENDS | {"in_progress", "canceling"},
    "in_progress": _ENDS | {"canceling"},
    "canceling": _ENDS,
    **{final: frozenset() for final in FINAL},
}


def may_move(before: str, after: str) -> bool:
    """Whether a deployment that we follow may come from one status into another."""
    return after in MOVES[before]


def is_new_deployment(before: str, after: str) -> bool:
    """Whether a pipeline's report is of a new deployment: it runs, and the newest that is known has ended."""
    return before in FINAL and after not in FINAL


def is_change(before: str, after: str) -> bool:
    """Whether a pipeline's report says anything new of a deployment.

    The same end said again does not, and neither does its running go on once it is being cancelled.
    """
    return not (before == after and after in FINAL) and not (before == "canceling" and after in ACTIVE)


def status_after_run(conclusion: str | None) -> tuple[str, str | None]:
    """What a deploy run's conclusion makes of its deployment: the status and the message, if there is one to tell."""
    if conclusion == "success":
        return "success", None
    if conclusion == "cancelled":
        return "canceled", None
    return "failure", f"The deployment run ended with `{conclusion or 'no conclusion'}`."


@dataclass(frozen=True)
class Past:
    """A finished deployment, as far as a rollback asks. `barred`: its candidate is banned or its release is held."""

    candidate: int
    status: str
    rollback: bool = False
    barred: bool = False


def rollback_target(past: Iterable[Past]) -> int | None:
    """The candidate to roll back to, given the finished deployments of an environment, oldest first.

    After a success: what was live before it. After anything else: the last that succeeded. What has been rolled back
    from is passed over until somebody deploys it by hand again, so rolling back twice goes further back. A rollback
    that was canceled counts for nothing.
    """
    live: list[Past] = []
    left: set[int] = set()  # rolled back from, and not deployed by hand since
    newest = None
    for entry in past:
        if entry.rollback and entry.status == "canceled":
            continue
        newest = entry
        if entry.rollback:
            kept = _down_to(live, entry)
            left |= {gone.candidate for gone in live[len(kept) :]} - {entry.candidate}
            live = kept
        elif entry.status == "success":
            left.discard(entry.candidate)
            live = live if live and live[-1].candidate == entry.candidate else [*live, entry]
    if newest is not None and newest.status == "success":
        left.add(newest.candidate)
    return next((entry.candidate for entry in reversed(live) if not (entry.barred or entry.candidate in left)), None)


def _down_to(live: list[Past], rollback: Past) -> list[Past]:
    """What a rollback leaves of what was live: up to its target, or that alone where its own time is forgotten."""
    places = [place for place, entry in enumerate(live) if entry.candidate == rollback.candidate]
    return live[: places[-1] + 1] if places else [rollback]
