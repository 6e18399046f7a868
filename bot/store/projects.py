"""Repositories as GitHub knows them, the projects released from them, and the environments those are deployed to."""

from dataclasses import dataclass
from typing import Any

from tortoise import fields
from tortoise.models import Model

from bot.store.database import dialect, fetch


class Repository(Model):
    """What was last heard of a GitHub repository. Its id is GitHub's and never changes; its name may."""

    github_id = fields.BigIntField(primary_key=True, generated=False)
    full_name = fields.CharField(max_length=255)
    default_branch = fields.CharField(max_length=255)
    private = fields.BooleanField()
    archived = fields.BooleanField(default=False)
    installation_id = fields.BigIntField(null=True)
    checked_at = fields.DatetimeField()

    class Meta:
        """Where the rows are."""

        table = "repositories"
        indexes = (("full_name",), ("installation_id",))


class Project(Model):
    """What is built and shipped together. At most one repository, which may hold several projects."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=255, unique=True)
    permalink = fields.CharField(max_length=255, unique=True)
    repository: fields.ForeignKeyNullableRelation[Repository] = fields.ForeignKeyField(
        "models.Repository", null=True, related_name="projects", on_delete=fields.OnDelete.RESTRICT
    )
    repository_id: int | None
    build_workflow = fields.CharField(max_length=255, null=True)
    build_inputs: dict[str, str] = fields.JSONField(default=dict)
    build_deadline_minutes = fields.IntField(default=60)
    allowed_branches: list[str] | None = fields.JSONField(null=True)
    tag_prefix = fields.CharField(max_length=100)
    trigger_tag_prefix = fields.CharField(max_length=100)
    tag_candidates = fields.BooleanField(default=True)
    version_scheme = fields.CharField(max_length=10, default="any")
    archived = fields.BooleanField(default=False)
    oneliner = fields.CharField(max_length=255, default="")
    description = fields.TextField(default="")
    license_list: list[str] = fields.JSONField(default=list)
    tag_list: list[str] = fields.JSONField(default=list)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    @property
    def is_public(self) -> bool:
        """Whether strangers may know of it; its repository must be at hand."""
        return self.repository is None or not self.repository.private

    class Meta:
        """Where the rows are, and that no two projects of a repository share a tag prefix."""

        table = "projects"
        unique_together = (("repository", "tag_prefix"), ("repository", "trigger_tag_prefix"))


@dataclass(frozen=True)
class Outline:
    """What must be known of a project to say who may do what with it: enough for what only reads."""

    id: int
    name: str
    repository_id: int | None
    is_public: bool


class Environment(Model):
    """A place a project is deployed to. `name_key` is the name in lower case: GitHub does not tell cases apart."""

    id = fields.IntField(primary_key=True)
    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField(
        "models.Project", related_name="environments", on_delete=fields.OnDelete.RESTRICT
    )
    project_id: int
    name = fields.CharField(max_length=255)
    name_key = fields.CharField(max_length=255)
    tier = fields.CharField(max_length=20)
    workflow = fields.CharField(max_length=255, null=True)
    inputs: dict[str, str] = fields.JSONField(default=dict)
    position = fields.IntField(default=0)
    deploy_deadline_minutes = fields.IntField(default=60)
    frozen: dict[str, Any] | None = fields.JSONField(null=True)
    promotion_held = fields.BooleanField(default=False)
    created_at = fields.DatetimeField()

    class Meta:
        """Where the rows are."""

        table = "environments"
        unique_together = (("project", "name_key"),)


async def standing_permalink(project: int) -> str:
    """The permalink of a project, which nobody changes until the transaction ends."""
    query = "SELECT permalink FROM projects WHERE id = $1"
    rows = await fetch(f"{query} FOR SHARE" if dialect() == "postgres" else query, project)
    return str(rows[0]["permalink"])
