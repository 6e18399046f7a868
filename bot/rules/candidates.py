"""The life of a candidate: its moves, what a run's end means for it, and how its tag is named."""

from bot.errors import Conflict

STATUSES = ("pending", "building", "ready", "failed", "canceled", "banned")
MOVES: dict[str, frozenset[str]] = {
    "pending": frozenset({"building", "ready", "failed", "canceled"}),
    "building": frozenset({"ready", "failed", "canceled"}),
    "failed": frozenset({"building"}),
    "canceled": frozenset({"building"}),
    "ready": frozenset({"banned", "failed"}),
    "banned": frozenset({"ready"}),
}
UNFINISHED = frozenset({"pending", "building"})


def may_move(before: str, after: str) -> bool:
    """Whether a candidate in one status may come into another."""
    return after in MOVES[before]


def status_after_run(conclusion: str | None) -> tuple[str, str | None]:
    """What a build run's conclusion makes of its candidate: the status and the reason, if there is one to tell."""
    if conclusion == "success":
        return "ready", None
    if conclusion == "cancelled":
        return "canceled", "The build run was cancelled."
    return "failed", f"The build run ended with `{conclusion or 'no conclusion'}`."


def check_cancelable(version: str, status: str) -> None:
    """Refuse to cancel the build of a candidate that has none under way."""
    if status not in UNFINISHED:
        raise Conflict("Release candidate is not being built", release_candidate_version=version, status=status)


def tag_name(prefix: str, version: str) -> str:
    """The git tag of a candidate."""
    return f"{prefix}{version}"


def version_in_tag(tag: str, prefixes: dict[int, str]) -> tuple[int, str] | None:
    """Whose trigger tag this is: the project with the longest matching prefix, and the text after it."""
    matching = [(len(prefix), project) for project, prefix in prefixes.items() if prefix and tag.startswith(prefix)]
    if not matching:
        return None
    length, project = max(matching)
    return project, tag[length:]
