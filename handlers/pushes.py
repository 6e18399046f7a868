"""`push` of tags: a tag that a person pushes may cut a candidate, and candidates' own tags are watched."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import tags
from bot.rules.ids import CommitSha, GitHubUserId, RepositoryId
from bot.rules.tags import TagPush

TAGS = "refs/tags/"


def on_push(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a tag that was created, moved or deleted. Branches are ignored.

    `after` of an annotated tag is the tag object; the commit is that of `head_commit`.
    """
    ref = str(payload["ref"])
    if not ref.startswith(TAGS):
        return None
    head, sender = payload.get("head_commit"), payload["sender"]
    return tags.on_push(
        context,
        TagPush(
            repository=RepositoryId(int(payload["repository"]["id"])),
            tag=ref.removeprefix(TAGS),
            commit=None if payload["deleted"] or head is None else CommitSha(str(head["id"])),
            sender_id=GitHubUserId(int(sender["id"])),
            sender=str(sender["login"]),
            delivery=guid,
        ),
    )
