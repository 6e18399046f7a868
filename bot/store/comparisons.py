"""Comparisons of commits as GitHub answered them. The answer for a pair of commits never changes, so it is kept."""

from tortoise import fields
from tortoise.models import Model

from bot.rules.ids import RepositoryId
from bot.store.columns import commit_sha, github_id


class StoredComparison(Model):
    """How `head` stands to `base`. `author_ids` are the GitHub ids of who wrote the commits from base to head.

    `unlinked` are the names of authors without an account. Both are null if only the status was asked for. `ahead_by`
    is the number of commits in `head` that are not in `base`; null for answers that were stored without it.
    """

    id = fields.IntField(primary_key=True)
    repository_id = github_id(RepositoryId)
    base = commit_sha()
    head = commit_sha()
    status = fields.CharField(max_length=10)
    ahead_by = fields.IntField(null=True)
    author_ids: list[int] | None = fields.JSONField(null=True)
    unlinked: list[str] | None = fields.JSONField(null=True)
    asked_at = fields.DatetimeField()

    class Meta:
        """Table and indexes."""

        table = "comparisons"
        unique_together = (("repository_id", "base", "head"),)
