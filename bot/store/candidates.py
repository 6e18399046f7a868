"""Release candidates."""

from tortoise import fields
from tortoise.models import Model

from bot.rules.ids import CandidateId, ProjectId, ReleaseId, RepositoryId, UserId
from bot.store.columns import commit_sha, primary_key
from bot.store.projects import Project, Repository
from bot.store.releases import Release
from bot.store.users import User


class Candidate(Model):
    """An immutable, numbered attempt at a release: one full commit SHA of one repository.

    `branch` is the allowed branch from which the commit was proven reachable, `tip_at` when the commit was its tip.
    `tagged`: the tag was seen at the commit, and no webhook has reported a change of it since. `origin` names the
    message that requested the candidate, if one did.
    """

    id = primary_key(CandidateId)
    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField(
        "models.Project", related_name="candidates", on_delete=fields.OnDelete.RESTRICT
    )
    project_id: ProjectId
    release: fields.ForeignKeyRelation[Release] = fields.ForeignKeyField(
        "models.Release", related_name="candidates", on_delete=fields.OnDelete.RESTRICT
    )
    release_id: ReleaseId
    repository: fields.ForeignKeyRelation[Repository] = fields.ForeignKeyField(
        "models.Repository", related_name="candidates", on_delete=fields.OnDelete.RESTRICT
    )
    repository_id: RepositoryId
    number = fields.IntField()
    version = fields.CharField(max_length=120)
    commit = commit_sha()
    branch = fields.CharField(max_length=255)
    tip_at = fields.DatetimeField(null=True)
    tag = fields.CharField(max_length=255, null=True)
    tagged = fields.BooleanField(default=False)
    status = fields.CharField(max_length=20)
    reason = fields.TextField(null=True)
    origin = fields.CharField(max_length=255, null=True, unique=True)
    created_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="candidates", on_delete=fields.OnDelete.RESTRICT
    )
    created_by_id: UserId
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        """Table and indexes: a number is unique in a release, a tag in a repository."""

        table = "candidates"
        unique_together = (("release", "number"), ("repository", "tag"))
        indexes = (
            *(("project", "id"), ("project", "version"), ("repository", "commit"), ("commit",), ("version",)),
            ("created_by", "id"),
        )
