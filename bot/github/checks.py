"""What check runs and commit statuses say about a commit.

https://docs.github.com/en/rest/checks/runs and https://docs.github.com/en/rest/commits/statuses
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from cachetools import TTLCache

from bot.errors import Unavailable
from bot.github.fields import optional_text, required_number, required_text, required_time
from bot.github.limits import UNAVAILABLE
from bot.github.repository import MAX_PAGES, Listing, RepositoryClient
from bot.rules.checks import CheckResult, check_run_state, newest, status_state, workflow_run_of
from bot.rules.ids import CommitSha, InstallationId

PER_PAGE = 100
SECONDS = 10.0
MAX_REMEMBERED = 1024


class Checks:
    """The checks at commits, remembered for some seconds where they are only shown; `clock` in seconds.

    What changes anything asks anew (`fresh`); the answer is remembered too. A failure is not.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._results: TTLCache[tuple[int, int, CommitSha], list[CheckResult]] = TTLCache(
            MAX_REMEMBERED, SECONDS, clock
        )

    async def results(self, repository: RepositoryClient, sha: CommitSha, *, fresh: bool) -> list[CheckResult]:
        """The checks at a commit, as `results`, with the same errors."""
        key = (repository.installation, repository.id, sha)
        known = None if fresh else self._results.get(key)
        if known is None:
            known = self._results[key] = await results(repository, sha)
        return known

    def forget(self, installation: InstallationId) -> None:
        """Drop what is remembered from an installation."""
        for key in [key for key in self._results if key[0] == installation]:
            self._results.pop(key, None)


async def results(repository: RepositoryClient, sha: CommitSha) -> list[CheckResult]:
    """The newest check run of each App and name, and the newest commit status of each name, at a commit.

    GitHub's combined status counts no check runs, so both are read. Unavailable when there are more than can be read.
    """
    root = f"{repository.root}/commits/{sha}"
    runs = await _all(repository, f"{root}/check-runs?filter=latest&per_page={PER_PAGE}", "check_runs")
    statuses = await _all(repository, f"{root}/status?per_page={PER_PAGE}", "statuses")
    return newest([*(_check_run(repository, run) for run in runs), *map(_status, statuses)])


async def _all(repository: RepositoryClient, url: str, key: str) -> list[Any]:
    listing: Listing = await repository.listing(url, key, purpose="read checks")
    if not listing.complete:
        raise Unavailable(UNAVAILABLE, reason=f"the commit has more than {MAX_PAGES * PER_PAGE:,} {key}")
    return listing.items


def _check_run(repository: RepositoryClient, data: Any) -> CheckResult:
    app = data.get("app") or {}
    slug, conclusion = optional_text(app, "slug"), optional_text(data, "conclusion")
    return CheckResult(
        id=required_number(data, "id"),
        name=required_text(data, "name"),
        app=slug,
        app_id=required_number(app, "id") if app else None,
        state=check_run_state(required_text(data, "status"), conclusion),
        conclusion=conclusion,
        url=optional_text(data, "html_url") or "",
        started_at=_time(data, "started_at"),
        is_ours=repository.is_own(app),
        run_id=workflow_run_of(slug, optional_text(data, "details_url") or ""),
    )


def _status(data: Any) -> CheckResult:
    state = required_text(data, "state")
    return CheckResult(
        id=required_number(data, "id"),
        name=required_text(data, "context"),
        app=None,
        app_id=None,
        state=status_state(state),
        conclusion=state,
        url=optional_text(data, "target_url") or "",
        started_at=_time(data, "updated_at"),
    )


def _time(data: Any, name: str) -> datetime | None:
    return required_time(data, name) if optional_text(data, name) else None
