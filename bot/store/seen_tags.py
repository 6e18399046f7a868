"""Pushed tags that name candidates, and that Longshore has seen."""

from tortoise import fields
from tortoise.models import Model

from bot.rules.ids import RepositoryId
from bot.store.columns import github_id


class SeenTag(Model):
    """A tag that was pushed: `handled` if a webhook reported it, else it was found in a list of tags at `seen_at`.

    A row whose `tag` is a prefix and `*` says that the tags with this prefix were listed before.
    """

    id = fields.IntField(primary_key=True)
    repository_id = github_id(RepositoryId)
    tag = fields.CharField(max_length=255)
    handled = fields.BooleanField()
    seen_at = fields.DatetimeField()

    class Meta:
        """Table and indexes."""

        table = "seen_tags"
        unique_together = (("repository_id", "tag"),)
