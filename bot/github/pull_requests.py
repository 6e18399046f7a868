"""Pull requests. https://docs.github.com/en/rest/pulls/pulls"""

from dataclasses import dataclass

from bot.github.fields import required
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.ids import CommitSha


@dataclass(frozen=True)
class PullRequestFact:
    """A pull request: its head, and the commit that merged it, if it is merged."""

    number: int
    head_sha: CommitSha
    merged_sha: CommitSha | None


async def get(repository: RepositoryClient, number: int) -> PullRequestFact | None:
    """Get a pull request; None when it does not exist."""
    try:
        pull = (await repository.request("GET", f"{repository.root}/pulls/{number}")).data
    except ApiError as error:
        error.raise_unless(404)
        return None
    merged = pull.get("merge_commit_sha") if pull.get("merged") else None
    return PullRequestFact(number, required(pull, "head")["sha"], merged)
