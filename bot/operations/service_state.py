"""What operators see of the service: its jobs and dead letters, GitHub's limits, installations and alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from bot.context import Context, authorize
from bot.github.limits import Budget
from bot.log import redact
from bot.operations import audit
from bot.operations.audit import Entry
from bot.operations.dead_letters import not_found
from bot.queue import inspection
from bot.queue.inspection import KindOfJobs, StoredJob
from bot.rules.audit import AuditFilter, AuditPage
from bot.rules.ids import InstallationId
from bot.store.projects import Repository

LISTED = 50  # dead letters, deliveries
ALARMS = 20
MAX_SHOWN = 256 * 1024  # bytes of a payload that is shown: reading a larger one would take too long
TOO_LARGE = "It has {size:,} bytes, which is too much for a page: `longshore deliveries show {id}` prints it."


@dataclass(frozen=True)
class JobSummary:
    """A job as lists show it; `event` is that of a webhook."""

    id: int
    kind: str
    event: str
    key: str
    state: str
    attempts: int
    error: str
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_dead(self) -> bool:
        """Whether it was given up, and can be retried or discarded."""
        return self.state == "dead"


@dataclass(frozen=True)
class JobDetails:
    """A job with its payload, without secrets; `note` says why there is none."""

    job: JobSummary
    headers: Mapping[str, str]
    payload: str
    note: str


@dataclass(frozen=True)
class InstallationState:
    """An installation, and the repositories of projects that it reaches."""

    id: int | None
    repositories: Sequence[str]


@dataclass(frozen=True)
class ServiceState:
    """Everything at a glance. `budgets` are as GitHub last told this process."""

    kinds: Sequence[KindOfJobs]
    dead_letters: Sequence[JobSummary]
    more_dead_letters: bool
    deliveries: Sequence[JobSummary]
    budgets: Mapping[InstallationId | None, Sequence[Budget]]
    installations: Sequence[InstallationState]
    alarms: Sequence[Entry]


async def read(context: Context) -> ServiceState:
    """Read the state of the service."""
    authorize(context.actor, "admin", everywhere=True)
    dead = await inspection.dead(LISTED + 1)
    return ServiceState(
        kinds=await inspection.kinds(),
        dead_letters=[_summary(row) for row in dead[:LISTED]],
        more_dead_letters=len(dead) > LISTED,
        deliveries=[_summary(row) for row in await inspection.newest("webhook", LISTED)],
        budgets=context.github.budgets(),
        installations=await _installations(),
        alarms=await audit.find(context, AuditFilter(alarm=True), AuditPage(ALARMS)),
    )


async def read_job(context: Context, job_id: int) -> JobDetails:
    """Read one job with its payload. Refuses one that there is none of, or no more."""
    authorize(context.actor, "admin", everywhere=True)
    row = await inspection.get(job_id)
    if row is None:
        raise not_found(job_id)
    size = await inspection.payload_size(job_id)
    if size > MAX_SHOWN:
        return JobDetails(_summary(row), _headers(row), "", TOO_LARGE.format(size=size, id=job_id))
    payload = await inspection.payload(job_id)
    note = "" if payload else "It is kept no longer than until the job has succeeded."
    return JobDetails(_summary(row), _headers(row), _shown(payload), note)


async def _installations() -> Sequence[InstallationState]:
    """Those by which repositories of projects are reached; last, the repositories that none reaches."""
    found: dict[int | None, list[str]] = {}
    for row in await Repository.filter(projects__isnull=False).distinct().order_by("full_name"):
        found.setdefault(row.installation_id, []).append(row.full_name)
    known = [InstallationState(each, names) for each, names in found.items() if each is not None]
    return [*known, *(InstallationState(None, names) for each, names in found.items() if each is None)]


def _summary(row: StoredJob) -> JobSummary:
    return JobSummary(
        id=row["id"],
        kind=row["kind"],
        event=_headers(row).get("event", ""),
        key=row["key"] or "",
        state=row["state"],
        attempts=row["attempts"],
        error=redact(row["error"] or ""),
        created_at=_time(row["created_at"]),
        finished_at=None if row["finished_at"] is None else _time(row["finished_at"]),
    )


def _headers(row: StoredJob) -> Mapping[str, str]:
    headers: dict[str, str] = redact(orjson.loads(row["headers"] or "{}"))
    return headers


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _shown(payload: bytes) -> str:
    """A payload for people, indented if it is JSON, without what looks like a secret."""
    try:
        value: Any = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return str(redact(payload.decode("utf-8", "replace")))
    return orjson.dumps(redact(value), option=orjson.OPT_INDENT_2).decode()
