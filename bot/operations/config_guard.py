"""What a configuration file sets cannot be changed by other ways: the refusal names the file and the line."""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from bot.errors import Conflict
from bot.rules.config import load
from bot.rules.config_nodes import PATH
from bot.rules.projects import PUBLIC_NAMES
from bot.store.config_files import StoredConfigFile
from bot.store.projects import Environment, Project

PROJECT_PATHS: Mapping[str, tuple[str, ...]] = {
    "name": (),
    "repository_id": (),
    "build_workflow": ("build", "workflow"),
    "build_inputs": ("build", "inputs"),
    "build_deadline_minutes": ("build", "deadline"),
    "allowed_branches": ("branches",),
    "version_scheme": ("versions",),
    "promote_on_tag": ("tags", "promote_on_tag"),
    "show": ("show",),
    "tag_prefix": ("tags", "candidates"),
    "trigger_tag_prefix": ("tags", "triggers"),
}
"""Where the file has the settings of projects, by column."""
KEPT = ("tag_prefix", "trigger_tag_prefix")
"""Columns that a file sets only if it names them."""
ENVIRONMENT_PATHS = {"deploy_deadline_minutes": "deadline"}
PUBLIC = {**PUBLIC_NAMES, "repository_id": "repo"}


async def refuse_project(row: Project, values: Mapping[str, Any]) -> None:
    """Refuse changes of a project's settings that the configuration file of its repository has."""
    concerned = [name for name in values if name in PROJECT_PATHS and values[name] != getattr(row, name)]
    if not row.managed or not concerned:
        return
    file = await _File.of(row)
    for name in concerned:
        path = ("projects", row.name, *PROJECT_PATHS[name])
        if name not in KEPT or file.line(path) is not None:
            _refuse(name, f"the project `{row.name}`", file.nearest_line(path))


async def refuse_environment(project: Project, row: Environment, names: Iterable[str]) -> None:
    """Refuse changes of an environment that the configuration file of its repository has."""
    concerned = list(names)
    if not row.managed or not concerned:
        return
    file = await _File.of(project)
    name = concerned[0]
    path = ("projects", project.name, "environments", row.name, ENVIRONMENT_PATHS.get(name, name))
    _refuse(name, f"the environment `{row.name}`", file.nearest_line(path))


async def lines_of(project: Project) -> Mapping[str, int | None]:
    """The settings of a project that the configuration file has, by column, with the lines that set them.

    None for one that the file leaves to its default, or that is kept until its removal from there is approved. Empty
    for a project that the file does not have.
    """
    if not project.managed:
        return {}
    file = await _File.of(project)
    lines = {name: file.line(("projects", project.name, *path)) for name, path in PROJECT_PATHS.items() if path}
    return {name: line for name, line in lines.items() if name not in KEPT or line is not None}


class _File:
    """The last valid file of a repository, to find lines in."""

    def __init__(self, text: str) -> None:
        self._file = load(text.encode()) if text else None

    @classmethod
    async def of(cls, project: Project) -> "_File":
        stored = await StoredConfigFile.get_or_none(repository_id=project.repository_id)
        return cls("" if stored is None else stored.applied_text)

    def line(self, path: tuple[str, ...]) -> int | None:
        """The line of a setting; None if the file does not have it."""
        return None if self._file is None else self._file.line(*path)

    def nearest_line(self, path: tuple[str, ...]) -> int | None:
        """The line of a setting, or else of what it belongs to, if the file still names that."""
        lines = (self.line(path[:end]) for end in range(len(path), 1, -1))
        return next((line for line in lines if line is not None), None)


def _refuse(name: str, whose: str, line: int | None) -> NoReturn:
    field = PUBLIC.get(name, name)
    if line is None:
        sentence = f"`{field}` of {whose} is kept as `{PATH}` had it until its removal from there is approved."
        raise Conflict(sentence, field=field, file=PATH)
    sentence = f"`{field}` of {whose} is set by `{PATH}` (line {line}): change it there."
    raise Conflict(sentence, field=field, file=PATH, line=line)
