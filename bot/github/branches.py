"""Branches, and the positions of commits on them."""

from typing import Literal
from urllib.parse import quote

from bot.github.fields import required
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.ids import CommitSha

Position = Literal["tip", "below"]


async def position(repository: RepositoryClient, branch: str, sha: CommitSha) -> Position | None:
    """The position of a commit on a branch of this repository: `tip`, `below` the tip, or None when it is not on it.

    That a commit exists proves nothing: commits of forks resolve too. The proof is that a comparison from the branch to
    the commit returns `behind` or `identical`. https://docs.github.com/en/rest/commits/commits#compare-two-commits
    """
    url = f"{repository.root}/compare/{quote(branch, safe='/')}...{sha}?per_page=1&page=2"
    try:
        comparison = (await repository.request("GET", url)).data
    except ApiError as error:
        error.raise_unless(404, 409, 422)
        return None
    # the SHA of a tag object is compared as the commit it points to, a branch of that name as its tip: refuse both
    if required(required(comparison, "merge_base_commit"), "sha") != sha:
        return None
    positions: dict[str, Position] = {"identical": "tip", "behind": "below"}
    return positions.get(required(comparison, "status"))


async def tip(repository: RepositoryClient, branch: str) -> CommitSha | None:
    """The commit at the tip of a branch; None when there is no such branch."""
    try:
        ref = (await repository.request("GET", f"{repository.root}/git/ref/heads/{quote(branch, safe='/')}")).data
    except ApiError as error:
        error.raise_unless(404, 409)
        return None
    return CommitSha(str(required(required(ref, "object"), "sha")))


async def with_tip(repository: RepositoryClient, sha: CommitSha) -> list[str] | None:
    """The names of the branches of this repository whose tip is a commit; None when GitHub knows no such commit."""
    try:
        tips = await repository.list(f"{repository.root}/commits/{sha}/branches-where-head")
    except ApiError as error:
        error.raise_unless(404, 409, 422)
        return None if error.status == 422 else []
    return [required(tip, "name") for tip in tips if required(required(tip, "commit"), "sha") == sha]


async def names(repository: RepositoryClient, prefix: str) -> tuple[list[str], bool]:
    """The names of the branches that begin with `prefix`, and whether they are all."""
    try:
        refs = await repository.listing(f"{repository.root}/git/matching-refs/heads/{quote(prefix, safe='/')}")
    except ApiError as error:
        error.raise_unless(404, 409)
        return [], True
    return [required(ref, "ref").removeprefix("refs/heads/") for ref in refs.items], refs.complete
