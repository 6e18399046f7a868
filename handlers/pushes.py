"""`push` of tags: people's own cut candidates, and candidates' tags are watched."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import tags

TAGS = "refs/tags/"


def pushed(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Hear that a tag was created, moved or deleted. Branches are nothing to us.

    Of an annotated tag `after` is the tag object; its commit is that of `head_commit`.
    """
    ref = str(payload["ref"])
    if not ref.startswith(TAGS):
        return None
    head, sender = payload.get("head_commit"), payload["sender"]
    return tags.on_push(
        context,
        tags.TagPush(
            repository=int(payload["repository"]["id"]),
            tag=ref.removeprefix(TAGS),
            commit="" if payload["deleted"] or head is None else str(head["id"]),
            sender_id=int(sender["id"]),
            sender=str(sender["login"]),
            delivery=guid,
        ),
    )
