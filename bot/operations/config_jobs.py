"""Jobs about the configuration files of repositories."""

from dataclasses import dataclass
from typing import ClassVar

from bot.operations import jobs
from bot.queue.jobs import Job
from bot.rules.ids import CommitSha, GitHubUserId, InstallationId, RepositoryId


@dataclass(frozen=True)
class ApplyConfiguration(Job):
    """Read the configuration file at the tip of the default branch, and apply it. `pusher` is who pushed a change.

    A repository that is not known is looked up through `installation`. `again`: while another one is unfinished, which
    may have read the file before the change that this one is to see.
    """

    kind: ClassVar[str] = "apply_configuration"
    priority: ClassVar[int] = jobs.PEOPLE

    repository: RepositoryId
    pusher: GitHubUserId | None = None
    installation: InstallationId | None = None
    again: bool = False

    @property
    def key(self) -> str:
        """Once per repository and pusher, and once more."""
        return f"apply-configuration:{self.repository}:{self.pusher or ''}{':again' if self.again else ''}"

    @property
    def lock(self) -> str:
        """The repository's."""
        return f"repository:{self.repository}"


@dataclass(frozen=True)
class TellBroken(Job):
    """Comment on the commit that broke the configuration file. `blob` is the SHA of the file."""

    kind: ClassVar[str] = "tell_broken_configuration"
    keeps_key: ClassVar[bool] = True

    repository: RepositoryId
    commit: CommitSha
    blob: str
    body: str

    @property
    def key(self) -> str:
        """Once per version of the file."""
        return f"broken-configuration:{self.repository}:{self.blob}"


@dataclass(frozen=True)
class LintConfiguration(Job):
    """Check the configuration file at the head of a pull request, and show what is wrong or will change.

    `trusted`: the head is in the repository itself. `again`: while another one is unfinished, which may have seen an
    older head.
    """

    kind: ClassVar[str] = "lint_configuration"
    priority: ClassVar[int] = -5

    repository: RepositoryId
    pull: int
    trusted: bool = False
    again: bool = False

    @property
    def key(self) -> str:
        """Once per pull request, and once more."""
        return f"lint-configuration:{self.repository}:{self.pull}{':again' if self.again else ''}"

    @property
    def lock(self) -> str:
        """The pull request's if people with rights opened it; all others of a repository take turns."""
        return f"lint-configuration:{self.repository}:{self.pull if self.trusted else 'others'}"
