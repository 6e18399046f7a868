"""The search for an allowed branch that a commit is on."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.github import branches
from bot.github.branches import Position
from bot.github.repository import RepositoryClient
from bot.rules.commits import is_glob, likely_first, matches
from bot.rules.ids import CommitSha

MAX_BRANCHES = 200  # that a commit is compared with for one glob
CONCURRENT_COMPARISONS = 10


@dataclass(frozen=True)
class BranchWithCommit:
    """A branch, and where on it a commit is."""

    name: str
    position: Position


async def find(
    client: RepositoryClient, sha: CommitSha, patterns: Sequence[str], release: str
) -> tuple[BranchWithCommit | None, list[str]]:
    """Find a branch, of those that match the patterns, that a commit is on. None comes with what was not looked at.

    Named branches are compared one by one, in their order: in the common case, the first is it. Of those that match a
    glob, the ones whose tip is the commit are asked for; then the likely ones for the release are compared.
    """
    for name in (pattern for pattern in patterns if not is_glob(pattern)):
        if (found := await _on_one_of(client, sha, [name])) is not None:
            return found, []
    globs, unseen = [pattern for pattern in patterns if is_glob(pattern)], []
    tips = await branches.with_tip(client, sha) if globs else None
    if tips is None:
        return None, []
    for name in tips:
        if any(matches(name, glob) for glob in globs):
            return BranchWithCommit(name, "tip"), []
    for glob in globs:
        prefix = glob.partition("*")[0]
        names, complete = await branches.names(client, prefix)
        matching = likely_first((name for name in names if matches(name, glob)), prefix, release)
        looked_at = matching[:MAX_BRANCHES]
        if (found := await _on_one_of(client, sha, looked_at)) is not None:
            return found, []
        if len(matching) > len(looked_at) or not complete:
            unseen.append(_unseen(glob, looked_at, f"{'' if complete else 'over '}{len(matching):,}"))
    return None, unseen


async def _on_one_of(client: RepositoryClient, sha: CommitSha, names: list[str]) -> BranchWithCommit | None:
    for start in range(0, len(names), CONCURRENT_COMPARISONS):
        batch = names[start : start + CONCURRENT_COMPARISONS]
        positions = await asyncio.gather(*(branches.position(client, name, sha) for name in batch))
        for name, position in zip(batch, positions, strict=True):
            if position is not None:
                return BranchWithCommit(name, position)
    return None


def _unseen(glob: str, looked_at: list[str], count: str) -> str:
    seen = f"only {len(looked_at)} were looked at, from `{looked_at[0]}` to `{looked_at[-1]}`" if looked_at else "none"
    return f"of {count} branches that match `{glob}`, {seen}: add the commit's branch to `allowed_branches` by its name"
