"""The table of jobs, which bot/queue/ reads and writes."""

from __future__ import annotations

from tortoise import Model, fields


class Job(Model):
    """One piece of work. Times are epoch milliseconds.

    Partial indexes, which the model cannot express, are in migration 0001: `jobs_key` (unique key, unless done and not
    kept), `jobs_lock` (one running job per lock), `jobs_due`, `jobs_lease`, `jobs_finished`.
    """

    id = fields.BigIntField(primary_key=True)
    kind = fields.TextField()
    key: str | None = fields.TextField(null=True)
    keep = fields.BooleanField(default=False)
    """The key stays taken after the job is done, until the row is pruned."""
    lock: str | None = fields.TextField(null=True)
    priority = fields.IntField(default=0)
    payload = fields.BinaryField(null=True)
    headers: str | None = fields.TextField(null=True)
    state = fields.CharField(max_length=8, default="queued")
    """queued, running, done or dead."""
    attempts = fields.IntField(default=0)
    run_at = fields.BigIntField()
    created_at = fields.BigIntField()
    finished_at: int | None = fields.BigIntField(null=True)
    lease_owner: str | None = fields.TextField(null=True)
    lease_expires: int | None = fields.BigIntField(null=True)
    error: str | None = fields.TextField(null=True)

    class Meta:
        """Table and indexes."""

        table = "jobs"
