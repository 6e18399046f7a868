"""Which of several projects a command is about: those whose files its pull request or commit changes."""

from collections.abc import Sequence

from bot.context import Context
from bot.github import commits, pull_requests
from bot.github.repository import RepositoryClient
from bot.rules.comments import Place
from bot.rules.ids import CommitSha
from bot.rules.path_patterns import touched
from bot.store.projects import Project, Repository


async def among(context: Context, repository: Repository, place: Place, projects: Sequence[Project]) -> list[Project]:
    """The projects that a comment is about; all of them if none has paths, or if not all changed files are known."""
    if not any(project.paths for project in projects):
        return list(projects)
    files, complete = await _files(context.client_for(repository), place)
    if not complete:
        return list(projects)
    names = touched({project.name: project.paths for project in projects}, files)
    return [project for project in projects if project.name in names]


async def _files(client: RepositoryClient, place: Place) -> tuple[list[str], bool]:
    """The files that the pull request or commit changes, with the former names of those that it renames."""
    if place.thread == "commit":
        return await commits.files(client, CommitSha(place.thread_id))
    changed, complete = await pull_requests.files(client, int(place.thread_id))
    former = [file.previous_name for file in changed if file.previous_name is not None]
    return [*(file.name for file in changed), *former], complete
