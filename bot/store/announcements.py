"""The public face of releases: announcements, and the links of a project."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from bot.store.projects import Project
from bot.store.releases import Release
from bot.store.users import User


class Announcement(Model):
    """What is told of a release. While it is pending the release need not exist; it is found or made on approval.

    `state` is pending, approved, rejected or withdrawn; `decided_*` say who made it so, when and why. A version has
    at most one announcement that is pending or approved.
    """

    id = fields.IntField(primary_key=True)
    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField(
        "models.Project", related_name="announcements", on_delete=fields.OnDelete.RESTRICT
    )
    project_id: int
    release: fields.ForeignKeyNullableRelation[Release] = fields.ForeignKeyField(
        "models.Release", null=True, related_name="announcements", on_delete=fields.OnDelete.RESTRICT
    )
    release_id: int | None
    version = fields.CharField(max_length=255)
    changelog = fields.TextField()
    tag_list: list[str] = fields.JSONField(default=list)
    hidden_from_frontpage = fields.BooleanField(default=False)
    state = fields.CharField(max_length=10)
    submitted_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="submitted", on_delete=fields.OnDelete.RESTRICT
    )
    submitted_by_id: int
    created_at = fields.DatetimeField()
    decided_by: Any = fields.ForeignKeyField(
        "models.User", null=True, related_name="decided", on_delete=fields.OnDelete.RESTRICT
    )
    decided_by_id: int | None
    decided_at = fields.DatetimeField(null=True)
    reason = fields.TextField(null=True)

    class Meta:
        """Where the rows are; that a version is announced once is a partial index of the migrations."""

        table = "announcements"
        indexes = (
            ("project", "state", "decided_at", "id"),
            ("state", "id"),
            ("project", "state", "id"),
            ("submitted_by", "state", "id"),
            ("release",),
        )


class Link(Model):
    """A link of a project. `permalink` names it among those of its project."""

    id = fields.IntField(primary_key=True)
    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField(
        "models.Project", related_name="links", on_delete=fields.OnDelete.RESTRICT
    )
    project_id: int
    permalink = fields.CharField(max_length=100)
    label = fields.CharField(max_length=100)
    location = fields.CharField(max_length=2000)
    created_at = fields.DatetimeField()

    class Meta:
        """Where the rows are."""

        table = "links"
        unique_together = (("project", "permalink"),)
