"""The jobs of workflow runs. https://docs.github.com/en/rest/actions/workflow-jobs"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from cachetools import TTLCache

from bot.github.fields import optional_text, required_text, required_time
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.ids import InstallationId, RunId
from bot.rules.run_jobs import JobFact, StepFact

SECONDS = 5.0
MAX_REMEMBERED = 512
PER_PAGE = 100


class _Key(NamedTuple):
    installation: int
    repository: int
    run: RunId


class RunJobs:
    """Jobs of runs, remembered for some seconds: however many people look at a run, GitHub is asked once.

    What GitHub did not answer is not remembered. `clock` in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._known: TTLCache[_Key, tuple[JobFact, ...]] = TTLCache(MAX_REMEMBERED, SECONDS, clock)
        self._turns: dict[_Key, asyncio.Lock] = {}

    async def of_run(self, repository: RepositoryClient, run: RunId) -> tuple[JobFact, ...]:
        """The jobs of the latest attempt of a run, as `jobs_of`, with the same errors."""
        key = _Key(repository.installation, repository.id, run)
        turn = self._turns.setdefault(key, asyncio.Lock())
        try:
            async with turn:
                known: tuple[JobFact, ...] | None = self._known.get(key)
                if known is None:
                    known = self._known[key] = await jobs_of(repository, run)
                return known
        finally:
            if not turn.locked():
                self._turns.pop(key, None)

    def forget(self, installation: InstallationId) -> None:
        """Drop what is remembered from an installation."""
        for key in [key for key in self._known if key.installation == installation]:
            self._known.pop(key, None)


async def jobs_of(repository: RepositoryClient, run: RunId) -> tuple[JobFact, ...]:
    """The first hundred jobs of the latest attempt of a run; none if GitHub does not know the run."""
    url = f"{repository.root}/actions/runs/{run}/jobs?filter=latest&per_page={PER_PAGE}"
    try:
        listing = await repository.listing(url, "jobs", max_pages=1)
    except ApiError as error:
        error.raise_unless(404)
        return ()
    return tuple(_job(data) for data in listing.items)


def _job(data: Any) -> JobFact:
    return JobFact(
        name=required_text(data, "name"),
        status=required_text(data, "status"),
        conclusion=optional_text(data, "conclusion"),
        url=optional_text(data, "html_url") or "",
        started_at=_time(data, "started_at"),
        ended_at=_time(data, "completed_at"),
        steps=tuple(_step(step) for step in data.get("steps") or ()),
    )


def _step(data: Any) -> StepFact:
    return StepFact(
        name=required_text(data, "name"),
        status=required_text(data, "status"),
        conclusion=optional_text(data, "conclusion"),
        started_at=_time(data, "started_at"),
        ended_at=_time(data, "completed_at"),
    )


def _time(data: Any, name: str) -> datetime | None:
    return required_time(data, name) if optional_text(data, name) else None
