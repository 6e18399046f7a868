"""Git tags. https://docs.github.com/en/rest/git/refs"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from bot.errors import NotFound, Refusal, Unavailable
from bot.github.fields import optional_text, required, required_text, required_time
from bot.github.limits import UNAVAILABLE
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError, is_permission_missing
from bot.rules.ids import CommitSha

ARCHIVED = "The repository is archived on GitHub, where nothing can be tagged or run: unarchive it, then try again."


async def commit_of(repository: RepositoryClient, tag: str) -> CommitSha | None:
    """The commit that a tag points to, annotated tags peeled; None when there is no such tag."""
    try:
        ref = await repository.request("GET", f"{repository.root}/git/ref/tags/{quote(tag, safe='/')}")
        target = required(ref.data, "object")
        while target["type"] == "tag":
            annotated = await repository.request("GET", f"{repository.root}/git/tags/{target['sha']}")
            target = required(annotated.data, "object")
    except ApiError as error:
        error.raise_unless(404, 409)
        return None
    return CommitSha(str(target["sha"])) if target["type"] == "commit" else None


@dataclass(frozen=True)
class TagObject:
    """An annotated tag: its object's SHA, the commit that it points to, its message, and who tagged when.

    `commit` is None when it points to something else. Very old tags have no tagger.
    """

    sha: str
    commit: CommitSha | None
    message: str
    tagger_email: str | None
    tagged_at: datetime | None


async def annotated(repository: RepositoryClient, tag_sha: str) -> TagObject | None:
    """Get an annotated tag by the SHA of its object; None when there is none, as for a lightweight tag's commit."""
    try:
        data = (await repository.request("GET", f"{repository.root}/git/tags/{quote(tag_sha, safe='')}")).data
    except ApiError as error:
        error.raise_unless(404, 409, 422)
        return None
    target, tagger = required(data, "object"), data.get("tagger") or {}
    return TagObject(
        sha=required_text(data, "sha"),
        commit=CommitSha(str(target["sha"])) if target["type"] == "commit" else None,
        message=optional_text(data, "message") or "",
        tagger_email=optional_text(tagger, "email"),
        tagged_at=required_time(tagger, "date") if optional_text(tagger, "date") else None,
    )


async def create(repository: RepositoryClient, tag: str, sha: CommitSha) -> CommitSha | None:
    """Create a lightweight tag and return None; if a tag of that name exists already, return the commit it points to.

    Refuses when a ruleset forbids the tag, or the App lacks the permission that the commit's workflow files need.
    """
    try:
        await _create(repository, {"ref": f"refs/tags/{tag}", "sha": sha})
    except ApiError as error:
        if error.status == 422 and "already exists" in error.message.lower():
            return await _existing(repository, tag)
        if error.status == 401:
            raise
        raise Refusal(_why_refused(tag, error)) from error
    return None


async def _create(repository: RepositoryClient, body: dict[str, str]) -> None:
    """Create a ref; with the permission to change workflows only where GitHub refuses it without and the App has it."""
    url = f"{repository.root}/git/refs"
    try:
        await repository.request("POST", url, purpose="tag", data=body)
    except ApiError as error:
        if not _is_permission_missing(error):
            raise
        try:
            await repository.request("POST", url, purpose="tag changed workflows", data=body)
        except NotFound:  # no token with that permission
            raise error from None


def _is_permission_missing(error: ApiError) -> bool:
    return error.status == 404 or (error.status == 403 and is_permission_missing(error.message))


async def _existing(repository: RepositoryClient, tag: str) -> CommitSha:
    commit = await commit_of(repository, tag)
    if commit is None:
        raise Unavailable(UNAVAILABLE, reason=f"it reports that the tag {tag} exists, but does not return it")
    return commit


def _why_refused(tag: str, error: ApiError) -> str:
    if "archived" in error.message:
        return ARCHIVED
    if _is_permission_missing(error):
        return (
            f"GitHub refused to create the tag `{tag}`: the commit's workflow files differ from the default branch's, "
            "which needs the permission `workflows: write`; or the App lacks `contents: write`."
        )
    if "rule violation" in error.message.lower():
        return f"A ruleset of the repository forbids the tag `{tag}`: let the App bypass it. ({error.message})"
    return f"GitHub refused to create the tag `{tag}`: {error.message}"


@dataclass(frozen=True)
class ListedTag:
    """A tag in a list: `target` is the SHA that it points to, that of a commit unless the tag is annotated."""

    name: str
    target: str
    is_commit: bool


async def listed(repository: RepositoryClient, prefix: str) -> list[ListedTag]:
    """The tags that begin with a prefix. An unchanged list costs a conditional request."""
    try:
        refs = await repository.list(f"{repository.root}/git/matching-refs/tags/{quote(prefix, safe='/')}")
    except ApiError as error:
        error.raise_unless(404, 409)
        return []
    return [
        ListedTag(
            name=required_text(ref, "ref").removeprefix("refs/tags/"),
            target=required_text(required(ref, "object"), "sha"),
            is_commit=required_text(required(ref, "object"), "type") == "commit",
        )
        for ref in refs
    ]
