"""Leases: a job is claimed under a lease, finished while it lasts, and returned to the queue once it has expired."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import orjson
from tortoise.exceptions import IntegrityError

from bot.queue.jobs import COLUMNS, JobRow, LeasedJob, LeaseLost, now_ms
from bot.rules.ids import JobId
from bot.store.database import dialect, execute, fetch, transaction
from bot.store.placeholders import placeholder_list

MAX_SINGLY = 8
"""Jobs that are claimed one at a time, at most, before the first of them starts: each takes several round trips."""

State = Literal["queued", "done", "dead"]


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """The new state of a job that ran, written only if its attempts and lease owner have not changed since.

    `forgiven`: the attempt does not count.
    """

    job: JobId
    attempts: int
    state: State
    error: str | None = None
    run_at: int | None = None
    forgiven: bool = False


UNLOCKED = """(lock IS NULL OR NOT EXISTS (
            SELECT 1 FROM jobs AS other WHERE other.lock = jobs.lock AND other.state = 'running'))"""
CLAIM = """
WITH {due}, ranked AS (
    SELECT id, lock, priority, run_at, bytes, row_number() OVER (
        PARTITION BY coalesce('lock ' || lock, 'job ' || CAST(id AS TEXT)) ORDER BY priority DESC, run_at, id) AS nth
    FROM due
), added AS (
    SELECT *, sum(bytes) OVER (ORDER BY priority DESC, run_at, id) - bytes AS bytes_before FROM ranked WHERE nth = 1
), chosen AS (
    SELECT id, lock FROM added WHERE bytes_before < {max_bytes} ORDER BY priority DESC, run_at, id LIMIT $5
)
UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_owner = $3, lease_expires = $4
WHERE id {chosen}
RETURNING """
DUE_SQLITE = f"""due AS (
    SELECT id, lock, priority, run_at, coalesce(length(payload), 0) AS bytes FROM jobs
    WHERE state = 'queued' AND run_at <= $1 AND {UNLOCKED}
    ORDER BY priority DESC, run_at, id LIMIT $2
)"""  # noqa: S608 - a condition of ours
# each priority on its own, so that the index gives its due jobs in order, however many with a higher one are not due
DUE_POSTGRES = f"""RECURSIVE priorities (priority) AS (
    SELECT max(priority) FROM jobs WHERE state = 'queued'
    UNION ALL
    SELECT (SELECT max(jobs.priority) FROM jobs WHERE state = 'queued' AND jobs.priority < priorities.priority)
    FROM priorities WHERE priority IS NOT NULL
), due AS (
    SELECT job.* FROM priorities CROSS JOIN LATERAL (
        SELECT id, lock, priority, run_at, coalesce(length(payload), 0) AS bytes FROM jobs
        WHERE state = 'queued' AND priority = priorities.priority AND run_at <= $1 AND {UNLOCKED}
            AND (lock IS NULL OR lock <> ALL($6))
        ORDER BY run_at, id LIMIT $2
        FOR UPDATE SKIP LOCKED) AS job
    LIMIT $2
)"""  # noqa: S608
# without the try, two claims that insert the same locks into the index in different orders deadlock (measured)
CHOSEN_POSTGRES = """= ANY(ARRAY(
    SELECT id FROM chosen WHERE lock IS NULL OR pg_try_advisory_xact_lock(1819243382, hashtext(lock))))"""
SKIP_LOCKED = "FOR UPDATE SKIP LOCKED"
# Without statistics, or with old ones, the planner would read and sort all due jobs at every claim, 20 to 100 times as
# long (measured). Where sorting seems expensive, it reads them from the index in order. JIT would mind the expense.
PLAN_BY_INDEX = "SELECT set_config('enable_sort', 'off', true), set_config('jit', 'off', true)"
MAX_BYTES = 16 * 1024 * 1024
"""Bytes of payloads after which a claim takes no further job: a payload can have 25 MB."""
CLAIM_SQLITE = CLAIM.format(due=DUE_SQLITE, chosen="IN (SELECT id FROM chosen)", max_bytes=MAX_BYTES) + COLUMNS
CLAIM_POSTGRES = CLAIM.format(due=DUE_POSTGRES, chosen=CHOSEN_POSTGRES, max_bytes=MAX_BYTES) + COLUMNS


class LockTaken(Exception):
    """Another process started a job with the same lock at the same moment, so the unique index refused our claim."""


async def claim(limit: int, owner: str, lease_ms: int, now: int | None = None) -> list[LeasedJob]:
    """Lease up to `limit` due jobs with distinct locks to `owner`, the most urgent first.

    When another process takes one of their locks at the same moment, the whole claim fails on the unique index; a few
    jobs are then claimed one at a time, leaving out the locks that turned out to be taken.
    """
    now = now_ms() if now is None else now
    try:
        return await _claim(limit, owner, lease_ms, now, [])
    except LockTaken as taken:
        return await _claim_singly(min(limit, MAX_SINGLY), owner, lease_ms, now, [str(taken)])


async def _claim_singly(limit: int, owner: str, lease_ms: int, now: int, taken: list[str]) -> list[LeasedJob]:
    jobs: list[LeasedJob] = []
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


async def _claim(limit: int, owner: str, lease_ms: int, now: int, taken: list[str]) -> list[LeasedJob]:
    values = (now, 2 * limit + 8, owner, now + lease_ms, limit)
    if dialect() == "sqlite":  # one writer at a time: no lock can be taken in between
        rows = await fetch(CLAIM_SQLITE, *values)
    else:
        try:
            async with transaction():
                await fetch(PLAN_BY_INDEX)
                rows = await fetch(CLAIM_POSTGRES, *values, taken)
        except IntegrityError as exc:
            raise LockTaken(violated_lock(exc)) from exc
    jobs = [LeasedJob.from_row(cast("JobRow", row), owner, now + lease_ms) for row in rows]
    return sorted(jobs, key=lambda job: (-job.priority, job.run_at, job.id))


def violated_lock(exc: IntegrityError) -> str:
    """The lock named in PostgreSQL's `Key (lock)=(…) already exists.`; re-raises an error about another index."""
    detail = getattr(exc.args[0], "detail", "") or ""
    match = re.fullmatch(r"Key \(lock\)=\((.*)\) already exists\.", detail, re.DOTALL)
    if match is None:
        raise exc
    return match[1]


