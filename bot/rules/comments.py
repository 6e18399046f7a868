"""Comments with commands, as values that jobs hold."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from bot.rules.ids import CommentId, GitHubUserId, RepositoryId

Thread = Literal["pull", "commit"]
"""Where a comment was written: on a pull request or on a commit."""


COMMENT_ORIGIN = re.compile(r"(?P<thread>pull|commit)-comment:(?P<comment>[0-9]+):[0-9]+")
"""The origin of an act that a command of a comment asked for: the comment's marker and the command's number."""


@dataclass(frozen=True)
class Place:
    """Where a command was written: on a pull request, by its number, or on a commit, by its SHA."""

    thread: Thread
    thread_id: str


@dataclass(frozen=True)
class CommandComment:
    """A comment with commands in it. `thread_id` is the number of the pull request or the SHA of the commit.

    `created_at` is GitHub's own text (ISO 8601). Of an edited comment, `author` is who edited it, and `body_before` the
    text that it had. `by_member`: GitHub calls the author an owner, a member or a collaborator. That decides about the
    order of work only, as it does not tell the role.
    """

    repository_id: RepositoryId
    thread: Thread
    thread_id: str
    comment_id: CommentId
    author_id: GitHubUserId
    author: str
    body: str
    created_at: str
    body_before: str | None = None
    by_member: bool = False

    @property
    def place(self) -> Place:
        """Where it was written."""
        return Place(self.thread, self.thread_id)

    @property
    def is_edited(self) -> bool:
        """Whether this is about the comment's text after it was edited."""
        return self.body_before is not None

    @property
    def marker(self) -> str:
        """A unique name of the comment, and another one for all that is about edited texts of it."""
        return f"{self.thread}-comment:{self.comment_id}{':edited' if self.is_edited else ''}"

    @property
    def version(self) -> str:
        """A unique name of this text of the comment."""
        if self.body_before is None:
            return self.marker
        digest = sha256(f"{len(self.body)}:{self.body}{self.body_before}".encode(errors="replace")).hexdigest()
        return f"{self.marker}:{digest[:16]}"
