"""Answers that are kept for a while, so that a request that is sent again is not done again."""

from tortoise import fields
from tortoise.models import Model


class IdempotencyRecord(Model):
    """What was answered to a request with an `Idempotency-Key`; without a status it is still being answered.

    `fingerprint` is the SHA-256 of all that makes the request what it is.
    """

    id = fields.IntField(primary_key=True)
    user_id = fields.IntField()
    key = fields.CharField(max_length=255)
    fingerprint = fields.CharField(max_length=64)
    status = fields.IntField(null=True)
    headers: dict[str, str] | None = fields.JSONField(null=True)
    body = fields.BinaryField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        """Where the rows are: a key once for a user."""

        table = "kept_answers"
        unique_together = (("user_id", "key"),)
        indexes = (("created_at",),)
