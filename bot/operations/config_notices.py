"""What is told about the configuration file of a project: where the project is managed, and what waits."""

from dataclasses import dataclass
from typing import Any

from bot.context import Context, allowed
from bot.operations.config_approvals import approvals_of
from bot.rules.config_nodes import PATH
from bot.store.config_files import ConfigChange, StoredConfigFile
from bot.store.projects import Project


@dataclass(frozen=True)
class WaitingChange:
    """Weaker changes that wait: of an environment, or without one of the project's own settings.

    `changes` are mappings of field, kind, old and new. `approved_by` are the names of who has approved.
    """

    environment: str | None
    commit: str
    needed: int
    approvers: list[str]
    approved_by: list[str]
    changes: list[dict[str, Any]]


@dataclass(frozen=True)
class ConfigurationNotice:
    """The state of a repository's configuration file as far as it concerns one project.

    `state` is `applied`, `broken` or `absent`; `commit` is the one of the file in force. `errors` are those of a broken
    file, with line, column, path and sentence.
    """

    file: str
    state: str
    managed: bool
    commit: str | None
    errors: list[dict[str, Any]]
    waiting: list[WaitingChange]


@allowed("project:read")
async def find(context: Context, project: Project) -> ConfigurationNotice | None:
    """Find what there is to tell about the file; None for a project that no file concerns."""
    stored = await StoredConfigFile.get_or_none(repository_id=project.repository_id) if project.repository_id else None
    if stored is None or (stored.state == "absent" and not project.managed):
        return None
    changes = (
        await ConfigChange.filter(project_id=project.id, outcome=None).order_by("id").select_related("environment")
    )
    given = await approvals_of(changes)
    waiting = [
        WaitingChange(
            environment=None if change.environment is None else change.environment.name,
            commit=change.commit,
            needed=change.needed,
            approvers=list(change.approvers),
            approved_by=[row.user.name for row in given[change.id]],
            changes=[{name: each[name] for name in ("field", "kind", "old", "new")} for each in change.changes],
        )
        for change in changes
    ]
    return ConfigurationNotice(
        PATH, stored.state, project.managed, stored.applied_commit or None, list(stored.errors), waiting
    )
