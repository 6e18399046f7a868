"""Releases: versions of projects."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from bot.rules.ids import ProjectId, ReleaseId
from bot.store.columns import primary_key
from bot.store.projects import Project


class Release(Model):
    """A version of a project. `status` is the integer of the package dialect; a hold is stored apart, in `held`.

    `name`, `active` and `product_version` belong to the PDC dialect.
    """

    id = primary_key(ReleaseId)
    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField(
        "models.Project", related_name="releases", on_delete=fields.OnDelete.RESTRICT
    )
    project_id: ProjectId
    version = fields.CharField(max_length=255)
    release_type = fields.CharField(max_length=20, default="ga")
    release_id = fields.CharField(max_length=600, unique=True)
    status = fields.IntField(default=1)
    commit = fields.CharField(max_length=64, null=True)
    held: dict[str, Any] | None = fields.JSONField(null=True)
    release_date = fields.DatetimeField(null=True)
    notes = fields.TextField(default="")
    files: dict[str, list[str]] = fields.JSONField(default=dict)
    signature = fields.CharField(max_length=256, null=True)
    name = fields.CharField(max_length=255, null=True)
    active = fields.BooleanField(default=True)
    product_version: Any = fields.ForeignKeyField(
        "models.ProductVersion", null=True, related_name="releases", on_delete=fields.OnDelete.RESTRICT
    )
    product_version_id: int | None
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        """Table and indexes."""

        table = "releases"
        unique_together = (("project", "version", "release_type"),)
        indexes = (("project", "id"), ("project", "status", "release_date"))
