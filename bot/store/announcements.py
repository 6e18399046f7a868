"""Announcements of releases, and links of projects."""

from tortoise import fields
from tortoise.models import Model

from bot.rules.ids import ProjectId, ReleaseId, UserId
from bot.store.projects import Project
from bot.store.releases import Release
from bot.store.users import User


class Announcement(Model):
    """The announcement of a version. Its release need not exist while it is pending: approval gets or creates it.

    `state` is pending, approved, rejected or withdrawn; `decided_*` and `reason` say who decided that, when and why. A
    version has at most one announcement that is pending or approved.
    """

    id = fields.IntField(primary_key=True)
    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField(
        "models.Project", related_name="announcements", on_delete=fields.OnDelete.RESTRICT
    )
    project_id: ProjectId
    release: fields.ForeignKeyNullableRelation[Release] = fields.ForeignKeyField(
        "models.Release", null=True, related_name="announcements", on_delete=fields.OnDelete.RESTRICT
    )
    release_id: ReleaseId | None
    version = fields.CharField(max_length=255)
    changelog = fields.TextField()
    tag_list: list[str] = fields.JSONField(default=list)
    hidden_from_frontpage = fields.BooleanField(default=False)
    state = fields.CharField(max_length=10)
    submitted_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="submitted", on_delete=fields.OnDelete.RESTRICT
    )
    submitted_by_id: UserId
    created_at = fields.DatetimeField()
    decided_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", null=True, related_name="decided", on_delete=fields.OnDelete.RESTRICT
    )
    decided_by_id: UserId | None
    decided_at = fields.DatetimeField(null=True)
    reason = fields.TextField(null=True)

    class Meta:
        """Table and indexes. A partial index of the migrations keeps pending and approved versions unique."""

        table = "announcements"
        indexes = (
            ("project", "state", "decided_at", "id"),
            ("state", "id"),
            ("project", "state", "id"),
            ("submitted_by", "state", "id"),
            ("release",),
        )


class Link(Model):
    """A link of a project. `permalink` is unique within the project."""

    id = fields.IntField(primary_key=True)
    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField(
        "models.Project", related_name="links", on_delete=fields.OnDelete.RESTRICT
    )
    project_id: ProjectId
    permalink = fields.CharField(max_length=100)
    label = fields.CharField(max_length=100)
    location = fields.CharField(max_length=2000)
    created_at = fields.DatetimeField()

    class Meta:
        """Table and indexes."""

        table = "links"
        unique_together = (("project", "permalink"),)
