"""Repositories: find, store and check them, and record the ones that the App can no longer reach."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bot.context import Context
from bot.errors import NotFound
from bot.events.administration import RepositoryChanged, RepositoryUnreachable
from bot.github import repositories
from bot.github.repositories import RepositoryFact
from bot.operations import events, jobs
from bot.queue.jobs import enqueue
from bot.rules.ids import InstallationId, RepositoryId
from bot.store.database import transaction
from bot.store.projects import Project, Repository


async def find(context: Context, full_name: str) -> RepositoryFact:
    """Find a repository on GitHub by its name. NotFound when it does not exist or the App is not installed on it."""
    fact = await repositories.find(context.github, full_name)
    if fact is None:
        raise NotFound("GitHub repository not found", repo=full_name)
    return fact


async def upsert(context: Context, fact: RepositoryFact) -> Repository:
    """Store the state of a repository: create or update its row, with an audit entry of changes."""
    values = {
        "full_name": fact.full_name,
        "default_branch": fact.default_branch,
        "private": fact.private,
        "archived": fact.archived,
        "installation_id": fact.installation_id,
    }
    async with transaction():
        row, created = await Repository.get_or_create(
            github_id=fact.id, defaults={**values, "checked_at": context.now()}
        )
        if not created:
            await _update(context, row, values)
    return row


async def mark_unreachable(
    context: Context, github_id: RepositoryId, reason: str, installation: InstallationId | None = None
) -> None:
    """Record that a repository can no longer be reached, with an alarm for each project that is released from it.

    With `installation`, nothing changes if another installation reaches the repository meanwhile.
    """
    async with transaction():
        row = await Repository.select_for_update().get_or_none(github_id=github_id)
        if row is None or row.installation_id is None or installation not in (None, row.installation_id):
            return
        await _update(context, row, {"installation_id": None})
        for project in await Project.filter(repository_id=github_id):
            await events.record(
                context, RepositoryUnreachable(project_id=project.id, full_name=row.full_name, reason=reason)
            )


async def installation_removed(context: Context, installation: InstallationId, reason: str) -> None:
    """Record that an installation was removed or suspended, and its repositories as unreachable."""
    context.github.forget(installation)
    for row in await Repository.filter(installation_id=installation):
        await mark_unreachable(context, row.github_id, reason, installation)


async def installation_changed(
    context: Context, installation: InstallationId, added: list[RepositoryId], removed: list[RepositoryId]
) -> None:
    """Record that an installation reaches other repositories, or got other permissions.

    Jobs check all known repositories that it reaches now.
    """
    context.github.forget(installation)
    for github_id in removed:
        await mark_unreachable(context, github_id, "it was removed from the App's installation", installation)
    async with transaction():
        await Repository.filter(github_id__in=added).update(installation_id=installation)
        for row in await Repository.filter(installation_id=installation):
            await schedule_check(row.github_id)


async def schedule_check(github_id: RepositoryId, *, once: bool = False) -> None:
    """Enqueue a job that checks a repository; does nothing for an unknown one.

    With `once`, a check that is unfinished makes this one superfluous; without, it may have started before the change
    that this one is to see.
    """
    if await Repository.exists(github_id=github_id):
        await enqueue(jobs.CheckRepository(github_id, once))


async def check(context: Context, job: jobs.CheckRepository) -> None:
    """Job: update a repository's row from GitHub, or mark it as unreachable."""
    row = await Repository.get(github_id=job.repository)
    fact = None if row.installation_id is None else await repositories.get(context.client_for(row))
    if fact is None:  # the App may have been reinstalled
        with suppress(NotFound):
            fact = await repositories.find(context.github, row.full_name)
    if fact is not None and fact.id == row.github_id:
        await upsert(context, fact)
    else:
        await mark_unreachable(context, row.github_id, "the App can no longer see it on GitHub")


async def _update(context: Context, row: Repository, values: Mapping[str, Any]) -> None:
    """Update a repository's row, with an audit entry of the old and new values."""
    old = {name: getattr(row, name) for name, value in values.items() if getattr(row, name) != value}
    new = {name: values[name] for name in old}
    async with transaction():
        if old:
            await events.record(context, RepositoryChanged(target=row.full_name, old=old, new=new))
        row.update_from_dict({**new, "checked_at": context.now()})
        await row.save(update_fields=[*new, "checked_at"])
