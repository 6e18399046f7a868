"""`issue_comment` and `commit_comment`: what people say."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import comments
from bot.operations.comments import CommandComment


def on_issue(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Hear a new comment on a pull request; edits, deletions and plain issues are nothing to us."""
    if payload["action"] == "created" and "pull_request" in payload["issue"]:
        return _hear(context, payload, "pull", str(payload["issue"]["number"]))
    return None


def on_commit(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Hear a new comment on a commit."""
    if payload["action"] == "created":
        return _hear(context, payload, "commit", str(payload["comment"]["commit_id"]))
    return None


def _hear(context: Context, payload: Mapping[str, Any], place: str, where: str) -> Awaitable[None] | None:
    comment, author = payload["comment"], payload["comment"]["user"]
    if author["type"] == "Bot":
        return None
    said = CommandComment(
        repository=int(payload["repository"]["id"]),
        place=place,
        where=where,
        comment=int(comment["id"]),
        author_id=int(author["id"]),
        author=str(author["login"]),
        body=str(comment["body"]),
        at=str(comment["created_at"]),
    )
    return comments.on_comment(context, said)
