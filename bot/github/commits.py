"""Commits. https://docs.github.com/en/rest/git/commits"""

from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.ids import CommitSha


async def exists(repository: RepositoryClient, sha: CommitSha) -> bool:
    """Whether GitHub finds a commit by its SHA in the repository. A commit of a fork is found too."""
    try:
        await repository.request("GET", f"{repository.root}/git/commits/{sha}")
    except ApiError as error:
        error.raise_unless(404, 409, 422)
        return False
    return True
