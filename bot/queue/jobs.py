"""Jobs as values, and the function that adds them to the table: in one transaction with the rows they are about.

A row of the table is `queued`, `running` under a lease, `done`, or `dead` (given up and kept for an operator). Jobs run
by priority, then by when they became due; no other order is promised. Two jobs with the same lock never run at once. A
job may run again after a crash, so performing one is idempotent. Times in the table are epoch milliseconds by the clock
of the process: hosts that share a database keep their clocks within a few seconds of each other.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, ClassVar, Protocol, Self, TypedDict, cast

import orjson
from pydantic import TypeAdapter, ValidationError

from bot.rules.ids import JobId
from bot.rules.validation import explain, field_name
from bot.store.database import after_commit, current, execute, fetch
from bot.store.lists import Conditions

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = "id, kind, key, lock, priority, payload, headers, attempts, run_at, created_at"


class RetryLater(Exception):
    """Run the job again at the aware time `at`. The attempt does not count."""

    def __init__(self, at: datetime, reason: str = "") -> None:
        super().__init__(reason)
        self.at = at
        self.reason = reason


class PermanentFailure(Exception):
    """The job can never succeed: it becomes a dead letter at once."""


class LeaseLost(Exception):
    """Another worker has taken the job over: this one has to stop."""


class EnqueuedJob(Protocol):
    """A job that can be enqueued."""

    @property
    def kind(self) -> str:
        """The kind of job, which decides what performs it."""

    @property
    def key(self) -> str | None:
        """At most one unfinished job has this key; None for any number."""

    @property
    def keeps_key(self) -> bool:
        """Whether the key stays taken after the job is done, until its row is pruned."""

    @property
    def lock(self) -> str | None:
        """Jobs with the same lock never run at once."""

    @property
    def priority(self) -> int:
        """Jobs with a higher number run first."""

    def payload(self) -> bytes:
        """The job's arguments, as stored."""

    def headers(self) -> dict[str, str] | None:
        """Strings that are stored besides the payload, by name."""


@dataclass(frozen=True)
class Job:
    """Work as a value. Each kind of job is a frozen dataclass whose fields are its payload, written as JSON."""

    kind: ClassVar[str]
    keeps_key: ClassVar[bool] = False

    @property
    def key(self) -> str | None:
        """At most one unfinished job has this key."""
        return None

    @property
    def lock(self) -> str | None:
        """Jobs with the same lock never run at once."""
        return None

    @property
    def priority(self) -> int:
        """Jobs with a higher number run first."""
        return 0

    def payload(self) -> bytes:
        """The fields as JSON."""
        return orjson.dumps(self)

    def headers(self) -> dict[str, str] | None:
        """None: the payload holds everything."""
        return None

    @classmethod
    def read(cls, row: LeasedJob) -> Self:
        """Read a job from its row. PermanentFailure when the payload is not one of this kind."""
        try:
            job: Self = _adapter(cast("Any", cls)).validate_json(row.payload)
        except ValidationError as error:
            problems = "; ".join(
                f"{field_name(problem['loc']) or 'it'} {explain(problem['type'], problem.get('ctx'), problem['msg'])}"
                for problem in error.errors(include_url=False, include_input=False)
            )
            raise PermanentFailure(f"The payload of this `{cls.kind}` job cannot be read: {problems}") from error
        return job


@cache
def _adapter(job_class: Any) -> TypeAdapter[Any]:
    """The parser of a kind's payloads, cached: building it takes a hundred times as long as parsing one."""
    return TypeAdapter(job_class)


class JobRow(TypedDict):
    """A row of the table, as a claim returns it."""

    id: int
    kind: str
    key: str | None
    lock: str | None
    priority: int
    payload: bytes | None
    headers: str | None
    attempts: int
    run_at: int
    created_at: int


@dataclass(slots=True)
class LeasedJob:
    """A row of the table that a worker holds a lease on."""

    id: JobId
    kind: str
    key: str | None
    lock: str | None
    priority: int
    payload: bytes
    headers: dict[str, str]
    attempts: int
    """Which attempt this is, from 1."""
    run_at: int
    created_at: int
    lease_owner: str = field(default="", repr=False)
    lease_expires: int = field(default=0, repr=False)

    @classmethod
    def from_row(cls, row: JobRow, owner: str = "", lease_expires: int = 0) -> LeasedJob:
        """Convert a claimed row."""
        return cls(
            id=JobId(row["id"]),
            kind=row["kind"],
            key=row["key"],
            lock=row["lock"],
            priority=row["priority"],
            payload=row["payload"] or b"",
            headers=orjson.loads(row["headers"] or "{}"),
            attempts=row["attempts"],
            run_at=row["run_at"],
            created_at=row["created_at"],
            lease_owner=owner,
            lease_expires=lease_expires,
        )


def milliseconds(at: datetime) -> int:
    """Convert an aware time to epoch milliseconds."""
    if at.tzinfo is None:
        raise ValueError("the time has no time zone")
    return (at - EPOCH) // timedelta(milliseconds=1)  # a float would be off by one now and then


def now_ms() -> int:
    """The current time in epoch milliseconds."""
    return time.time_ns() // 1_000_000


ENQUEUE = """
INSERT INTO jobs (kind, key, keep, lock, priority, payload, headers, state, attempts, run_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $9, 'queued', 0, $7, $8)
ON CONFLICT (key) WHERE state <> 'done' OR keep DO NOTHING
"""
REVIVE = """
UPDATE jobs SET kind = $1, lock = $3, priority = $4, payload = $5, state = 'queued', attempts = 0, run_at = $6,
    finished_at = NULL, error = NULL
WHERE key = $2 AND state = 'dead'
"""  # a separate statement: ON CONFLICT DO UPDATE would lock the row of a running job for nothing


async def unfinished_keys(keys: Sequence[str]) -> frozenset[str]:
    """Those of some keys with which a job is queued or runs."""
    where = Conditions(["state IN ('queued', 'running')", "(state <> 'done' OR keep)"])  # the latter for the index
    where.add_in("key", keys)
    return frozenset(row["key"] for row in await fetch(f"SELECT key FROM jobs {where}", *where.args))  # noqa: S608


async def enqueue(job: EnqueuedJob, *, run_at: datetime | None = None) -> bool:
    """Add a job, in the caller's transaction if one is open, and wake a worker once it is committed.

    Returns whether it was added. Nothing is added while an unfinished job has the same key (or a finished one whose key
    is kept, until it is pruned); a dead letter with the key is revived with the new payload. The job runs no earlier
    than `run_at`, by default at once.
    """
    now = now_ms()
    due = now if run_at is None else milliseconds(run_at)
    payload, headers = job.payload(), job.headers()
    stored_headers = None if headers is None else orjson.dumps(headers).decode()
    added = await execute(
        ENQUEUE, job.kind, job.key, job.keeps_key, job.lock, job.priority, payload, due, now, stored_headers
    )
    if not added:
        added = await execute(REVIVE, job.kind, job.key, job.lock, job.priority, payload, due)
    if added and due <= now:
        after_commit(current().notifier.notify)
    return bool(added)
