"""Check runs: what ours contain, and what those of others say about a commit.

https://docs.github.com/en/rest/checks/runs
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from bot.rules.ids import CommitSha, RunId
from bot.rules.texts import cut

MAX_ACTIONS, MAX_LABEL, MAX_DESCRIPTION, MAX_IDENTIFIER = 3, 20, 40, 20
ACTIONS_APP = "github-actions"
"""The slug of the App that GitHub Actions acts as."""

CheckState = Literal["green", "pending", "failed"]
CheckStatus = Literal["queued", "in_progress", "completed"]
Conclusion = Literal["action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"]
AnnotationLevel = Literal["notice", "warning", "failure"]

_GREEN = frozenset({"success", "neutral", "skipped"})
_RUN_PATH = re.compile(r"/actions/runs/([1-9][0-9]{0,18})(?:/|$)")
_LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class CheckAction:
    """A button on a check run; GitHub sends its `identifier` when somebody clicks it.

    Raises ValueError for what GitHub would refuse; `of` cuts what people read.
    """

    label: str
    description: str
    identifier: str

    def __post_init__(self) -> None:
        limits = {"label": MAX_LABEL, "description": MAX_DESCRIPTION, "identifier": MAX_IDENTIFIER}
        for name, limit in limits.items():
            if not 0 < len(getattr(self, name)) <= limit:
                raise ValueError(f"the {name} of a button has 1 to {limit} characters")

    @classmethod
    def of(cls, label: str, description: str, identifier: str) -> "CheckAction":
        """A button whose label and description are cut to what GitHub accepts. The identifier is never cut."""
        return cls(cut(label, MAX_LABEL), cut(description, MAX_DESCRIPTION), identifier)


@dataclass(frozen=True)
class Annotation:
    """A remark on lines of a file."""

    path: str
    start_line: int
    end_line: int
    level: AnnotationLevel
    message: str
    title: str = ""


@dataclass(frozen=True)
class CheckRunContent:
    """What a check run of ours shows. `conclusion` is given exactly when it is completed.

    `external_id` is our own id of it, by which it is found again; `title` is never empty. Raises ValueError for what
    GitHub would refuse, but too long texts: those are cut when they are sent.
    """

    name: str
    head_sha: CommitSha
    external_id: str
    status: CheckStatus
    title: str
    summary: str
    conclusion: Conclusion | None = None
    text: str = ""
    details_url: str | None = None
    actions: tuple[CheckAction, ...] = ()
    annotations: tuple[Annotation, ...] = ()

    def __post_init__(self) -> None:
        if (self.status == "completed") != (self.conclusion is not None):
            raise ValueError("a check run has a conclusion when it is completed, and only then")
        if not self.name or not self.title:
            raise ValueError("a check run has a name and a title")
        if len(self.actions) > MAX_ACTIONS:
            raise ValueError(f"a check run has at most {MAX_ACTIONS} buttons")


@dataclass(frozen=True)
class CheckResult:
    """The state of a check run, or of a commit status, at a commit.

    `app` is the slug of the App whose check run it is; None for a commit status, which names none. `conclusion` is
    GitHub's own word: the conclusion of a completed check run, or the state of a commit status. `started_at` of a
    commit status is when it was last set. `run_id` is the workflow run of a check run of GitHub Actions.
    """

    name: str
    app: str | None
    state: CheckState
    conclusion: str | None = None
    url: str = ""
    started_at: datetime | None = None
    is_ours: bool = False
    run_id: RunId | None = None
    id: int = 0
    app_id: int | None = None


def check_run_state(status: str, conclusion: str | None) -> CheckState:
    """The state of a check run. Skipped and neutral ones are green, as they are for GitHub's own required checks."""
    if status != "completed":
        return "pending"
    return "green" if conclusion in _GREEN else "failed"


def status_state(state: str) -> CheckState:
    """The state of a commit status: `success`, `pending`, or else `failure` or `error`."""
    return "green" if state == "success" else "pending" if state == "pending" else "failed"


def workflow_run_of(app: str | None, details_url: str) -> RunId | None:
    """The workflow run that a check run belongs to; None for that of another App, which may link to anything."""
    found = _RUN_PATH.search(details_url.partition("?")[0]) if app == ACTIONS_APP else None
    return RunId(int(found[1])) if found else None


def newest(results: Iterable[CheckResult]) -> list[CheckResult]:
    """The newest result of each App and name, sorted by name; commit statuses are told apart by their name alone.

    What has not started yet is newer than what has. GitHub ignores the case of a commit status's name.
    """
    kept: dict[tuple[str | None, str], CheckResult] = {}
    for result in sorted(results, key=lambda each: (each.started_at or _LATEST, each.id)):
        kept[result.app, result.name if result.app else result.name.lower()] = result
    return sorted(kept.values(), key=lambda each: (each.name, each.app or ""))
