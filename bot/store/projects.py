"""Repositories, the projects that are released from them, and the environments that projects are deployed to."""

from dataclasses import dataclass
from typing import Any

from tortoise import fields
from tortoise.models import Model

from bot.rules.ids import EnvironmentId, GitHubUserId, InstallationId, ProjectId, RepositoryId
from bot.store.columns import github_key, nullable_github_id, primary_key
from bot.store.database import dialect, fetch


class Repository(Model):
    """The last known state of a GitHub repository. Its id is GitHub's and never changes; its name may.

    `private` is also set while no installation of the App reaches it: what cannot be seen is not known to be public.
    Whether it is public says only `is_public`, and `PUBLIC` of `bot/store/visibility.py` in statements. `command` is
    the word with which commands in comments begin.
    """

    github_id = github_key(RepositoryId)
    full_name = fields.CharField(max_length=255)
    default_branch = fields.CharField(max_length=255)
    private = fields.BooleanField()
    archived = fields.BooleanField(default=False)
    installation_id = nullable_github_id(InstallationId)
    command = fields.CharField(max_length=50, default="/release")
    checked_at = fields.DatetimeField()

    @property
    def is_public(self) -> bool:
        """Whether GitHub shows it to everybody, as far as the App can see it."""
        return not self.private and self.installation_id is not None

    class Meta:
        """Table and indexes."""

        table = "repositories"
        indexes = (("full_name",), ("installation_id",))


class Project(Model):
    """What is built and shipped together, from at most one repository, which may hold several projects.

    `managed`: the repository's configuration file sets it. `paths` are the patterns of its files, None for all;
    `promote_on_tag` is the environment to which a tag with a release version promotes. `show` are the switches of what
    is shown on GitHub that were set (`bot/rules/views.py`).
    """

    id = primary_key(ProjectId)
    name = fields.CharField(max_length=255, unique=True)
    permalink = fields.CharField(max_length=255, unique=True)
    repository: fields.ForeignKeyNullableRelation[Repository] = fields.ForeignKeyField(
        "models.Repository", null=True, related_name="projects", on_delete=fields.OnDelete.RESTRICT
    )
    repository_id: RepositoryId | None
    build_workflow = fields.CharField(max_length=255, null=True)
    build_inputs: dict[str, str] = fields.JSONField(default=dict)
    build_deadline_minutes = fields.IntField(default=60)
    allowed_branches: list[str] | None = fields.JSONField(null=True)
    tag_prefix = fields.CharField(max_length=100)
    trigger_tag_prefix = fields.CharField(max_length=100)
    tag_candidates = fields.BooleanField(default=True)
    version_scheme = fields.CharField(max_length=10, default="any")
    show: dict[str, bool] = fields.JSONField(default=dict)
    archived = fields.BooleanField(default=False)
    paths: list[str] | None = fields.JSONField(null=True)
    promote_on_tag = fields.CharField(max_length=255, null=True)
    managed = fields.BooleanField(default=False)
    oneliner = fields.CharField(max_length=255, default="")
    description = fields.TextField(default="")
    license_list: list[str] = fields.JSONField(default=list)
    tag_list: list[str] = fields.JSONField(default=list)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    @property
    def is_public(self) -> bool:
        """Whether anonymous callers may see the project. Its repository must have been fetched."""
        return self.repository is None or self.repository.is_public

    class Meta:
        """Table and indexes: no two projects of a repository share a tag prefix."""

        table = "projects"
        unique_together = (("repository", "tag_prefix"), ("repository", "trigger_tag_prefix"))


@dataclass(frozen=True)
class Outline:
    """The columns of a project that authorizing a read needs."""

    id: ProjectId
    name: str
    repository_id: RepositoryId | None
    is_public: bool


class Environment(Model):
    """Where a project is deployed to. `name_key` is the name in lower case: GitHub ignores case.

    `gate_settings` are those of `bot/rules/gate_settings.py` that were set, `listed_users` the GitHub ids of the logins
    in them (in lower case). `url` shows what is deployed. `closed` says why nothing can be deployed here. `managed`:
    the repository's configuration file sets it.
    """

    id = primary_key(EnvironmentId)
    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField(
        "models.Project", related_name="environments", on_delete=fields.OnDelete.RESTRICT
    )
    project_id: ProjectId
    name = fields.CharField(max_length=255)
    name_key = fields.CharField(max_length=255)
    tier = fields.CharField(max_length=20)
    workflow = fields.CharField(max_length=255, null=True)
    inputs: dict[str, str] = fields.JSONField(default=dict)
    position = fields.IntField(default=0)
    deploy_deadline_minutes = fields.IntField(default=60)
    promotion_held = fields.BooleanField(default=False)
    gate_settings: dict[str, Any] = fields.JSONField(default=dict)
    listed_users: dict[str, GitHubUserId] = fields.JSONField(default=dict)
    url = fields.CharField(max_length=500, null=True)
    closed = fields.CharField(max_length=500, null=True)
    managed = fields.BooleanField(default=False)
    created_at = fields.DatetimeField()

    class Meta:
        """Table and indexes."""

        table = "environments"
        unique_together = (("project", "name_key"),)


async def locked_permalink(project: int) -> str:
    """Read the permalink of a project, locked against changes until the transaction ends."""
    query = "SELECT permalink FROM projects WHERE id = $1"
    rows = await fetch(f"{query} FOR SHARE" if dialect() == "postgres" else query, project)
    return str(rows[0]["permalink"])
