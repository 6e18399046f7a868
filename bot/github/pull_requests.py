"""Pull requests. https://docs.github.com/en/rest/pulls/pulls"""

from dataclasses import dataclass
from typing import Any

from bot.github.fields import optional_text, required, required_number, required_text
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.ids import CommitSha

MAX_FILES = 3_000


@dataclass(frozen=True)
class PullRequestFact:
    """A pull request: its head, the commit that merged it, if it is merged, and the branch that it is for."""

    number: int
    head_sha: CommitSha
    merged_sha: CommitSha | None
    base: str = ""


@dataclass(frozen=True)
class ChangedFile:
    """A file that a pull request changes.

    `status` is `added`, `removed`, `modified`, `renamed`, `copied`, `changed` or `unchanged`; `previous_name` is that
    of a file that was renamed.
    """

    name: str
    status: str
    previous_name: str | None = None


async def get(repository: RepositoryClient, number: int) -> PullRequestFact | None:
    """Get a pull request; None when it does not exist."""
    try:
        pull = (await repository.request("GET", f"{repository.root}/pulls/{number}")).data
    except ApiError as error:
        error.raise_unless(404)
        return None
    return _fact(pull)


async def files(
    repository: RepositoryClient, number: int, max_pages: int = MAX_FILES // 100
) -> tuple[list[ChangedFile], bool]:
    """The files that a pull request changes, and whether they are all: GitHub lists 3,000 at most, a hundred a page.

    Of a pull request that does not exist, none are known.
    """
    try:
        url = f"{repository.root}/pulls/{number}/files?per_page=100"
        listing = await repository.listing(url, max_pages=max_pages)
    except ApiError as error:
        error.raise_unless(404)
        return [], False
    return [_file(file) for file in listing.items], listing.complete and len(listing.items) < MAX_FILES


async def of_commit(repository: RepositoryClient, sha: CommitSha) -> list[PullRequestFact]:
    """The pull requests that a commit is in: the merged ones that brought it, and open ones; none if it is unknown."""
    try:
        pulls = await repository.list(f"{repository.root}/commits/{sha}/pulls?per_page=100")
    except ApiError as error:
        error.raise_unless(404, 409, 422)
        return []
    return [_fact(pull) for pull in pulls]


def _fact(pull: Any) -> PullRequestFact:
    """Read a pull request from GitHub's JSON; in lists, `merged_at` alone tells that it is merged."""
    merged = pull.get("merge_commit_sha") if pull.get("merged") or pull.get("merged_at") else None
    base = optional_text(pull.get("base") or {}, "ref") or ""
    return PullRequestFact(required_number(pull, "number"), required(pull, "head")["sha"], merged, base)


def _file(file: Any) -> ChangedFile:
    name, status = required_text(file, "filename"), required_text(file, "status")
    return ChangedFile(name, status, optional_text(file, "previous_filename"))
