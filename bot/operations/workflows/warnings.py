"""Workflow files that a setting names: whether GitHub could start them, asked when the setting has been saved."""

import asyncio
from collections.abc import Iterable

import structlog

from bot.context import Context
from bot.errors import DatabaseUnavailable, Problem
from bot.github import workflows
from bot.github.repository import RepositoryClient
from bot.github.workflows import DispatchDenied
from bot.rules.names import advice, in_words, unknown
from bot.rules.runs import workflow_file
from bot.store.projects import Environment, Project

TIMEOUT = 3.0  # seconds that a caller waits for GitHub
SLOW = "GitHub is slow"

log = structlog.get_logger()


async def about(
    context: Context, project_id: int, named: Iterable[str | None], *, tell_unchecked: bool = False
) -> list[str]:
    """Warn of workflow files that could not be started from the default branch of the project's repository.

    To be called by who has just been allowed to name them. Without a repository, and when GitHub does not answer in
    time, there are no warnings; with `tell_unchecked`, the latter is one.
    """
    files = [name for name in dict.fromkeys(named) if name is not None]
    project = await Project.get(id=project_id).select_related("repository")
    repository = project.repository
    if not files or repository is None or repository.installation_id is None or not context.github.is_configured:
        return []
    found: list[str] = []
    client = context.client_for(repository)
    try:
        async with asyncio.timeout(TIMEOUT):
            for name in files:
                found += await _warnings(client, name, repository.default_branch)
    except DatabaseUnavailable:
        raise
    except (Problem, TimeoutError) as error:
        log.info("workflow not checked", repository=repository.full_name, why=str(error) or SLOW)
        if tell_unchecked:
            found.append(f"Not checked on GitHub: {in_words(files)} ({_why(error)}).")
    return found


async def of_project(project_id: int) -> list[str | None]:
    """All workflow files that a project and its environments name, for when their repository has changed."""
    project = await Project.get(id=project_id)
    of_environments = await Environment.filter(project_id=project_id).values_list("workflow", flat=True)
    return [project.build_workflow, *(None if name is None else str(name) for name in of_environments)]


def _why(error: Exception) -> str:
    reason = error.details.get("reason") if isinstance(error, Problem) else None
    return ": ".join(filter(None, (str(error) or SLOW, reason)))


async def _warnings(client: RepositoryClient, name: str, branch: str) -> list[str]:
    try:
        await workflows.get_file(client, name, branch, branch)
    except DispatchDenied as denied:
        if not denied.missing:
            return [denied.sentence]
        names = await workflows.list_files(client, branch)
        return [f"{denied.sentence} {advice(unknown('workflow files', workflow_file(name), names))}"]
    return []
