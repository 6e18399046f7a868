"""The one durable queue: a table of jobs, committed together with the rows that they are about.

A job is `queued`, `running` under a lease, `done`, or `dead` (given up, kept for somebody to look at). No order is
promised but highest priority, then oldest due. Work with a lock never runs twice at once. A job may run twice in a row
(after a crash), so what it does is idempotent. Times in the table are epoch milliseconds by the clock of the process:
hosts that share a database keep theirs within a few seconds of each other.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import orjson
from tortoise.exceptions import IntegrityError

from bot.store.database import after_commit, current, dialect, execute, fetch

DAY = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RETENTION = (("done", False, DAY), ("done", True, 8 * DAY), ("dead", False, 30 * DAY), ("dead", True, 30 * DAY))
"""State, whether the key is kept, and how long such rows stay, in milliseconds."""
BATCH = 500
COLUMNS = "id, kind, key, lock, priority, payload, headers, attempts, run_at, created_at"

State = Literal["queued", "done", "dead"]


class RetryLater(Exception):
    """Not now but at `at`, which has a zone: the job waits in the queue until then, and this counts as no failure."""

    def __init__(self, at: datetime, reason: str = "") -> None:
        super().__init__(reason)
        self.at = at
        self.reason = reason


class PermanentFailure(Exception):
    """The job can never succeed: it becomes a dead letter at once."""


class LeaseLost(Exception):
    """Somebody else has taken this job over: stop, and leave the rest to them."""


def milliseconds(at: datetime) -> int:
    """Epoch milliseconds of a moment that has a zone."""
    if at.tzinfo is None:
        raise ValueError("a moment without a zone")
    return (at - EPOCH) // timedelta(milliseconds=1)  # a float would be off by one now and then


def now_ms() -> int:
    """Epoch milliseconds now."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Job:
    """A job as its performer sees it, under a lease."""

    id: int
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

    def json(self) -> Any:
        """The payload, read as JSON; orjson.JSONDecodeError when it is none."""
        return orjson.loads(self.payload)

    async def ensure_margin(self, seconds: float) -> None:
        """See to it that the lease lasts at least `seconds` more; LeaseLost when somebody has taken the job over."""
        wanted = now_ms() + int(seconds * 1000)
        if wanted <= self.lease_expires:
            return
        if not await renew([self], self.lease_owner, wanted):
            raise LeaseLost(f"Job {self.id} ({self.kind}) was taken over.")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that was given up, as it is listed."""

    id: int
    kind: str
    key: str | None
    headers: dict[str, str]
    attempts: int
    error: str
    created_at: int
    finished_at: int


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What becomes of a job that ran: written only while attempts and the lease's owner are still those of the run."""

    job: int
    attempts: int
    state: State
    error: str | None = None
    run_at: int | None = None
    forgiven: bool = False
    """The attempt does not count."""


ENQUEUE = """
INSERT INTO jobs (kind, key, keep, lock, priority, payload, headers, state, attempts, run_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $9, 'queued', 0, $7, $8)
ON CONFLICT (key) WHERE state <> 'done' OR keep DO NOTHING
"""
REVIVE = """
UPDATE jobs SET kind = $1, lock = $3, priority = $4, payload = $5, state = 'queued', attempts = 0, run_at = $6,
    finished_at = NULL, error = NULL
WHERE key = $2 AND state = 'dead'
"""  # a statement of its own: ON CONFLICT DO UPDATE would lock the row of a running job, for nothing


async def enqueue(
    kind: str,
    payload: dict[str, Any],
    *,
    key: str | None = None,
    lock: str | None = None,
    priority: int = 0,
    run_at: datetime | None = None,
    keep: bool = False,
    headers: dict[str, str] | None = None,
) -> None:
    """Add a job, in the caller's transaction if one is open, and wake a worker once it is committed.

    `key`: while an unfinished job has it (or a finished one with `keep`, until it is pruned), another is not added; a
    dead one with it is revived with the new payload. `lock`: never two running with the same. `run_at`: not before; now
    if not given. `headers`: what stands beside the payload, as of a delivery.
    """
    now = now_ms()
    due = now if run_at is None else milliseconds(run_at)
    body, beside = orjson.dumps(payload), None if headers is None else orjson.dumps(headers).decode()
    added = await execute(ENQUEUE, kind, key, keep, lock, priority, body, due, now, beside)
    if not added:
        added = await execute(REVIVE, kind, key, lock, priority, body, due)
    if added and due <= now:
        after_commit(current().notifier.notify)


