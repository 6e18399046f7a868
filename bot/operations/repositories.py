"""Repositories: find, store and check them, and record the ones that the App can no longer see."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.context import Context
from bot.errors import NotFound, RepositoryNotFound
from bot.events.administration import RepositoryChanged, RepositoryUnreachable
from bot.github import repositories
from bot.github.repositories import RepositoryFact
from bot.operations import events, jobs
from bot.operations.config_jobs import ApplyConfiguration
from bot.queue.jobs import enqueue
from bot.rules.ids import InstallationId, RepositoryId
from bot.store.database import transaction
from bot.store.projects import Project, Repository

MAX_UNSEEN = timedelta(days=1)  # without a successful check, as when we were away or GitHub refuses our key


async def find(context: Context, full_name: str) -> RepositoryFact:
    """Find a repository on GitHub by its name. NotFound when it does not exist or the App is not installed on it."""
    fact = await repositories.find(context.github, full_name)
    if fact is None:
        raise RepositoryNotFound(repo=full_name)
    return fact


async def upsert(context: Context, fact: RepositoryFact) -> Repository:
    """Store the state of a repository: create or update its row, with an audit entry of changes."""
    values = _columns(fact)
    async with transaction():
        row, created = await Repository.get_or_create(
            github_id=fact.id, defaults={**values, "checked_at": context.now()}
        )
        if not created:
            await _update(context, row, values)
    return row


def unstored(fact: RepositoryFact) -> Repository:
    """The row that `upsert` would leave, without storing it."""
    return Repository(github_id=fact.id, **_columns(fact))


def _columns(fact: RepositoryFact) -> dict[str, Any]:
    return {
        "full_name": fact.full_name,
        "default_branch": fact.default_branch,
        "private": fact.private,
        "archived": fact.archived,
        "installation_id": fact.installation_id,
    }


async def mark_unreachable(
    context: Context, github_id: RepositoryId, reason: str, installation: InstallationId | None = None
) -> None:
    """Record that a repository can no longer be seen, with an alarm for each project that is released from it.

    It counts as private from then on, until GitHub shows it again: it may have been made private meanwhile. With
    `installation`, nothing changes if another installation reaches the repository meanwhile.
    """
    async with transaction():
        row = await Repository.select_for_update().get_or_none(github_id=github_id)
        if row is None or row.installation_id is None or installation not in (None, row.installation_id):
            return
        await _update(context, row, {"installation_id": None, "private": True})
        for project in await Project.filter(repository_id=github_id):
            await events.record(
                context, RepositoryUnreachable(project_id=project.id, full_name=row.full_name, reason=reason)
            )


async def hide_unseen(context: Context) -> None:
    """Treat public repositories that could not be checked for a day as private, until a check succeeds."""
    for row in await Repository.filter(private=False, checked_at__lt=context.now() - MAX_UNSEEN):
        async with transaction():
            if await Repository.filter(github_id=row.github_id, checked_at=row.checked_at).update(private=True):
                hidden = RepositoryChanged(target=row.full_name, old={"private": False}, new={"private": True})
                await events.record(context, hidden)


async def schedule_check(
    github_id: RepositoryId, *, once: bool = False, installation: InstallationId | None = None
) -> None:
    """Enqueue a job that checks a repository; does nothing for an unknown one.

    A check that is unfinished may have started before the change that this one is to see: then another one is enqueued,
    unless `once`. `installation` is one that may reach the repository by now.
    """
    if not await Repository.exists(github_id=github_id):
        return
    first = jobs.CheckRepository(github_id, installation=installation)
    if not await enqueue(first) and not once:
        await enqueue(replace(first, again=True))


async def check(context: Context, job: jobs.CheckRepository) -> None:
    """Job: update a repository's row from GitHub and have its configuration file read, or mark it as unreachable."""
    row = await Repository.get(github_id=job.repository)
    fact = await _find_again(context, row, job.installation)
    if fact is not None and fact.id == row.github_id:
        await upsert(context, fact)
        await enqueue(ApplyConfiguration(row.github_id))
    else:
        await mark_unreachable(context, row.github_id, "the App can no longer see it on GitHub")


async def _find_again(context: Context, row: Repository, other: InstallationId | None) -> RepositoryFact | None:
    """Ask for a repository by its id through the installations that may reach it, then by its name.

    The App may have been reinstalled.
    """
    for installation in dict.fromkeys((row.installation_id, other)):
        if installation is not None:
            client = context.github.client_for(installation, row.github_id, row.full_name)
            if (fact := await repositories.get(client)) is not None:
                return fact
    with suppress(NotFound):
        return await repositories.find(context.github, row.full_name)
    return None


async def _update(context: Context, row: Repository, values: Mapping[str, Any]) -> None:
    """Update a repository's row, with an audit entry of the old and new values."""
    old = {name: getattr(row, name) for name, value in values.items() if getattr(row, name) != value}
    new = {name: values[name] for name in old}
    async with transaction():
        if old:
            await events.record(context, RepositoryChanged(target=row.full_name, old=old, new=new))
        row.update_from_dict({**new, "checked_at": context.now()})
        await row.save(update_fields=[*new, "checked_at"])
