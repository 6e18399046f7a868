"""What lies between two commits: how many commits one has and the other has not, and some of them."""

from dataclasses import dataclass

from bot.rules.ids import CommitSha


@dataclass(frozen=True)
class CommitLine:
    """A commit in one line: the first line of its message, and the login or name of its author."""

    sha: CommitSha
    subject: str
    author: str


@dataclass(frozen=True)
class CommitRange:
    """The commits that `head` has and `base` has not: how many (`ahead_by`), and the oldest of them.

    `behind_by` is the number of those that base has and head has not.
    """

    ahead_by: int
    behind_by: int
    commits: tuple[CommitLine, ...]
