"""What a new configuration file changes, setting by setting, and which changes are weaker."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bot.rules.config_model import COMMAND, Config, EnvironmentConfig, ProjectConfig
from bot.rules.config_strength import WEAKER, weaker_in, weaker_in_project

Kind = Literal["added", "changed", "removed"]


@dataclass(frozen=True)
class Change:
    """A change. `field` is empty where all of an environment or project is added or removed, `environment` where it is
    about a project, and `project` where it is about the file.

    `old` and `new` are JSON values, with the defaults filled in.
    """

    project: str
    environment: str
    field: str
    old: Any
    new: Any
    kind: Kind
    weaker: bool = False


def changes(old: Config | None, new: Config | None, default_branch: str) -> list[Change]:
    """Compare two files; None is one that is not there."""
    before: Mapping[str, ProjectConfig] = old.projects if old else {}
    after: Mapping[str, ProjectConfig] = new.projects if new else {}
    found = list(_command(old, new))
    is_renamed = bool(before.keys() - after.keys())
    for name, project in after.items():
        if name in before:
            found += project_changes(name, before[name], project, default_branch)
            found += environments_changes(name, before[name].environments, project.environments)
        else:
            found.append(Change(name, "", "", None, _dump(project), "added", is_renamed))
    found += [Change(name, "", "", _dump(before[name]), None, "removed", True) for name in before if name not in after]
    return found


def project_changes(name: str, old: ProjectConfig, new: ProjectConfig, default_branch: str) -> Iterator[Change]:
    """Compare a project's own settings."""
    before, after = _flat(old), _flat(new)
    weaker = weaker_in_project(old, new, default_branch)
    for field in before:
        is_kept = field in ("tags.candidates", "tags.triggers") and after[field] is None
        if before[field] != after[field] and not is_kept:
            yield Change(name, "", field, before[field], after[field], "changed", field in weaker)


def environments_changes(
    project: str, old: Mapping[str, EnvironmentConfig], new: Mapping[str, EnvironmentConfig]
) -> Iterator[Change]:
    """Compare the environments of a project. One that is added while another is removed may be the same, renamed."""
    is_renamed = bool(old.keys() - new.keys())
    for name, environment in new.items():
        if name in old:
            yield from environment_changes(project, name, old[name], environment)
        else:
            yield Change(project, name, "", None, _dump(environment), "added", is_renamed)
    for name in old:
        if name not in new:
            yield Change(project, name, "", _dump(old[name]), None, "removed", True)
    before, after = [name for name in old if name in new], [name for name in new if name in old]
    if before != after:
        yield Change(project, "", "environments", before, after, "changed")


def environment_changes(project: str, name: str, old: EnvironmentConfig, new: EnvironmentConfig) -> Iterator[Change]:
    """Compare the settings of an environment."""
    before, after = environment_values(old), environment_values(new)
    weaker = weaker_in(old, new)
    for field in WEAKER:
        if before[field] != after[field] or field in weaker:
            yield Change(project, name, field, before[field], after[field], "changed", field in weaker)


def environment_values(environment: EnvironmentConfig) -> dict[str, Any]:
    """The settings of an environment that are compared, by name, with what the tier implies."""
    values = environment.model_dump(mode="json", by_alias=True)
    approvals = values.pop("approvals")
    approvals["from"] = list(environment.approvers(environment.tier))
    values["downgrade"] = "refuse" if environment.refuses_downgrades(environment.tier) else "allow"
    return {**values, **{f"approvals.{name}": value for name, value in approvals.items()}}


def _flat(project: ProjectConfig) -> dict[str, Any]:
    """A project's own settings by their paths."""
    flat: dict[str, Any] = {}
    for name, value in project.model_dump(mode="json", exclude={"environments"}).items():
        parts = value if name in ("tags", "build", "show") else {"": value}
        flat |= {f"{name}.{part}" if part else name: each for part, each in parts.items()}
    return flat


def _dump(part: ProjectConfig | EnvironmentConfig) -> dict[str, Any]:
    dumped: dict[str, Any] = part.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return dumped


def _command(old: Config | None, new: Config | None) -> Iterator[Change]:
    before, after = (config.command if config else COMMAND for config in (old, new))
    if before != after:
        yield Change("", "", "command", before, after, "changed")
