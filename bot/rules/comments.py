"""Comments with commands, as values that jobs hold."""

from dataclasses import dataclass
from typing import Literal

from bot.rules.ids import CommentId, GitHubUserId, RepositoryId

Thread = Literal["pull", "commit"]
"""Where a comment was written: on a pull request or on a commit."""


@dataclass(frozen=True)
class CommandComment:
    """A comment with commands in it. `thread_id` is the number of the pull request or the SHA of the commit.

    `created_at` is GitHub's own text (ISO 8601).
    """

    repository_id: RepositoryId
    thread: Thread
    thread_id: str
    comment_id: CommentId
    author_id: GitHubUserId
    author: str
    body: str
    created_at: str

    @property
    def marker(self) -> str:
        """A unique name of the comment."""
        return f"{self.thread}-comment:{self.comment_id}"