RESULTS = {
    "sqlite": """(SELECT json_extract(value, '$.job') AS job, json_extract(value, '$.attempts') AS fence,
        json_extract(value, '$.state') AS outcome, json_extract(value, '$.error') AS reason,
        json_extract(value, '$.run_at') AS due, json_extract(value, '$.forgiven') AS forgiven FROM json_each($1))""",
    "postgres": """(SELECT job, attempts AS fence, state AS outcome, error AS reason, run_at AS due,
        CAST(forgiven AS INT) AS forgiven FROM json_to_recordset(CAST($1 AS JSON))
        AS item (job BIGINT, attempts INT, state TEXT, error TEXT, run_at BIGINT, forgiven BOOL))""",
}
FINISH = """
UPDATE jobs SET state = outcome, error = reason, run_at = coalesce(due, run_at), attempts = attempts - forgiven,
    payload = CASE WHEN outcome = 'done' THEN NULL ELSE payload END,
    finished_at = CASE WHEN outcome = 'queued' THEN NULL ELSE CAST($2 AS BIGINT) END,
    lease_owner = NULL, lease_expires = NULL
FROM {results} AS result
WHERE id = job AND attempts = fence AND state = 'running' AND lease_owner = $3 {lock_rows}
RETURNING id, attempts
"""
# Lock every row before the first is changed. Otherwise a concurrent claim that holds one of them may wait, at the index
# on locks, for another that is being changed: a deadlock (measured).
LOCK_ROWS = """AND id = ANY(ARRAY(
    SELECT id FROM jobs WHERE id IN (SELECT job FROM json_to_recordset(CAST($1 AS JSON)) AS item (job BIGINT))
    ORDER BY id FOR UPDATE))"""
