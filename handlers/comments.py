"""`issue_comment` and `commit_comment`: comments that may carry commands."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import comments
from bot.rules.comments import CommandComment, Thread
from bot.rules.ids import CommentId, GitHubUserId, RepositoryId


def on_issue_comment(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a new comment on a pull request; edits, deletions and comments on plain issues are ignored."""
    if payload["action"] == "created" and "pull_request" in payload["issue"]:
        return _on_created(context, payload, "pull", str(payload["issue"]["number"]))
    return None


def on_commit_comment(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a new comment on a commit."""
    if payload["action"] == "created":
        return _on_created(context, payload, "commit", str(payload["comment"]["commit_id"]))
    return None


def _on_created(context: Context, payload: Mapping[str, Any], thread: Thread, thread_id: str) -> Awaitable[None] | None:
    comment, author = payload["comment"], payload["comment"]["user"]
    if author["type"] == "Bot":
        return None
    return comments.on_comment(
        context,
        CommandComment(
            repository_id=RepositoryId(int(payload["repository"]["id"])),
            thread=thread,
            thread_id=thread_id,
            comment_id=CommentId(int(comment["id"])),
            author_id=GitHubUserId(int(author["id"])),
            author=str(author["login"]),
            body=str(comment["body"]),
            created_at=str(comment["created_at"]),
        ),
    )
