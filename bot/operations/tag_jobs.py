"""Jobs about tags that people push: what the tag asks for, the commands in its message, and the answer."""

from dataclasses import dataclass
from typing import ClassVar

from bot.operations import jobs
from bot.queue.jobs import Job
from bot.rules.ids import CommitSha, RepositoryId
from bot.rules.tags import TagPush


@dataclass(frozen=True)
class RunTagCommands(Job):
    """Perform the commands in the message of an annotated tag."""

    kind: ClassVar[str] = "tag_commands"
    priority: ClassVar[int] = jobs.PEOPLE
    keeps_key: ClassVar[bool] = True

    push: TagPush

    @property
    def key(self) -> str:
        """Once per tag object, whatever tag points to it."""
        return f"tag-object:{self.push.repository}:{self.push.object}"

    @property
    def lock(self) -> str | None:
        """The lock of the commands of the person who pushed."""
        push = self.push
        return None if push.sender_id is None else jobs.commands_lock(push.repository, push.sender_id)


@dataclass(frozen=True)
class FindTags(Job):
    """Find the tags of a repository that no webhook has reported."""

    kind: ClassVar[str] = "find_tags"

    repository: RepositoryId

    @property
    def key(self) -> str:
        """Once per repository."""
        return f"find-tags:{self.repository}"


@dataclass(frozen=True)
class AnswerTag(Job):
    """Post a comment on the commit of a tag."""

    kind: ClassVar[str] = "answer_tag"
    priority: ClassVar[int] = 10

    repository: RepositoryId
    commit: CommitSha
    marker: str
    body: str

    @property
    def key(self) -> str:
        """Once per marker."""
        return f"answer:{self.marker}"
