"""Users, who are people or machines, and the API tokens by which programs act for them."""

from dataclasses import dataclass
from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from bot.rules.ids import GitHubUserId, ProjectId, TokenId, UserId
from bot.store.columns import nullable_id, primary_key


class User(Model):
    """A person or a machine, identified by name and, if it has an account on GitHub, by GitHub's user id."""

    id = primary_key(UserId)
    name = fields.CharField(max_length=255, unique=True)
    github_id = fields.BigIntField(null=True, unique=True)
    created_at = fields.DatetimeField()

    class Meta:
        """Table and indexes."""

        table = "users"


class ApiToken(Model):
    """A secret by which a program acts for a user. Only its SHA-256 is stored; `prefix` identifies it in lists.

    `personal`: it is tied to the account on GitHub of its user, and may approve as that person. `by_operator`: an
    operator made it for that person.
    """

    id = fields.IntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="tokens", on_delete=fields.OnDelete.RESTRICT
    )
    user_id: UserId
    name = fields.CharField(max_length=255)
    prefix = fields.CharField(max_length=16)
    digest = fields.CharField(max_length=64, unique=True)
    grants: list[str] = fields.JSONField()
    project_id = nullable_id(ProjectId)
    personal = fields.BooleanField(default=False)
    by_operator = fields.BooleanField(default=False)
    expires_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        """Table and indexes."""

        table = "api_tokens"


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token and its user, as authentication reads them. `github_id` is the user's account, for a personal token."""

    id: TokenId
    user_id: UserId
    user_name: str
    grants: frozenset[str]
    project_id: ProjectId | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    github_id: GitHubUserId | None = None
    by_operator: bool = False
