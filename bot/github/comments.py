"""Comments on pull requests and commits, and reactions to them. https://docs.github.com/en/rest/issues/comments"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.github.app import GitHub
from bot.github.repository import RepositoryClient
from bot.rules.comments import Thread
from bot.rules.ids import CommentId

COMMENTS = 15  # in a page: each may have 65,536 characters of four bytes, by anybody
COMMENT_PAGES = 67


@dataclass(frozen=True)
class PostedComment:
    """A comment on GitHub: its text, the bot that wrote it ("" for a person), and the ids of the App behind that.

    GitHub names the App of comments on pull requests, but not of those on commits.
    """

    body: str
    bot: str
    app_ids: frozenset[str]


async def react(repository: RepositoryClient, thread: Thread, comment: CommentId, reaction: str) -> None:
    """Add a reaction to a comment. Adding the same one again changes nothing."""
    path = "/issues/comments" if thread == "pull" else "/comments"
    url = f"{repository.root}{path}/{comment}/reactions"
    await repository.request("POST", url, purpose="comment", data={"content": reaction})


async def since(repository: RepositoryClient, thread: Thread, thread_id: str, time: datetime) -> list[PostedComment]:
    """The comments on a pull request (only those since a time) or on a commit."""
    recent = f"&since={time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if thread == "pull" else ""
    url = f"{repository.root}{_path(thread, thread_id)}?per_page={COMMENTS}{recent}"
    comments = await repository.list(url, max_pages=COMMENT_PAGES)
    return [_posted(comment) for comment in comments]


async def is_own(github: GitHub, comment: PostedComment) -> bool:
    """Whether our App wrote a comment. Anybody can copy the text of one."""
    if not comment.bot or comment.app_ids:
        return bool(comment.bot) and github.app_id in comment.app_ids
    return comment.bot in (await github.bot_login(), await github.bot_login(renewed=True))


async def post(repository: RepositoryClient, thread: Thread, thread_id: str, body: str) -> None:
    """Comment on a pull request (by number) or a commit (by SHA)."""
    await repository.request(
        "POST", f"{repository.root}{_path(thread, thread_id)}", purpose="comment", data={"body": body}
    )


def _posted(comment: Mapping[str, Any]) -> PostedComment:
    user, app = comment.get("user") or {}, comment.get("performed_via_github_app") or {}
    return PostedComment(
        body=comment.get("body") or "",
        bot=str(user.get("login") or "") if user.get("type") == "Bot" else "",
        app_ids=frozenset(str(app[name]) for name in ("id", "client_id") if app.get(name)),
    )


def _path(thread: Thread, thread_id: str) -> str:
    return f"/issues/{thread_id}/comments" if thread == "pull" else f"/commits/{thread_id}/comments"
