"""Which private repositories a person may read: asked of GitHub, for lists across projects."""

import asyncio
from dataclasses import replace

from bot.context import Context
from bot.errors import Refusal, Unavailable
from bot.github.transport import ApiError
from bot.rules.ids import GitHubUserId
from bot.rules.permissions import ROLES
from bot.store.projects import Repository

AT_ONCE = 8  # questions to GitHub


async def with_readable(context: Context) -> Context:
    """The context with the private repositories of projects that a person may read, as GitHub said within a minute.

    What GitHub does not answer counts as not readable. Other actors than people are returned as they are.
    """
    actor = context.actor
    if not actor.is_unconfirmed or actor.github_id is None:
        return context
    private = await Repository.filter(private=True, projects__isnull=False, installation_id__not_isnull=True).distinct()
    turns = asyncio.Semaphore(AT_ONCE)
    answers = await asyncio.gather(*(_reads(context, actor.github_id, each, turns) for each in private))
    readable = frozenset(each.github_id for each, may_read in zip(private, answers, strict=True) if may_read)
    return replace(context, actor=replace(actor, readable=readable))


async def _reads(context: Context, account: GitHubUserId, repository: Repository, turns: asyncio.Semaphore) -> bool:
    async with turns:
        try:
            client = context.client_for(repository)
            found = await context.github.people.role_of_account(client, account, context.actor.name, fresh=False)
        except (Refusal, Unavailable, ApiError):
            return False
    return found is not None and found[1] in ROLES
