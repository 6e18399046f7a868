"""`issue_comment` and `commit_comment`: comments that may carry commands."""

from collections.abc import Awaitable, Mapping
from typing import Any

from bot.context import Context
from bot.operations import comments
from bot.rules.commands import may_hold_commands
from bot.rules.comments import CommandComment, Thread
from bot.rules.ids import CommentId, GitHubUserId
from handlers.fields import id_of, number, part, repository_id, text, timestamp

ASSOCIATIONS = ("OWNER", "MEMBER", "COLLABORATOR")
"""What GitHub calls authors of comments who may have a role. Members of some organizations are called otherwise.

https://docs.github.com/en/graphql/reference/enums#commentauthorassociation
"""


def on_issue_comment(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a new or edited comment on a pull request; deletions and comments on plain issues are ignored."""
    if not part(payload, "issue").get("pull_request"):
        return None
    if payload.get("action") == "created":
        return _on_text(context, payload, "pull", part(part(payload, "comment"), "user"))
    before = part(part(payload, "changes"), "body").get("from")
    if payload.get("action") == "edited" and isinstance(before, str):
        return _on_text(context, payload, "pull", part(payload, "sender"), before)
    return None


def on_commit_comment(context: Context, payload: Mapping[str, Any], guid: str) -> Awaitable[None] | None:
    """Handle a new comment on a commit. GitHub does not tell of edited ones."""
    if payload.get("action") == "created":
        return _on_text(context, payload, "commit", part(part(payload, "comment"), "user"))
    return None


def _on_text(
    context: Context, payload: Mapping[str, Any], thread: Thread, by: Mapping[str, Any], before: str | None = None
) -> Awaitable[None] | None:
    """Handle a text that `by` wrote if that is a person, and it may hold commands. Accounts may have been deleted.

    `before` is the text that an edited comment had. What a bot wrote is ignored, also when a person edits it.
    """
    comment, repository = part(payload, "comment"), repository_id(payload)
    body = comment.get("body")
    if repository is None or id_of(by) is None or not isinstance(body, str) or not may_hold_commands(body):
        return None
    if "Bot" in (by.get("type"), part(comment, "user").get("type")):
        return None
    is_by_member = before is None and comment.get("author_association") in ASSOCIATIONS
    return comments.on_comment(
        context,
        CommandComment(
            repository_id=repository,
            thread=thread,
            thread_id=str(number(part(payload, "issue"), "number")) if thread == "pull" else text(comment, "commit_id"),
            comment_id=CommentId(number(comment, "id")),
            author_id=GitHubUserId(number(by, "id")),
            author=text(by, "login"),
            body=body,
            created_at=timestamp(comment, "created_at"),
            body_before=before,
            by_member=is_by_member,
        ),
    )
