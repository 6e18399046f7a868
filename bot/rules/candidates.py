"""The life cycle of a candidate: its statuses, the moves between them, and how a build's run ends it."""

from bot.errors import Conflict

STATUSES = ("pending", "building", "ready", "failed", "canceled", "banned")
MOVES: dict[str, frozenset[str]] = {
    "pending": frozenset({"building", "ready", "failed", "canceled"}),
    "building": frozenset({"ready", "failed", "canceled"}),
    "failed": frozenset({"building", "pending"}),  # by a re-run on GitHub, or a new run
    "canceled": frozenset({"building", "pending"}),
    "ready": frozenset({"pending", "banned", "failed"}),  # a build was asked for later; its run was elsewhere
    "banned": frozenset({"ready"}),
}
UNFINISHED = frozenset({"pending", "building"})


def may_move(before: str, after: str) -> bool:
    """Whether a candidate may move from one status to another."""
    return after in MOVES[before]


def status_after_run(conclusion: str | None) -> tuple[str, str | None]:
    """The status of a candidate after its build by the run's conclusion, and the reason unless it succeeded."""
    if conclusion == "success":
        return "ready", None
    if conclusion == "cancelled":
        return "canceled", "The build run was canceled."
    return "failed", f"The build run ended with `{conclusion or 'no conclusion'}`."


def check_cancelable(version: str, status: str) -> None:
    """Refuse to cancel the build of a candidate that is not being built."""
    if status not in UNFINISHED:
        raise Conflict("Release candidate is not being built", release_candidate_version=version, status=status)
