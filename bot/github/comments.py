"""Comments on pull requests and commits, and reactions to them. https://docs.github.com/en/rest/issues/comments"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.github.app import GitHub
from bot.github.fields import required_number
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.comments import Thread
from bot.rules.ids import CommentId

COMMENTS = 15  # in a page: each may have 65,536 characters of four bytes, by anybody
COMMENT_PAGES = 67
BEGINNING = datetime(2008, 1, 1, tzinfo=UTC)  # of GitHub


@dataclass(frozen=True)
class PostedComment:
    """A comment on GitHub: its text, the bot that wrote it ("" for a person), and the ids of the App behind that.

    GitHub names the App of comments on pull requests, but not of those on commits.
    """

    id: CommentId
    body: str
    bot: str
    app_ids: frozenset[str]


async def react(repository: RepositoryClient, thread: Thread, comment: CommentId, reaction: str) -> None:
    """Add a reaction to a comment. Adding the same one again changes nothing."""
    url = f"{_comment_url(repository, thread, comment)}/reactions"
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


async def post(repository: RepositoryClient, thread: Thread, thread_id: str, body: str) -> CommentId:
    """Comment on a pull request (by number) or a commit (by SHA); returns the id of the comment.

    After `ResponseLost`, search for it with `find_own` before this is called again.
    """
    url = f"{repository.root}{_path(thread, thread_id)}"
    response = await repository.request("POST", url, purpose="comment", data={"body": body})
    return CommentId(required_number(response.data, "id"))


async def update(repository: RepositoryClient, thread: Thread, comment: CommentId, body: str) -> bool:
    """Replace the text of a comment of ours; returns False when it no longer exists."""
    try:
        url = _comment_url(repository, thread, comment)
        await repository.request("PATCH", url, purpose="comment", data={"body": body})
    except ApiError as error:
        error.raise_unless(404, 410)
        return False
    return True


async def find_own(
    github: GitHub,
    repository: RepositoryClient,
    thread: Thread,
    thread_id: str,
    marker: str,
    time: datetime = BEGINNING,
) -> CommentId | None:
    """Find the newest comment of our App that contains a marker; None when there is none.

    It reads the thread, that of a pull request since a time only. Anybody can copy a marker, so the App that wrote the
    comment is checked.
    """
    for comment in reversed(await since(repository, thread, thread_id, time)):
        if marker in comment.body and await is_own(github, comment):
            return comment.id
    return None


def _posted(comment: Mapping[str, Any]) -> PostedComment:
    user, app = comment.get("user") or {}, comment.get("performed_via_github_app") or {}
    return PostedComment(
        id=CommentId(required_number(comment, "id")),
        body=comment.get("body") or "",
        bot=str(user.get("login") or "") if user.get("type") == "Bot" else "",
        app_ids=frozenset(str(app[name]) for name in ("id", "client_id") if app.get(name)),
    )


def _comment_url(repository: RepositoryClient, thread: Thread, comment: CommentId) -> str:
    return f"{repository.root}{'/issues/comments' if thread == 'pull' else '/comments'}/{comment}"


def _path(thread: Thread, thread_id: str) -> str:
    return f"/issues/{thread_id}/comments" if thread == "pull" else f"/commits/{thread_id}/comments"
