"""Comparisons of two commits. https://docs.github.com/en/rest/commits/commits#compare-two-commits"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from bot.github.fields import optional_text, required, required_number, required_text
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.authors import CommitAuthor, co_authors, distinct, from_signature
from bot.rules.commit_ranges import CommitLine, CommitRange
from bot.rules.ids import CommitSha, GitHubUserId

MAX_COMMIT_PAGES = 30
WEB_FLOW = "web-flow"
"""The account that commits what people do on GitHub's pages."""

ComparisonStatus = Literal["identical", "ahead", "behind", "diverged"]


@dataclass(frozen=True)
class Comparison:
    """How `head` relates to `base`, and who wrote the commits that head has and base has not.

    Not `complete`: there are more commits than were read, so authors may be missing.
    """

    status: ComparisonStatus
    ahead_by: int
    authors: tuple[CommitAuthor, ...]
    complete: bool

    @property
    def unlinked(self) -> tuple[str, ...]:
        """The names of the authors whose accounts GitHub does not know."""
        return tuple(author.name for author in self.authors if not author.is_linked)


async def compare(
    repository: RepositoryClient, base: CommitSha, head: CommitSha, max_pages: int = MAX_COMMIT_PAGES
) -> Comparison | None:
    """Compare two commits, with all commits between them, one request for each hundred.

    None when GitHub does not know one of them, or they have no common ancestor.
    """
    try:
        url = f"{repository.root}/compare/{base}...{head}?per_page=100&page=1"
        data, next_url = await repository.request("GET", url)
    except ApiError as error:
        error.raise_unless(404, 409, 422)
        return None
    commits = list(required(data, "commits"))
    complete = next_url is None
    if next_url is not None and max_pages > 1:
        rest = await repository.listing(next_url, "commits", max_pages - 1)
        commits, complete = commits + rest.items, rest.complete
    ahead_by = required_number(data, "ahead_by")
    return Comparison(
        status=cast("ComparisonStatus", required_text(data, "status")),
        ahead_by=ahead_by,
        authors=distinct(author for commit in commits for author in commit_authors(commit)),
        complete=complete and len(commits) >= ahead_by,
    )


async def authors_of(repository: RepositoryClient, sha: CommitSha) -> tuple[CommitAuthor, ...] | None:
    """The authors of one commit; None when GitHub does not know it."""
    try:
        url = f"{repository.root}/commits?sha={sha}&per_page=1"
        commits = (await repository.request("GET", url)).data
    except ApiError as error:
        error.raise_unless(404, 409, 422)
        return None
    return distinct(author for commit in commits for author in commit_authors(commit))


def commit_authors(data: Any) -> Iterator[CommitAuthor]:
    """Read from GitHub's JSON who wrote a commit: its author, its committer, and whom its message names."""
    commit = required(data, "commit")
    yield _author(data.get("author"), commit.get("author") or {})
    committer = data.get("committer")
    if not committer or committer.get("login") != WEB_FLOW:  # anybody may write its address into a commit
        yield _author(committer, commit.get("committer") or {})
    yield from co_authors(optional_text(commit, "message") or "")


def _author(account: Any, signature: Any) -> CommitAuthor:
    name = optional_text(signature, "name") or ""
    if account:  # GitHub may return an empty object for an account that it does not know
        return CommitAuthor(GitHubUserId(required_number(account, "id")), required_text(account, "login"), name)
    return from_signature(name, optional_text(signature, "email") or "")


async def commits_between(
    repository: RepositoryClient, base: CommitSha, head: CommitSha, limit: int
) -> CommitRange | None:
    """Compare two commits in one request, with at most `limit` of the commits between them: the oldest.

    None when GitHub does not know one of the two, or they have no common ancestor.
    """
    try:
        url = f"{repository.root}/compare/{base}...{head}?per_page={limit}&page=1"
        data = (await repository.request("GET", url)).data
    except ApiError as error:
        error.raise_unless(404, 409, 422)
        return None
    return CommitRange(
        ahead_by=required_number(data, "ahead_by"),
        behind_by=required_number(data, "behind_by"),
        commits=tuple(_line(commit) for commit in required(data, "commits")),
    )


def _line(data: Any) -> CommitLine:
    commit = required(data, "commit")
    account, signature = data.get("author") or {}, commit.get("author") or {}
    subject = (optional_text(commit, "message") or "").strip().partition("\n")[0].strip()
    author = optional_text(account, "login") or optional_text(signature, "name") or ""
    return CommitLine(CommitSha(required_text(data, "sha")), subject, author)