CLAIM = """
WITH due AS (
    SELECT id, lock, priority, run_at FROM jobs
    WHERE state = 'queued' AND run_at <= $1 AND (lock IS NULL OR NOT EXISTS (
        SELECT 1 FROM jobs AS other WHERE other.lock = jobs.lock AND other.state = 'running'))
        {unless}
    ORDER BY priority DESC, run_at, id LIMIT $2
    {skipping}
), ranked AS (
    SELECT id, lock, priority, run_at, row_number() OVER (
        PARTITION BY coalesce('lock ' || lock, 'job ' || CAST(id AS TEXT)) ORDER BY priority DESC, run_at, id) AS place
    FROM due
), chosen AS (
    SELECT id, lock FROM ranked WHERE place = 1 ORDER BY priority DESC, run_at, id LIMIT $5
)
UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_owner = $3, lease_expires = $4
WHERE id IN (SELECT id FROM chosen {alone})
RETURNING """
SKIPPING = "FOR UPDATE SKIP LOCKED"
UNLESS = "AND (lock IS NULL OR lock <> ALL($6))"
# two claims that meet at the index on locks would wait for each other, in different orders: a deadlock, measured
ALONE = "WHERE lock IS NULL OR pg_try_advisory_xact_lock(1819243382, hashtext(lock))"
CLAIM_SQLITE = CLAIM.format(unless="", skipping="", alone="") + COLUMNS
CLAIM_POSTGRES = CLAIM.format(unless=UNLESS, skipping=SKIPPING, alone=ALONE) + COLUMNS


class LockTaken(Exception):
    """Another process began a job with the same lock in the same moment: the index refused ours."""


async def claim(limit: int, owner: str, lease_ms: int, now: int | None = None) -> list[Job]:
    """Lease up to `limit` due jobs with distinct locks to `owner`, the most urgent first.

    Where another process takes one of their locks in the same moment, the whole claim fails on the index; then they are
    claimed one at a time, without the locks that were seen to be taken.
    """
    now = now_ms() if now is None else now
    try:
        return await _claim(limit, owner, lease_ms, now, [])
    except LockTaken as taken:
        return await _claim_singly(limit, owner, lease_ms, now, [str(taken)])


async def _claim_singly(limit: int, owner: str, lease_ms: int, now: int, taken: list[str]) -> list[Job]:
    jobs: list[Job] = []
    while len(jobs) < limit and len(taken) <= 2 * limit:
        try:
            claimed = await _claim(1, owner, lease_ms, now, taken)
        except LockTaken as another:
            taken.append(str(another))
            continue
        if not claimed:
            break
        jobs += claimed
    return jobs


async def _claim(limit: int, owner: str, lease_ms: int, now: int, taken: list[str]) -> list[Job]:
    values = (now, 2 * limit + 8, owner, now + lease_ms, limit)
    if dialect() == "sqlite":  # there is one writer at a time: no lock can be taken in between
        rows = await fetch(CLAIM_SQLITE, *values)
    else:
        try:
            rows = await fetch(CLAIM_POSTGRES, *values, taken)
        except IntegrityError as exc:
            raise LockTaken(violated_lock(exc)) from exc
    jobs = [job(row, owner, now + lease_ms) for row in rows]
    return sorted(jobs, key=lambda job: (-job.priority, job.run_at, job.id))


def violated_lock(exc: IntegrityError) -> str:
    """The lock in PostgreSQL's `Key (lock)=(…) already exists.`; the error itself when it is about something else."""
    said = re.fullmatch(r"Key \(lock\)=\((.*)\) already exists\.", getattr(exc.args[0], "detail", "") or "", re.DOTALL)
    if said is None:
        raise exc
    return said[1]


