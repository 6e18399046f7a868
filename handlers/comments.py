"""`issue_comment` and `commit_comment`: comments that may carry commands."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import comments
from bot.operations.commands import GRAMMARS
from bot.rules.commands import may_hold_commands
from bot.rules.comments import CommandComment, Thread
from bot.rules.ids import CommentId, GitHubUserId
from handlers.fields import id_of, number, part, repository_id, text, timestamp


def on_issue_comment(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a new comment on a pull request; edits, deletions and comments on plain issues are ignored."""
    if payload.get("action") == "created" and part(payload, "issue").get("pull_request"):
        return _on_created(context, payload, "pull")
    return None


def on_commit_comment(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a new comment on a commit."""
    return _on_created(context, payload, "commit") if payload.get("action") == "created" else None


def _on_created(context: Context, payload: Mapping[str, Any], thread: Thread) -> Awaitable[None] | None:
    """Handle a comment if a person wrote it and it may hold commands. The account may have been deleted since."""
    comment, repository = part(payload, "comment"), repository_id(payload)
    author, body = part(comment, "user"), comment.get("body")
    if (
        repository is None
        or id_of(author) is None
        or not isinstance(body, str)
        or not may_hold_commands(body, GRAMMARS)
    ):
        return None
    if author.get("type") == "Bot":
        return None
    return comments.on_comment(
        context,
        CommandComment(
            repository_id=repository,
            thread=thread,
            thread_id=str(number(part(payload, "issue"), "number")) if thread == "pull" else text(comment, "commit_id"),
            comment_id=CommentId(number(comment, "id")),
            author_id=GitHubUserId(number(author, "id")),
            author=text(author, "login"),
            body=body,
            created_at=timestamp(comment, "created_at"),
        ),
    )
