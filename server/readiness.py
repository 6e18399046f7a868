"""Whether this process can do its job, and what an operator should see to although it can."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from tortoise.exceptions import OperationalError

from bot.errors import Unavailable
from bot.queue.retention import oldest_due
from bot.queue.worker import Worker
from bot.store.database import fetch
from bot.store.migrate import pending_migrations
from server.readings import SharedReading
from server.service import Service
from server.write_probe import WriteProbe

MAX_WORKER_SILENCE = 30.0  # seconds without progress of this process's worker
MAX_JOB_DELAY = 300.0  # seconds that the oldest due job may wait
DATABASE_ERRORS = (Unavailable, OperationalError)  # the database is unreachable, or has no tables yet


async def _read_pending() -> list[str]:
    """Read the missing migrations; raise one of DATABASE_ERRORS."""
    await fetch("SELECT 1 AS one")
    return await pending_migrations()


@dataclass(frozen=True)
class Report:
    """What is wrong, by subject: `problems` keep the process from its job, `warnings` do not."""

    problems: Mapping[str, str] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)


class Readiness:
    """Examines one process.

    It is not ready while the database cannot be used, takes no writes or misses migrations. A process that does nothing
    but work (`serves` is False) is not ready either while its worker makes no progress. How long the queue is, and
    whether other processes work, is none of its problems: no request would be answered better elsewhere.
    """

    def __init__(self, service: Service, *, works: bool, serves: bool) -> None:
        self._service, self._works, self._serves = service, works, serves
        self._writes = WriteProbe()
        self._pending = SharedReading(_read_pending)
        self._warnings = SharedReading(self._read_warnings)

    @property
    def worker(self) -> Worker | None:
        """This process's worker, if it has one."""
        return self._service.worker if self._works else None

    @property
    def is_open(self) -> bool:
        """Whether the database has been opened."""
        return self._service.is_open

    def worker_silence(self) -> float:
        """The seconds since this process's worker last made progress; 0 if it has none."""
        return 0.0 if self.worker is None else time.monotonic() - self.worker.last_progress

    async def examine(self) -> Report:
        """Find out what is wrong at the moment, within seconds even while the database hangs."""
        problems: dict[str, str] = {}
        warnings: dict[str, str] = {}
        try:
            problems |= await self._problems_of_database()
        except DATABASE_ERRORS as error:
            problems["database"] = str(error)
        if "database" not in problems:
            with suppress(*DATABASE_ERRORS):
                warnings |= await self._warnings.result()
        if (silence := self.worker_silence()) > MAX_WORKER_SILENCE:
            (warnings if self._serves else problems)["worker"] = f"no progress for {silence:.0f} seconds"
        return Report(problems, warnings)

    async def _problems_of_database(self) -> dict[str, str]:
        if not self.is_open:
            return {"database": "It has not been opened yet."}
        if pending := await self._pending.result():
            return {"migrations": f"run `longshore migrate`: {', '.join(pending)} not applied"}
        refused = await self._writes.problem()
        return {"database": refused} if refused else {}

    async def _read_warnings(self) -> dict[str, str]:
        warnings, oldest = await asyncio.gather(self._service.warnings(), oldest_due())
        if oldest > MAX_JOB_DELAY:
            advice = "is `longshore work` running, and fast enough?"
            warnings["queue"] = f"the oldest due job has waited for {oldest:.0f} seconds: {advice}"
        return warnings
