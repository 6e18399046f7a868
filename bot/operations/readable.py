"""Which private repositories a person may read: asked of GitHub, for lists across projects.

That somebody may not read one is remembered for ten minutes, and of strangers only so much is asked within a time
(`bot/github/strangers.py`): anybody with an account on GitHub can sign in, and cause no more than that.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from bot.context import Context
from bot.errors import Refusal, Unavailable
from bot.rules.ids import GitHubUserId, RepositoryId
from bot.rules.permissions import ROLES
from bot.store.projects import Repository

AT_ONCE = 8  # questions to GitHub


async def with_readable(context: Context) -> Context:
    """The context with the private repositories of projects that a person may read, as GitHub said lately.

    What GitHub does not answer, or is not asked, counts as not readable. Other actors than people, and those limited to
    one project, are returned as they are.
    """
    actor = context.actor
    if not actor.is_unconfirmed or actor.github_id is None or actor.project_id is not None:
        return context
    rows = Repository.filter(private=True, projects__isnull=False, installation_id__not_isnull=True)
    private = in_turn(await rows.distinct(), context.github.people.strangers.last_asked(actor.github_id))
    turns = asyncio.Semaphore(AT_ONCE)
    answers = await asyncio.gather(*(_reads(context, actor.github_id, each, turns) for each in private))
    readable = frozenset(each.github_id for each, may_read in zip(private, answers, strict=True) if may_read)
    return replace(context, actor=replace(actor, readable=readable))


def in_turn(repositories: Iterable[Repository], last: RepositoryId) -> list[Repository]:
    """Repositories by their ids, beginning after the last one that was asked about: each has its turn in the end."""
    return sorted(repositories, key=lambda each: (each.github_id <= last, each.github_id))


async def _reads(context: Context, account: GitHubUserId, repository: Repository, turns: asyncio.Semaphore) -> bool:
    async with turns:
        try:
            client = context.client_for(repository)
            role = await context.github.people.own_role(client, account, context.actor.name, fresh=False, private=True)
        except (Refusal, Unavailable):
            return False
    return role in ROLES
