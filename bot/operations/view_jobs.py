"""Jobs about what GitHub shows, and about what people do there: they click buttons, and environments ask.

Each job shows what is true when it runs, so that any number of changes meanwhile need one job; `again` is for a change
while a job is running that may have read what was there before. They run after what people asked for, and before what
readers ask.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from bot.operations import jobs
from bot.queue.jobs import Job
from bot.rules.ids import (
    CandidateId,
    CheckRunId,
    DeploymentId,
    EnvironmentId,
    GitHubUserId,
    GitHubViewId,
    ProjectId,
    ProtectionRequestId,
    RepositoryId,
)

VIEWS = -5
"""The priority of what only shows something."""


@dataclass(frozen=True)
class ViewJob(Job, ABC):
    """Work that shows something on GitHub."""

    priority: ClassVar[int] = VIEWS

    @property
    @abstractmethod
    def subject(self) -> str:
        """What it shows: a unique name."""

    @property
    @abstractmethod
    def again(self) -> bool:
        """Whether another job about the same subject may be running."""

    @property
    def key(self) -> str:
        """Once per subject, and once more."""
        return f"{self.subject}{':again' if self.again else ''}"

    @property
    def lock(self) -> str:
        """The subject's."""
        return self.subject


@dataclass(frozen=True)
class ShowComment(ViewJob):
    """Write or edit a status comment."""

    kind: ClassVar[str] = "show_comment"

    view: GitHubViewId
    again: bool = False

    @property
    def subject(self) -> str:
        """The comment."""
        return f"show-comment:{self.view}"


@dataclass(frozen=True)
class ShowCheckRun(ViewJob):
    """Create or change the check run of a candidate."""

    kind: ClassVar[str] = "show_check_run"

    candidate: CandidateId
    again: bool = False

    @property
    def subject(self) -> str:
        """The candidate's check run."""
        return f"show-check-run:{self.candidate}"


@dataclass(frozen=True)
class ShowDeployment(ViewJob):
    """Create a deployment on GitHub, or give it its next state."""

    kind: ClassVar[str] = "show_deployment"

    deployment: DeploymentId
    environment: EnvironmentId
    again: bool = False

    @property
    def subject(self) -> str:
        """The deployment."""
        return f"show-deployment:{self.deployment}"

    @property
    def lock(self) -> str:
        """That of what is shown of the environment."""
        return f"show-deployments:{self.environment}"


@dataclass(frozen=True)
class ShowProject(ViewJob):
    """Show those candidates of a project anew that something about its environments may concern."""

    kind: ClassVar[str] = "show_project"

    project: ProjectId
    again: bool = False

    @property
    def subject(self) -> str:
        """The project."""
        return f"show-project:{self.project}"


@dataclass(frozen=True)
class ClickButton(Job):
    """Do what somebody asked for by clicking on a check run: a button, or to run it again (`rerequested`).

    `guid` is that of the delivery which told of the click.
    """

    kind: ClassVar[str] = "click_button"
    priority: ClassVar[int] = jobs.PEOPLE
    keeps_key: ClassVar[bool] = True

    repository: RepositoryId
    check_run: CheckRunId
    candidate: CandidateId
    act: Literal["requested_action", "rerequested"]
    identifier: str
    person: GitHubUserId
    login: str
    guid: str

    @property
    def key(self) -> str:
        """Once per delivery."""
        return f"click:{self.guid}"

    @property
    def lock(self) -> str:
        """The lock of the commands of the person who clicked."""
        return jobs.commands_lock(self.repository, self.person)


@dataclass(frozen=True)
class AnswerProtection(Job):
    """Answer an environment of GitHub that asks whether a job may deploy, or tell what it waits for."""

    kind: ClassVar[str] = "answer_protection"
    priority: ClassVar[int] = jobs.PEOPLE

    request: ProtectionRequestId
    again: bool = False

    @property
    def key(self) -> str:
        """Once per request, and once more."""
        return f"answer-protection:{self.request}{':again' if self.again else ''}"

    @property
    def lock(self) -> str:
        """The request's."""
        return f"answer-protection:{self.request}"
