"""Comments that may hold commands, which limits are counted by."""

from tortoise import fields
from tortoise.models import Model

from bot.rules.ids import GitHubUserId, RepositoryId
from bot.store.columns import github_id


class HandledComment(Model):
    """A comment that may hold commands.

    `comment` names it as `CommandComment.marker` does. `verdict` is null until it was parsed, and stays null if it
    holds no commands.
    """

    id = fields.IntField(primary_key=True)
    comment = fields.CharField(max_length=100, unique=True)
    repository_id = github_id(RepositoryId)
    author_id = github_id(GitHubUserId)
    may_write = fields.BooleanField(null=True)
    """Whether the author had the role write or more; null until GitHub was asked."""
    commands = fields.IntField(default=0)
    verdict = fields.CharField(max_length=10, null=True)
    at = fields.DatetimeField()

    class Meta:
        """Table and indexes."""

        table = "handled_comments"
        indexes = (("repository_id", "author_id", "at"), ("repository_id", "at"))
