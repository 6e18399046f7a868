"""What a command works with: the service, the project that it is about, and somebody who reads its progress."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bot.rules.names import in_words
from cli.client.exits import Refused, Usage
from cli.client.repositories import repositories
from cli.client.service import Service, path
from cli.client.shapes import Project

NAME_ONE = "name one with --project, or with LONGSHORE_PROJECT"


class Progress(Protocol):
    """How people are told what goes on, besides the result."""

    def say(self, sentence: str) -> None:
        """Tell something that has happened."""

    def show_state(self, text: str) -> None:
        """Show what is being waited for, until something else is."""


@dataclass(frozen=True)
class Caller:
    """Somebody who runs a command in a folder. `named` is the project that they named, empty for none."""

    service: Service
    progress: Progress
    folder: Path = field(default_factory=Path)
    named: str = ""

    async def project(self) -> str:
        """The name of the project that a command is about. Refuses to guess which of several is meant."""
        if self.named:
            return self.named
        found = await repositories(self.folder)
        if not found:
            raise Usage(f"You are in no clone of a repository on GitHub, which would say the project: {NAME_ONE}.")
        projects = await projects_of(self.service, found)
        if len(projects) > 1:
            raise Usage(f"{projects[0]['repo']} has several projects, {_names(projects)}: {NAME_ONE}.")
        if not projects:
            raise Usage(f"No project that you can list has the repository {in_words(found, last='or')}: {NAME_ONE}.")
        return projects[0]["name"]


async def projects_of(service: Service, repositories: Sequence[str]) -> list[Project]:
    """The projects of the first of some repositories that has any. Archived ones are left out.

    A personal token lists public projects only, so a project that has the name of its repository is looked for, too.
    """
    listed = await service.get_all(path("api", "projects"))
    for repository in repositories:
        found = [project for project in listed if _has(project, repository)]
        if found or (found := await _of_the_same_name(service, repository)):
            return found
    return []


async def _of_the_same_name(service: Service, repository: str) -> list[Project]:
    try:
        project = await service.get(path("api", "projects", repository.partition("/")[2]))
    except Refused:
        return []
    return [project] if _has(project, repository) else []


def _has(project: Project, repository: str) -> bool:
    """Whether a project is active and has a repository. GitHub's names are the same in any case."""
    return not project["archived"] and (project["repo"] or "").lower() == repository.lower()


def _names(projects: Sequence[Project]) -> str:
    return in_words(project["name"] for project in projects)
