"""Comments on pull requests and commits, and reactions to them. https://docs.github.com/en/rest/issues/comments"""

from datetime import UTC, datetime

from bot.github.repository import RepositoryClient
from bot.rules.comments import Thread
from bot.rules.ids import CommentId

COMMENTS = 15  # in a page: each may have 65,536 characters of four bytes, by anybody
COMMENT_PAGES = 67


async def react(repository: RepositoryClient, thread: Thread, comment: CommentId, reaction: str) -> None:
    """Add a reaction to a comment. Adding the same one again changes nothing."""
    path = "/issues/comments" if thread == "pull" else "/comments"
    url = f"{repository.root}{path}/{comment}/reactions"
    await repository.request("POST", url, purpose="comment", data={"content": reaction})


async def bodies_since(repository: RepositoryClient, thread: Thread, thread_id: str, since: datetime) -> list[str]:
    """The texts of the comments on a pull request (only those since a time) or on a commit."""
    recent = f"&since={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if thread == "pull" else ""
    url = f"{repository.root}{_path(thread, thread_id)}?per_page={COMMENTS}{recent}"
    comments = await repository.list(url, max_pages=COMMENT_PAGES)
    return [comment.get("body") or "" for comment in comments]


async def post(repository: RepositoryClient, thread: Thread, thread_id: str, body: str) -> None:
    """Comment on a pull request (by number) or a commit (by SHA)."""
    await repository.request(
        "POST", f"{repository.root}{_path(thread, thread_id)}", purpose="comment", data={"body": body}
    )


def _path(thread: Thread, thread_id: str) -> str:
    return f"/issues/{thread_id}/comments" if thread == "pull" else f"/commits/{thread_id}/comments"
