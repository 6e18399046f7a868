"""People and machines, and the tokens by which programs speak for them."""

from tortoise import fields
from tortoise.models import Model

from bot.rules.ids import UserId
from bot.store.columns import primary_key


class User(Model):
    """A person or a machine, known by name and, where they have one, by GitHub's user id."""

    id = primary_key(UserId)
    name = fields.CharField(max_length=255, unique=True)
    github_id = fields.BigIntField(null=True, unique=True)
    created_at = fields.DatetimeField()

    class Meta:
        """Where the rows are."""

        table = "users"


class ApiToken(Model):
    """A secret by which a program speaks for a user. Only its SHA-256 is stored; `prefix` tells tokens apart."""

    id = fields.IntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="tokens", on_delete=fields.OnDelete.RESTRICT
    )
    user_id: UserId
    name = fields.CharField(max_length=255)
    prefix = fields.CharField(max_length=16)
    digest = fields.CharField(max_length=64, unique=True)
    grants: list[str] = fields.JSONField()
    project_id = fields.IntField(null=True)
    expires_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        """Where the rows are."""

        table = "api_tokens"
