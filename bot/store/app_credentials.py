"""The credentials of the GitHub App that was registered in the browser."""

from tortoise import fields
from tortoise.models import Model

from bot.rules.ids import SessionId
from bot.store.sessions import Session


class AppCredentials(Model):
    """The App's identity, and its secrets, which are encrypted (`sealed`) with the key of `LONGSHORE_SECRET_KEY`.

    Rows are only ever added: the newest one counts. `sealed` holds a JSON object of `private_key`, `webhook_secret` and
    `client_secret`.
    """

    id = fields.IntField(primary_key=True)
    app_id = fields.CharField(max_length=64)
    client_id = fields.CharField(max_length=64)
    slug = fields.CharField(max_length=100)
    name = fields.CharField(max_length=100)
    owner = fields.CharField(max_length=255)
    url = fields.CharField(max_length=500)
    api_url = fields.CharField(max_length=500)
    sealed = fields.TextField()
    created_at = fields.DatetimeField()

    class Meta:
        """Table and indexes."""

        table = "app_credentials"


class AppRegistration(Model):
    """A registration of the App that was begun in a session. Only the SHA-256 of its `state` is stored.

    `api_url` is the address of the API of the GitHub that it is registered on. It takes effect once (`used_at`).
    """

    id = fields.IntField(primary_key=True)
    session: fields.ForeignKeyRelation[Session] = fields.ForeignKeyField(
        "models.Session", related_name="registrations", on_delete=fields.OnDelete.CASCADE, db_index=True
    )
    session_id: SessionId
    digest = fields.CharField(max_length=64, unique=True)
    api_url = fields.CharField(max_length=500)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        """Table and indexes."""

        table = "app_registrations"
