"""Commits. https://docs.github.com/en/rest/git/commits"""

from dataclasses import dataclass
from urllib.parse import quote

from bot.github.compare import commit_authors
from bot.github.fields import optional_text, required_text
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.authors import CommitAuthor, distinct
from bot.rules.ids import CommitSha

MAX_TOUCHING = 100
MAX_FILES = 3_000  # of a commit that GitHub lists


@dataclass(frozen=True)
class Touching:
    """A commit that changed a file, and who wrote it."""

    sha: CommitSha
    authors: tuple[CommitAuthor, ...]


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


async def touching(
    repository: RepositoryClient, path: str, sha: CommitSha, limit: int = MAX_TOUCHING
) -> tuple[list[Touching], bool]:
    """The commits up to one that changed a file, newest first, and whether they are all: at most so many are read."""
    url = f"{repository.root}/commits?sha={sha}&path={quote(path, safe='')}&per_page={limit}"
    listing = await repository.listing(url, max_pages=1)
    found = [Touching(CommitSha(required_text(each, "sha")), distinct(commit_authors(each))) for each in listing.items]
    return found, listing.complete


async def files(repository: RepositoryClient, sha: CommitSha) -> tuple[list[str], bool]:
    """The files that a commit changes, with the former names of those that it renames, and whether they are all.

    Of a commit that GitHub does not know, none are known.
    """
    try:
        listing = await repository.listing(f"{repository.root}/commits/{sha}", "files")
    except ApiError as error:
        error.raise_unless(404, 409, 422)
        return [], False
    names = [required_text(file, "filename") for file in listing.items]
    former = [optional_text(file, "previous_filename") for file in listing.items]
    return [*names, *(name for name in former if name is not None)], listing.complete and len(names) < MAX_FILES
