"""The credentials of the GitHub App that was registered in the browser."""

from tortoise import fields
from tortoise.models import Model


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
