"""Sessions of people who signed in, and the links by which an operator signs in."""

from tortoise import fields
from tortoise.models import Model

from bot.rules.ids import SessionId, UserId
from bot.store.columns import primary_key
from bot.store.users import User


class Session(Model):
    """A browser in which somebody signed in. Only the SHA-256 of its secret is stored.

    `operator`: it was opened with an operator's link, and its user has every grant. It ends at `expires_at`, earlier if
    it is not used (`last_used_at`), or at `ended_at`. `browser` is what the browser said it is.
    """

    id = primary_key(SessionId)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="sessions", on_delete=fields.OnDelete.RESTRICT
    )
    user_id: UserId
    digest = fields.CharField(max_length=64, unique=True)
    operator = fields.BooleanField(default=False)
    browser = fields.CharField(max_length=200)
    created_at = fields.DatetimeField()
    last_used_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        """Table and indexes."""

        table = "sessions"
        indexes = (("user", "ended_at"),)


class LoginLink(Model):
    """A link that signs in as the operator, once. Only the SHA-256 of its secret is stored."""

    id = fields.IntField(primary_key=True)
    digest = fields.CharField(max_length=64, unique=True)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        """Table and indexes."""

        table = "login_links"
