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


async def find(repository: RepositoryClient, digits: str) -> CommitSha | None:
    """The full SHA of the commit whose SHA begins with some digits; None if GitHub finds none, or several.

    A commit of a fork is found too. A branch or tag with these digits for a name hides the commit.
    """
    try:
        commit, _ = await repository.request("GET", f"{repository.root}/commits/{digits}")
    except ApiError as error:
        error.raise_unless(404, 409, 422)
        return None
    sha = str(commit["sha"])
    return CommitSha(sha) if sha.startswith(digits) else None