FINISH_IN = {
    "sqlite": FINISH.format(results=RESULTS["sqlite"], lock_rows=""),
    "postgres": FINISH.format(results=RESULTS["postgres"], lock_rows=LOCK_ROWS),
}


async def finish(outcomes: Sequence[JobOutcome], owner: str, now: int | None = None) -> list[bool]:
    """Write the outcomes of jobs in one statement; returns for each whether `owner` still held the job."""
    now = now_ms() if now is None else now
    rows = await fetch(FINISH_IN[dialect()], orjson.dumps(outcomes).decode(), now, owner)
    written = {(row["id"], row["attempts"]) for row in rows}
    return [(outcome.job, outcome.attempts - outcome.forgiven) in written for outcome in outcomes]


async def renew(jobs: Sequence[LeasedJob], owner: str, lease_expires: int) -> set[JobId]:
    """Extend the leases of jobs to `lease_expires`; returns the ids of the jobs that `owner` still holds."""
    renewed: set[JobId] = set()
    for job in jobs:
        still_held = await execute(
            "UPDATE jobs SET lease_expires = CASE WHEN lease_expires > $1 THEN lease_expires ELSE $1 END "
            "WHERE id = $2 AND attempts = $3 AND lease_owner = $4 AND state = 'running'",
            *(lease_expires, job.id, job.attempts, owner),
        )
        if still_held:
            renewed.add(job.id)
            job.lease_expires = max(job.lease_expires, lease_expires)
    return renewed


async def ensure_lease(job: LeasedJob, seconds: float) -> None:
    """Extend a job's lease to last at least `seconds` more; LeaseLost when another worker has the job."""
    needed = now_ms() + int(seconds * 1000)
    if needed <= job.lease_expires:
        return
    if not await renew([job], job.lease_owner, needed):
        raise LeaseLost(f"Job {job.id} ({job.kind}) was taken over.")


RETURN_UNKNOWN = """
UPDATE jobs SET state = 'queued', attempts = attempts - 1, lease_owner = NULL, lease_expires = NULL
WHERE state = 'running' AND id NOT IN ({ids}) AND lease_owner = ${owner}
"""


async def return_unknown(owner: str, known: Sequence[JobId]) -> int:
    """Requeue the jobs that `owner` has a lease on without knowing it: the response to its claim was lost.

    The attempt does not count. Returns the number of jobs.
    """
    ids = [0, *known]
    return await execute(RETURN_UNKNOWN.format(ids=placeholder_list(len(ids)), owner=len(ids) + 1), *ids, owner)


RELEASE_EXPIRED = f"""
UPDATE jobs SET lease_owner = NULL, lease_expires = NULL,
    state = CASE WHEN attempts >= $2 THEN 'dead' ELSE 'queued' END,
    finished_at = CASE WHEN attempts >= $2 THEN CAST($3 AS BIGINT) END,
    error = 'The process that ran it ended.'
WHERE id IN (SELECT id FROM jobs WHERE state = 'running' AND lease_expires < $1 {{skip_locked}})
RETURNING {COLUMNS}, state
"""  # noqa: S608 - column names


async def release_expired(max_attempts: int, expired_before: int, now: int) -> list[LeasedJob]:
    """Requeue jobs whose lease has expired; returns those that had used all their attempts and are now dead."""
    rows = await fetch(
        RELEASE_EXPIRED.format(skip_locked="" if dialect() == "sqlite" else SKIP_LOCKED),
        *(expired_before, max_attempts, now),
    )
    return [LeasedJob.from_row(cast("JobRow", row)) for row in rows if row["state"] == "dead"]
