"""What the parts of a configuration file are as columns of projects and environments, and the other way round."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.rules.config_model import Build, EnvironmentConfig, ProjectConfig, Show, Tags
from bot.rules.gate_settings import FIELDS, read, to_stored


def _minutes(duration: timedelta) -> int:
    return int(duration / timedelta(minutes=1))


def environment_columns(environment: EnvironmentConfig) -> dict[str, Any]:
    """The columns that an environment of the file sets, but for its name and position."""
    return {
        "tier": environment.tier,
        "workflow": environment.workflow,
        "inputs": dict(environment.inputs),
        "url": environment.url,
        "deploy_deadline_minutes": _minutes(environment.deadline),
        "gate_settings": to_stored(environment.gates()),
    }


def environment_config(columns: Mapping[str, Any]) -> EnvironmentConfig:
    """The environment that a row's columns stand for. Its own settings are not checked again: some may be older."""
    gates = read(columns["gate_settings"])
    own = {
        "tier": columns["tier"],
        "workflow": columns["workflow"],
        "inputs": columns["inputs"],
        "url": columns["url"],
        "deadline": timedelta(minutes=columns["deploy_deadline_minutes"]),
    }
    values = {name: getattr(gates, name) for name in FIELDS}
    return EnvironmentConfig.model_construct({*own, *gates.model_fields_set}, **values, **own)


def project_columns(project: ProjectConfig) -> dict[str, Any]:
    """The columns that a project of the file sets, but for its name; prefixes only if it has them."""
    prefixes = {"tag_prefix": project.tags.candidates, "trigger_tag_prefix": project.tags.triggers}
    return {
        "paths": list(project.paths) or None,
        "version_scheme": project.versions,
        "allowed_branches": None if project.branches is None else list(project.branches),
        "build_workflow": project.build.workflow,
        "build_inputs": dict(project.build.inputs),
        "build_deadline_minutes": _minutes(project.build.deadline),
        "promote_on_tag": project.tags.promote_on_tag,
        "show": {name: shown for name, shown in project.show.model_dump().items() if not shown},
        **{name: prefix for name, prefix in prefixes.items() if prefix is not None},
    }


def project_config(columns: Mapping[str, Any]) -> ProjectConfig:
    """The project, without environments, that a row's columns stand for; likewise not checked again."""
    branches = columns["allowed_branches"]
    return ProjectConfig.model_construct(
        paths=tuple(columns["paths"] or ()),
        versions=columns["version_scheme"],
        branches=None if branches is None else tuple(branches),
        tags=Tags.model_construct(
            candidates=columns["tag_prefix"],
            triggers=columns["trigger_tag_prefix"],
            promote_on_tag=columns["promote_on_tag"],
        ),
        build=Build.model_construct(
            workflow=columns["build_workflow"],
            inputs=columns["build_inputs"],
            deadline=timedelta(minutes=columns["build_deadline_minutes"]),
        ),
        show=Show.model_construct(**{name: columns["show"].get(name, True) for name in Show.model_fields}),
        environments={},
    )


PROJECT_COLUMNS = (
    *("paths", "version_scheme", "allowed_branches", "build_workflow", "build_inputs", "build_deadline_minutes"),
    *("promote_on_tag", "show", "tag_prefix", "trigger_tag_prefix"),
)
ENVIRONMENT_COLUMNS = ("tier", "workflow", "inputs", "url", "deploy_deadline_minutes", "gate_settings")
