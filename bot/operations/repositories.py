"""Repositories: what GitHub says of them, remembered, and what becomes of their projects when they change."""

from contextlib import suppress
from typing import Any

from bot.context import Context
from bot.errors import NotFound
from bot.github.facts import RepositoryFact
from bot.operations import audit
from bot.queue.jobs import enqueue
from bot.store.database import transaction
from bot.store.projects import Project, Repository


async def find(context: Context, full_name: str) -> RepositoryFact:
    """A repository that the App is installed on, asked of GitHub by its name."""
    fact = await context.github.find(full_name)
    if fact is None:
        raise NotFound("GitHub repository not found", repo=full_name)
    return fact


async def upsert(context: Context, fact: RepositoryFact) -> Repository:
    """Remember what GitHub says of a repository: its row is made or brought up to date, and changes are audited."""
    values = {
        "full_name": fact.full_name,
        "default_branch": fact.default_branch,
        "private": fact.private,
        "archived": fact.archived,
        "installation_id": fact.installation_id,
    }
    async with transaction():
        row, made = await Repository.get_or_create(github_id=fact.id, defaults={**values, "checked_at": context.now()})
        if not made:
            await change(context, row, values)
    return row


async def change(context: Context, row: Repository, values: dict[str, Any]) -> None:
    """Bring a repository's row up to date; what is new is audited, with before and after."""
    before = {name: getattr(row, name) for name, value in values.items() if getattr(row, name) != value}
    after = {name: values[name] for name in before}
    async with transaction():
        if before:
            await audit.record(context, "repository.change", row.full_name, before=before, after=after)
        row.update_from_dict({**after, "checked_at": context.now()})
        await row.save(update_fields=[*after, "checked_at"])


async def mark_unreachable(context: Context, github_id: int, why: str, installation: int | None = None) -> None:
    """Take note that a repository cannot be reached any more: an alarm for each project that is released from it.

    Where an installation is named, another one that reaches the repository meanwhile goes on doing so.
    """
    async with transaction():
        row = await Repository.select_for_update().get_or_none(github_id=github_id)
        if row is None or row.installation_id is None or installation not in (None, row.installation_id):
            return
        await change(context, row, {"installation_id": None})
        for project in await Project.filter(repository_id=github_id):
            await audit.alarm(context, "repository.unreachable", row.full_name, project=project.id, after={"why": why})


async def installation_gone(context: Context, installation: int, why: str) -> None:
    """Take note that an installation was removed or suspended, with all repositories that it reached."""
    context.github.forget(installation)
    for row in await Repository.filter(installation_id=installation):
        await mark_unreachable(context, row.github_id, why, installation)


async def reached(context: Context, installation: int, added: list[int], removed: list[int]) -> None:
    """Take note that an installation reaches other repositories, or may do other things in them.

    Those of ours that it has come to reach, and those that it reached before, are looked at anew.
    """
    context.github.forget(installation)
    for github_id in removed:
        await mark_unreachable(context, github_id, "it was taken from the App's installation", installation)
    async with transaction():
        await Repository.filter(github_id__in=added).update(installation_id=installation)
        for row in await Repository.filter(installation_id=installation):
            await schedule_check(row.github_id)


async def schedule_check(github_id: int, key: str | None = None) -> None:
    """Have a repository looked at by a job, in the caller's transaction if one is open; others than ours are not.

    Without a key another look is not enough: it may have begun before what this one is to see.
    """
    if await Repository.exists(github_id=github_id):
        await enqueue("check_repository", {"repository": github_id}, key=key, lock=f"repository:{github_id}")


async def check(context: Context, row: Repository) -> None:
    """Ask GitHub what a repository is like now: its name, branch, visibility, and whether we still reach it."""
    fact = None if row.installation_id is None else await context.at(row).fact()
    if fact is None:  # it may have been installed anew
        with suppress(NotFound):
            fact = await context.github.find(row.full_name)
    if fact is not None and fact.id == row.github_id:
        await upsert(context, fact)
    else:
        await mark_unreachable(context, row.github_id, "GitHub does not show it to the App")
