"""Repositories: what GitHub says about them, stored, and what a change means for their projects."""

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
    """Find a repository that the App is installed on by its name, at GitHub. NotFound when there is none."""
    fact = await repositories.find(context.github, full_name)
    if fact is None:
        raise NotFound("GitHub repository not found", repo=full_name)
    return fact


async def upsert(context: Context, fact: RepositoryFact) -> Repository:
    """Store what GitHub says about a repository: create its row or bring it up to date, auditing changes."""
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
    context: Context, github_id: RepositoryId, why: str, installation: InstallationId | None = None
) -> None:
    """Record that a repository can no longer be reached, with an alarm for each project that is released from it.

    With `installation`, nothing changes when another installation reaches the repository by now.
    """
    async with transaction():
        row = await Repository.select_for_update().get_or_none(github_id=github_id)
        if row is None or row.installation_id is None or installation not in (None, row.installation_id):
            return
        await _update(context, row, {"installation_id": None})
        for project in await Project.filter(repository_id=github_id):
            await events.record(context, RepositoryUnreachable(project_id=project.id, full_name=row.full_name, why=why))


async def installation_removed(context: Context, installation: InstallationId, why: str) -> None:
    """Record that an installation was removed or suspended, with all repositories that it reached."""
    context.github.forget(installation)
    for row in await Repository.filter(installation_id=installation):
        await mark_unreachable(context, row.github_id, why, installation)


async def installation_changed(
    context: Context, installation: InstallationId, added: list[RepositoryId], removed: list[RepositoryId]
) -> None:
    """Record that an installation reaches other repositories, or got other permissions in them.

    Those of ours that it now reaches, and those that it reached before, are checked.
    """
    context.github.forget(installation)
    for github_id in removed:
        await mark_unreachable(context, github_id, "it was taken from the App's installation", installation)
    async with transaction():
        await Repository.filter(github_id__in=added).update(installation_id=installation)
        for row in await Repository.filter(installation_id=installation):
            await schedule_check(row.github_id)


async def schedule_check(github_id: RepositoryId, *, once: bool = False) -> None:
    """Have a repository checked by a job, in the caller's transaction if one is open; ignores repositories not ours.

    A check that is already waiting makes this one superfluous only with `once`: it may have started before the change
    that this one is to see.
    """
    if await Repository.exists(github_id=github_id):
        await enqueue(jobs.CheckRepository(github_id, once))


async def check(context: Context, job: jobs.CheckRepository) -> None:
    """Job: ask GitHub about a repository's name, branch and visibility, and whether we still reach it."""
    row = await Repository.get(github_id=job.repository)
    fact = None if row.installation_id is None else await repositories.get(context.client_for(row))
    if fact is None:  # the App may have been installed anew
        with suppress(NotFound):
            fact = await repositories.find(context.github, row.full_name)
    if fact is not None and fact.id == row.github_id:
        await upsert(context, fact)
    else:
        await mark_unreachable(context, row.github_id, "GitHub does not show it to the App")


async def _update(context: Context, row: Repository, values: Mapping[str, Any]) -> None:
    """Bring a repository's row up to date; what changes is audited, before and after."""
    old = {name: getattr(row, name) for name, value in values.items() if getattr(row, name) != value}
    new = {name: values[name] for name in old}
    async with transaction():
        if old:
            await events.record(context, RepositoryChanged(target=row.full_name, old=old, new=new))
        row.update_from_dict({**new, "checked_at": context.now()})
        await row.save(update_fields=[*new, "checked_at"])
