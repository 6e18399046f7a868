"""Idempotency records: responses stored for a day, so that a repeated request is not performed again."""

from tortoise import fields
from tortoise.models import Model


class IdempotencyRecord(Model):
    """The response to a request with an `Idempotency-Key`; `status` is null while the request is in progress.

    `fingerprint` is the SHA-256 of everything that identifies the request.
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
        """Table and indexes: a key is unique per user."""

        table = "kept_answers"
        unique_together = (("user_id", "key"),)
        indexes = (("created_at",),)
