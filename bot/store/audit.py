"""The audit log: who did what, through which channel. Rows are only ever added."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class AuditEntry(Model):
    """The audit entry of an event. `alarm`: somebody has to look at it."""

    id = fields.IntField(primary_key=True)
    at = fields.DatetimeField()
    actor = fields.CharField(max_length=255)
    channel = fields.CharField(max_length=20)
    act = fields.CharField(max_length=60)
    alarm = fields.BooleanField(default=False)
    project_id = fields.IntField(null=True)
    subject = fields.CharField(max_length=600)
    commit = fields.CharField(max_length=64, null=True)
    before: Any = fields.JSONField(null=True)
    after: Any = fields.JSONField(null=True)

    class Meta:
        """Table and indexes."""

        table = "audit_entries"
        indexes = (("project_id", "id"), ("alarm", "id"), ("actor", "id"), ("act", "id"), ("channel", "id"))
