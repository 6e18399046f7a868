"""Configuration files of repositories, and changes of them that wait for approval."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from bot.rules.ids import CommitSha, ConfigApprovalId, ConfigChangeId, EnvironmentId, ProjectId, RepositoryId, UserId
from bot.store.columns import commit_sha, nullable_id, primary_key
from bot.store.projects import Environment, Project, Repository
from bot.store.users import User


class StoredConfigFile(Model):
    """The configuration file of a repository as it was read last, and the last one that was valid.

    `state` is `applied`, `broken` or `absent`. `blob` is the SHA of the file that was read, empty if there was none,
    `commit` the one that made it so. `errors` are those of a broken file (line, column, path, sentence). `applied_*`
    are those of the valid one, which are empty if there has been none, or if the file was deleted.
    """

    id = fields.IntField(primary_key=True)
    repository: fields.OneToOneRelation[Repository] = fields.OneToOneField(
        "models.Repository", related_name="config_file", on_delete=fields.OnDelete.RESTRICT
    )
    repository_id: RepositoryId
    state = fields.CharField(max_length=10)
    blob = fields.CharField(max_length=64, default="")
    commit = fields.CharField(max_length=64, default="")
    errors: list[dict[str, Any]] = fields.JSONField(default=list)
    applied_blob = fields.CharField(max_length=64, default="")
    applied_commit = fields.CharField(max_length=64, default="")
    applied_text = fields.TextField(default="")
    checked_at = fields.DatetimeField()

    class Meta:
        """Table."""

        table = "config_files"


class ConfigChange(Model):
    """Weaker changes of an environment, or of a project's own settings, by one version of the file.

    They take effect when `needed` of the `approvers` have approved them, none of them among `author_ids` (None: it is
    not known who wrote the change). `rule_environment_id` is the environment whose rule that is. `outcome` is None
    while they wait, then `approved`, `applied`, `superseded` by another version, or `withdrawn`.
    """

    id = primary_key(ConfigChangeId)
    repository: fields.ForeignKeyRelation[Repository] = fields.ForeignKeyField(
        "models.Repository", related_name="config_changes", on_delete=fields.OnDelete.RESTRICT
    )
    repository_id: RepositoryId
    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField(
        "models.Project", related_name="config_changes", on_delete=fields.OnDelete.RESTRICT
    )
    project_id: ProjectId
    environment: fields.ForeignKeyNullableRelation[Environment] = fields.ForeignKeyField(
        "models.Environment", null=True, related_name="config_changes", on_delete=fields.OnDelete.RESTRICT
    )
    environment_id: EnvironmentId | None
    rule_environment_id = nullable_id(EnvironmentId)
    blob = fields.CharField(max_length=64)
    commit: fields.Field[CommitSha] = commit_sha()
    changes: list[dict[str, Any]] = fields.JSONField()
    needed = fields.IntField()
    approvers: list[str] = fields.JSONField()
    listed_users: dict[str, int] = fields.JSONField()
    author_ids: list[int] | None = fields.JSONField(null=True)
    created_at = fields.DatetimeField()
    outcome = fields.CharField(max_length=12, null=True)
    decided_at = fields.DatetimeField(null=True)

    class Meta:
        """Table and indexes; the partial ones are in the migrations."""

        table = "config_changes"
        indexes = (("repository", "id"),)


class ConfigApproval(Model):
    """A person's approval of weaker changes."""

    id = primary_key(ConfigApprovalId)
    change: fields.ForeignKeyRelation[ConfigChange] = fields.ForeignKeyField(
        "models.ConfigChange", related_name="approvals", on_delete=fields.OnDelete.RESTRICT
    )
    change_id: ConfigChangeId
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="config_approvals", on_delete=fields.OnDelete.RESTRICT
    )
    user_id: UserId
    channel = fields.CharField(max_length=20)
    by_operator = fields.BooleanField()
    approved_at = fields.DatetimeField()

    class Meta:
        """Table."""

        table = "config_approvals"
        unique_together = (("change", "user"),)
