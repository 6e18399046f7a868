"""Requests from GitHub that were performed."""

from tortoise import fields
from tortoise.models import Model


class PerformedRequest(Model):
    """A command or tag that took effect: `origin` names the message, `result_id` is the row that the act created."""

    id = fields.IntField(primary_key=True)
    origin = fields.CharField(max_length=255, unique=True)
    act = fields.CharField(max_length=60)
    result_id = fields.IntField()
    performed_at = fields.DatetimeField()

    class Meta:
        """Table and indexes."""

        table = "performed_requests"