def job(row: dict[str, Any], owner: str = "", lease_expires: int = 0) -> Job:
    """A row, as a job."""
    values = {name: row[name] for name in ("id", "kind", "key", "lock", "priority", "attempts", "run_at", "created_at")}
    headers = orjson.loads(row["headers"] or "{}")
    return Job(**values, payload=row["payload"] or b"", headers=headers, lease_owner=owner, lease_expires=lease_expires)


RESULTS = {
    "sqlite": """(SELECT json_extract(value, '$.job') AS job, json_extract(value, '$.attempts') AS fence,
        json_extract(value, '$.state') AS outcome, json_extract(value, '$.error') AS reason,
        json_extract(value, '$.run_at') AS due, json_extract(value, '$.forgiven') AS forgiven FROM json_each($1))""",
    "postgres": """(SELECT job, attempts AS fence, state AS outcome, error AS reason, run_at AS due,
        CAST(forgiven AS INT) AS forgiven FROM json_to_recordset(CAST($1 AS JSON))
        AS one (job BIGINT, attempts INT, state TEXT, error TEXT, run_at BIGINT, forgiven BOOL))""",
}
FINISH = """
UPDATE jobs SET state = outcome, error = reason, run_at = coalesce(due, run_at), attempts = attempts - forgiven,
    payload = CASE WHEN outcome = 'done' THEN NULL ELSE payload END,
    finished_at = CASE WHEN outcome = 'queued' THEN NULL ELSE CAST($2 AS BIGINT) END,
    lease_owner = NULL, lease_expires = NULL
FROM {results} AS result
WHERE id = job AND attempts = fence AND state = 'running' AND lease_owner = $3 {locked}
RETURNING id, attempts
"""
# every row is locked before the first is changed: a claim may hold one of them for a moment, and would in its turn wait
# at the index on locks for one that is being changed: a deadlock, measured
LOCKED = """AND id = ANY(ARRAY(
    SELECT id FROM jobs WHERE id IN (SELECT job FROM json_to_recordset(CAST($1 AS JSON)) AS one (job BIGINT))
    ORDER BY id FOR UPDATE))"""
FINISH_IN = {
    "sqlite": FINISH.format(results=RESULTS["sqlite"], locked=""),
    "postgres": FINISH.format(results=RESULTS["postgres"], locked=LOCKED),
}


async def finish(verdicts: Sequence[JobOutcome], owner: str, now: int | None = None) -> list[bool]:
    """Write what became of jobs, at once; for each, whether the job was still the owner's: else it is refused."""
    text = orjson.dumps(verdicts).decode()
    now = now_ms() if now is None else now
    rows = await fetch(FINISH_IN[dialect()], text, now, owner)
    written = {(row["id"], row["attempts"]) for row in rows}
    return [(verdict.job, verdict.attempts - verdict.forgiven) in written for verdict in verdicts]


async def renew(jobs: Sequence[Job], owner: str, lease_expires: int) -> set[int]:
    """Lengthen the leases of jobs; the ids of those that are still the owner's."""
    renewed: set[int] = set()
    for each in jobs:
        each_renewed = await execute(
            "UPDATE jobs SET lease_expires = CASE WHEN lease_expires > $1 THEN lease_expires ELSE $1 END "
            "WHERE id = $2 AND attempts = $3 AND lease_owner = $4 AND state = 'running'",
            *(lease_expires, each.id, each.attempts, owner),
        )
        if each_renewed:
            renewed.add(each.id)
            each.lease_expires = max(each.lease_expires, lease_expires)
    return renewed


RELEASE_EXPIRED = f"""
UPDATE jobs SET lease_owner = NULL, lease_expires = NULL,
    state = CASE WHEN attempts >= $2 THEN 'dead' ELSE 'queued' END,
    finished_at = CASE WHEN attempts >= $2 THEN CAST($3 AS BIGINT) END,
    error = 'The process that ran it has vanished.'
WHERE id IN (SELECT id FROM jobs WHERE state = 'running' AND lease_expires < $1 {{skipping}})
RETURNING {COLUMNS}, state
"""  # noqa: S608 - column names


