"""Installations of the App: what events say about them is a hint, and GitHub is asked before it is believed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tortoise.queryset import QuerySet

from bot.context import Context
from bot.github import installations
from bot.operations import jobs, repositories
from bot.operations.config_jobs import ApplyConfiguration
from bot.queue.jobs import enqueue
from bot.rules.ids import InstallationId, RepositoryId
from bot.store import queries
from bot.store.projects import Repository

MAX_NEW = 100  # repositories whose files are read because of one event


@dataclass(frozen=True)
class InstallationHint:
    """What an event says about an installation: its account, and repositories that it reaches, or no longer reaches."""

    installation: InstallationId
    account: str = ""
    added: Sequence[RepositoryId] = ()
    removed: Sequence[RepositoryId] = ()


async def on_event(context: Context, hint: InstallationHint) -> None:
    """Handle an event: enqueue a check of the installation, and of the repositories that it seems to have won or lost.

    An event that concerns no known repository, as when somebody else installs the App, causes no request. At most two
    checks of an installation are unfinished: one that may have started before the event, and one that has not.
    """
    won = [row for row in await queries.find_reachability(hint.added) if row["installation_id"] != hint.installation]
    lost = [row for row in await queries.find_reachability(hint.removed) if row["installation_id"] == hint.installation]
    for row in won:
        await repositories.schedule_check(row["github_id"], installation=hint.installation)
    for row in lost:
        await repositories.schedule_check(row["github_id"])
    if won or lost or await _is_concerned(hint):
        first = jobs.CheckInstallation(hint.installation)
        if not await enqueue(first):
            await enqueue(replace(first, again=True))
    await _read_new(hint)


async def _read_new(hint: InstallationHint) -> None:
    """Have the configuration files of repositories read that an installation of known ones reaches from now on."""
    if hint.added and await Repository.exists(installation_id=hint.installation):
        known = {row.github_id for row in await Repository.filter(github_id__in=list(hint.added)).only("github_id")}
        for repository in [each for each in hint.added if each not in known][:MAX_NEW]:
            await enqueue(ApplyConfiguration(repository, installation=hint.installation))


async def check(context: Context, job: jobs.CheckInstallation) -> None:
    """Job: ask GitHub about an installation, and mark its repositories as unreachable if it is gone or suspended.

    Otherwise the repositories of its account that could not be seen are checked. Its tokens and cached responses are
    dropped: it may have other permissions by now.
    """
    context.github.forget(job.installation)
    fact = await installations.get(context.github, job.installation)
    if fact is None or fact.suspended:
        reason = "the App's installation was removed" if fact is None else "the App's installation is suspended"
        for repository in await Repository.filter(installation_id=job.installation):
            await repositories.mark_unreachable(context, repository.github_id, reason, job.installation)
        return
    for repository in await _unseen(fact.account):
        await repositories.schedule_check(repository.github_id, installation=job.installation)


async def _is_concerned(hint: InstallationHint) -> bool:
    reached = Repository.exists(installation_id=hint.installation)
    return await reached or bool(hint.account and await _unseen(hint.account).exists())


def _unseen(account: str) -> QuerySet[Repository]:
    """The repositories of an account that no installation reaches, as far as we know."""
    return Repository.filter(installation_id=None, full_name__istartswith=f"{account}/")
