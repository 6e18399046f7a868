"""The commits between two commits, remembered: the answer never changes."""

from cachetools import LRUCache

from bot.github import compare
from bot.github.repository import RepositoryClient
from bot.rules.commit_ranges import CommitRange
from bot.rules.ids import CommitSha, InstallationId

MAX_REMEMBERED = 512


class CommitRanges:
    """What lies between commits. What GitHub did not answer, or could not compare, is not remembered."""

    def __init__(self) -> None:
        self._known: LRUCache[tuple[int, int, str, str, int], CommitRange] = LRUCache(MAX_REMEMBERED)

    async def between(
        self, repository: RepositoryClient, base: CommitSha, head: CommitSha, limit: int
    ) -> CommitRange | None:
        """Compare two commits, as `compare.commits_between`, with the same errors."""
        key = (repository.installation, repository.id, base, head, limit)
        known: CommitRange | None = self._known.get(key)
        if known is None:
            known = await compare.commits_between(repository, base, head, limit)
            if known is not None:
                self._known[key] = known
        return known

    def forget(self, installation: InstallationId) -> None:
        """Drop what is remembered from an installation."""
        for key in [key for key in self._known if key[0] == installation]:
            self._known.pop(key, None)
