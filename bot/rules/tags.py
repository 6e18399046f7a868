"""Git tags: those of candidates, and those that people push to cut one."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.rules.ids import CommitSha, GitHubUserId, ProjectId, RepositoryId


@dataclass(frozen=True)
class TagPush:
    """A tag that was pushed, and the commit it points to (annotated tags peeled); None when the tag was deleted.

    `sender_id` is None when GitHub does not tell who pushed it. `delivery` is the GUID of the webhook delivery that
    reported it.
    """

    repository: RepositoryId
    tag: str
    commit: CommitSha | None
    sender_id: GitHubUserId | None
    sender: str
    delivery: str


def tag_name(prefix: str, version: str) -> str:
    """The git tag of a candidate."""
    return f"{prefix}{version}"


def version_in_tag(tag: str, prefixes: Mapping[ProjectId, str]) -> tuple[ProjectId, str] | None:
    """The project with the longest prefix that matches a tag, and the text after the prefix; None without a match."""
    matching = [(len(prefix), project) for project, prefix in prefixes.items() if prefix and tag.startswith(prefix)]
    if not matching:
        return None
    length, project = max(matching)
    return project, tag[length:]
