"""Jobs about the gates of deployments: those that wait, those that start by themselves, those that others started."""

from dataclasses import dataclass
from typing import ClassVar

from bot.operations import jobs
from bot.queue.jobs import Job
from bot.rules.comments import Thread
from bot.rules.ids import CandidateId, CommentId, DeploymentId, EnvironmentId, RepositoryId


@dataclass(frozen=True)
class EvaluateWaiting(Job):
    """Evaluate the gates of a waiting deployment: dispatch it, end it, or let it go on waiting.

    `again`: while another evaluation of it is unfinished, which may have begun before what this one is to see.
    """

    kind: ClassVar[str] = "evaluate_waiting"
    priority: ClassVar[int] = jobs.PEOPLE

    deployment: DeploymentId
    environment: EnvironmentId
    again: bool = False

    @property
    def key(self) -> str:
        """Once per deployment, and once more."""
        return f"evaluate-waiting:{self.deployment}{':again' if self.again else ''}"

    @property
    def lock(self) -> str:
        """The environment's."""
        return jobs.environment_lock(self.environment)


@dataclass(frozen=True)
class DeployAutomatically(Job):
    """Deploy a candidate that has become ready to an environment that takes every candidate."""

    kind: ClassVar[str] = "deploy_automatically"
    priority: ClassVar[int] = 10

    candidate: CandidateId
    environment: EnvironmentId

    @property
    def key(self) -> str:
        """Once per candidate and environment."""
        return f"deploy-automatically:{self.candidate}:{self.environment}"

    @property
    def lock(self) -> str:
        """The environment's."""
        return jobs.environment_lock(self.environment)


@dataclass(frozen=True)
class JudgeDeployment(Job):
    """Evaluate the gates of a deployment that Longshore did not start, and raise the alarm if they are closed."""

    kind: ClassVar[str] = "judge_deployment"

    deployment: DeploymentId
    rerun: bool

    @property
    def key(self) -> str:
        """Once per deployment."""
        return f"judge-deployment:{self.deployment}"


@dataclass(frozen=True)
class React(Job):
    """Add a reaction to a comment whose deployment waited, once the wait has ended."""

    kind: ClassVar[str] = "react"

    repository: RepositoryId
    thread: Thread
    comment: CommentId
    reaction: str


@dataclass(frozen=True)
class SweepWaiting(jobs.PeriodicJob):
    """Find the waiting deployments that are due to be evaluated again."""

    kind: ClassVar[str] = "sweep_waiting"
