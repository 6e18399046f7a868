"""How many commits what is live is behind the newest candidate: asked of GitHub once somebody looks at the board.

The answer for two commits never changes, so it is stored with their comparison. Nothing is asked for what nobody sees.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

import structlog

from bot.context import Context
from bot.errors import DatabaseUnavailable
from bot.operations import gate_answers
from bot.queue.jobs import Job, RetryLater, enqueue, unfinished_keys
from bot.rules.ids import CommitSha, RepositoryId
from bot.store.comparisons import StoredComparison
from bot.store.projects import Repository

READERS = -10
"""The priority of what is only shown, after all other work."""
log = structlog.get_logger()
MAX_AT_ONCE = 50
"""Comparisons that are asked for when a board is shown; the rest is asked for when it is shown again."""
AGAIN = timedelta(hours=6)
"""When GitHub is asked anew for a comparison that it did not give."""


@dataclass(frozen=True)
class CountChanges(Job):
    """Count the commits of `head` that are not in `base`."""

    kind: ClassVar[str] = "count_changes"
    priority: ClassVar[int] = READERS

    repository: RepositoryId
    base: CommitSha
    head: CommitSha

    @property
    def key(self) -> str:
        """Once per pair of commits."""
        return f"count-changes:{self.repository}:{self.base}:{self.head}"


async def request(pairs: Iterable[CountChanges], *, most: int = MAX_AT_ONCE) -> None:
    """Have some of the missing comparisons made, at most so many, but for those that have been requested already.

    Pages that show them are read as usual while the database takes no writes.
    """
    jobs = {job.key: job for job in pairs}
    requested = await unfinished_keys(list(jobs))
    try:
        for key in [key for key in jobs if key not in requested][:most]:
            await enqueue(jobs[key])
    except DatabaseUnavailable as error:
        log.warning("comparisons not requested", reason=error.sentence)


async def count(context: Context, job: CountChanges) -> None:
    """Job: compare two commits. What GitHub does not answer is asked for again some hours later."""
    repository = await Repository.get(github_id=job.repository)
    client = context.client_for(repository)
    problem = await gate_answers.store_comparison(context, client, job.base, job.head, with_authors=False)
    stored = await StoredComparison.get_or_none(repository_id=job.repository, base=job.base, head=job.head)
    if stored is None or stored.ahead_by is None:
        raise RetryLater(context.now() + AGAIN, problem or "GitHub did not say how the commits are related")