async def release_expired(max_attempts: int, expired_before: int, now: int) -> list[Job]:
    """Give jobs with an expired lease back to the queue; returns those given up, having had all their attempts."""
    rows = await fetch(
        RELEASE_EXPIRED.format(skipping="" if dialect() == "sqlite" else SKIPPING), expired_before, max_attempts, now
    )
    return [job(row) for row in rows if row["state"] == "dead"]


async def unfinished(now: datetime) -> int:
    """How many jobs run or are due."""
    rows = await fetch(
        "SELECT count(*) AS jobs FROM jobs WHERE state = 'running' OR (state = 'queued' AND run_at <= $1)",
        milliseconds(now),
    )
    return int(rows[0]["jobs"])


async def depth() -> dict[str, tuple[int, float]]:
    """For each kind with due jobs waiting: how many, and for how many seconds the oldest has been due."""
    now = now_ms()
    rows = await fetch(
        "SELECT kind, count(*) AS jobs, min(run_at) AS oldest FROM jobs "
        "WHERE state = 'queued' AND run_at <= $1 GROUP BY kind",
        now,
    )
    return {row["kind"]: (row["jobs"], (now - row["oldest"]) / 1000) for row in rows}


async def prune(now: datetime) -> int:
    """Delete what is finished and has been kept long enough, in short transactions; the number of rows deleted."""
    deleted = 0
    for state, keep, age in RETENTION:
        batch = BATCH
        while batch == BATCH:
            batch = await execute(
                "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state = $1 AND keep = $2 AND finished_at < $3 "
                "AND finished_at IS NOT NULL LIMIT $4)",
                *(state, keep, milliseconds(now) - age, BATCH),
            )
            deleted += batch
    return deleted


LETTER = "SELECT id, kind, key, headers, attempts, error, created_at, finished_at FROM jobs"


async def dead_letters(limit: int = 100) -> list[DeadLetter]:
    """Jobs that were given up, the latest first."""
    rows = await fetch(
        f"{LETTER} WHERE state = 'dead' AND finished_at IS NOT NULL ORDER BY finished_at DESC, id DESC LIMIT $1",
        limit,
    )
    return [_letter(row) for row in rows]


async def dead_letter(job_id: int) -> tuple[DeadLetter, bytes] | None:
    """One job that was given up, with its payload; None when there is none of that id."""
    rows = await fetch(f"{LETTER} WHERE state = 'dead' AND id = $1", job_id)
    payloads = await fetch("SELECT payload FROM jobs WHERE id = $1", job_id)
    return (_letter(rows[0]), payloads[0]["payload"] or b"") if rows else None


async def count_dead_letters() -> int:
    """How many jobs were given up."""
    return int((await fetch("SELECT count(*) AS count FROM jobs WHERE state = 'dead'"))[0]["count"])


def _letter(row: dict[str, Any]) -> DeadLetter:
    headers = orjson.loads(row["headers"] or "{}")
    return DeadLetter(**{**row, "headers": headers, "error": row["error"] or ""})


async def retry(job_id: int) -> bool:
    """Queue a dead letter again, with all its attempts; False when there is none of that id."""
    now = now_ms()
    queued = await execute(
        "UPDATE jobs SET state = 'queued', attempts = 0, run_at = $1, finished_at = NULL "
        "WHERE id = $2 AND state = 'dead'",
        *(now, job_id),
    )
    if queued:
        after_commit(current().notifier.notify)
    return bool(queued)


async def discard(job_id: int) -> bool:
    """Give a dead letter up for good; False when there is none of that id. A kept key stays taken, as after success."""
    discarded = await execute(
        "UPDATE jobs SET state = 'done', payload = NULL, finished_at = $1 WHERE id = $2 AND state = 'dead'",
        *(now_ms(), job_id),
    )
    return bool(discarded)
