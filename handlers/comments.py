"""`issue_comment` and `commit_comment`: what people say."""

from collections.abc import Mapping
from typing import Any

from bot.context import Context
from bot.operations import comments
from bot.operations.comments import Said


async def on_issue(context: Context, payload: Mapping[str, Any], guid: str) -> None:
    """Hear a new comment on a pull request; edits, deletions and plain issues are nothing to us."""
    if payload["action"] == "created" and "pull_request" in payload["issue"]:
        await _hear(context, payload, "pull", str(payload["issue"]["number"]))


async def on_commit(context: Context, payload: Mapping[str, Any], guid: str) -> None:
    """Hear a new comment on a commit."""
    if payload["action"] == "created":
        await _hear(context, payload, "commit", str(payload["comment"]["commit_id"]))


async def _hear(context: Context, payload: Mapping[str, Any], place: str, where: str) -> None:
    comment, author = payload["comment"], payload["comment"]["user"]
    if author["type"] == "Bot":
        return
    said = Said(
        repository=int(payload["repository"]["id"]),
        place=place,
        where=where,
        comment=int(comment["id"]),
        author_id=int(author["id"]),
        author=str(author["login"]),
        body=str(comment["body"]),
        at=str(comment["created_at"]),
    )
    await comments.hear(context, said)
