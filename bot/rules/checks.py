"""Results of checks and commit statuses at a commit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.rules.ids import RunId

CheckState = Literal["green", "pending", "failed"]


@dataclass(frozen=True)
class CheckResult:
    """The newest result of one name and app. `conclusion` is GitHub's word; `skipped` and `neutral` are green.

    `app` is the slug of the app that reported a check run; None for a commit status. `run_id` is the workflow run of a
    check run of GitHub Actions. `is_ours`: reported by our own App.
    """

    name: str
    app: str | None
    state: CheckState
    conclusion: str | None = None
    url: str | None = None
    started_at: datetime | None = None
    run_id: RunId | None = None
    is_ours: bool = False
