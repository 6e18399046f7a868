"""Proofs that a commit is on an allowed branch of its repository."""

from dataclasses import dataclass
from datetime import datetime

from bot.context import Context
from bot.errors import Refusal, RepositoryNotFound
from bot.github import commits
from bot.github import repositories as github_repositories
from bot.operations import branch_search
from bot.rules.commits import INVALID, parse_sha, why_not_releasable
from bot.rules.ids import CommitSha
from bot.rules.projects import branches_to_search
from bot.store.projects import Project, Repository


@dataclass(frozen=True)
class ProvenCommit:
    """A commit that is on an allowed branch. `tip_at` is when it was seen to be the branch's tip, if it was."""

    sha: CommitSha
    branch: str
    tip_at: datetime | None


async def prove(context: Context, project: Project, repository: Repository, commit: str, release: str) -> ProvenCommit:
    """Prove, by asking GitHub, that a commit is on an allowed branch. Refuses one that is on none.

    The default branch is searched first, so that the common case is one call.
    """
    sha, client, asked_at = parse_sha(commit), context.client_for(repository), context.now()
    patterns = branches_to_search(project.allowed_branches, repository.default_branch)
    branch, unseen = await branch_search.find(client, sha, patterns, release)
    if branch is not None:
        return ProvenCommit(sha, branch.name, asked_at if branch.position == "tip" else None)
    if await github_repositories.get(client) is None:
        raise RepositoryNotFound(repo=repository.full_name)
    exists = await commits.exists(client, sha)
    reason = "; ".join((why_not_releasable(patterns, exists=exists), *unseen))
    raise Refusal(INVALID, commit=sha, reason=reason)
