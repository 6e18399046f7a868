"""`push` of tags: a tag that a person pushes may cut a candidate, and candidates' own tags are watched."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import tags
from bot.rules.ids import CommitSha, GitHubUserId
from bot.rules.tags import TagPush
from handlers.fields import id_of, part, repository_id

TAGS = "refs/tags/"


def on_push(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a tag that was created, moved or deleted. Branches are ignored.

    `after` of an annotated tag is the tag object; the commit is that of `head_commit`.
    """
    ref, repository = payload.get("ref"), repository_id(payload)
    if repository is None or not isinstance(ref, str) or not ref.startswith(TAGS):
        return None
    commit, sender = part(payload, "head_commit").get("id"), part(payload, "sender")
    sender_id, login, email = id_of(sender), sender.get("login"), part(payload, "pusher").get("email")
    target, pushed_at = payload.get("after"), part(payload, "repository").get("pushed_at")
    return tags.on_push(
        context,
        TagPush(
            repository=repository,
            tag=ref.removeprefix(TAGS),
            commit=CommitSha(commit) if isinstance(commit, str) and not payload.get("deleted") else None,
            deleted=bool(payload.get("deleted")),
            sender_id=None if sender_id is None else GitHubUserId(sender_id),
            sender=login if isinstance(login, str) else "somebody",
            delivery=guid,
            object=target if isinstance(target, str) and not payload.get("deleted") else None,
            by_bot=sender.get("type") == "Bot",
            email=email if isinstance(email, str) else None,
            pushed_at=pushed_at if type(pushed_at) is int else None,
        ),
    )
