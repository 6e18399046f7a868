"""Every kind of job, as a value: its payload, its key, its lock and its priority.

`server/jobs.py` maps each kind to the operation that performs it. Kinds and field names are stored: changing them needs
a migration of the unfinished rows. All jobs about a run share one lock, its candidate's or its environment's.

Priorities: what starts and cancels runs, then what people asked for, then what GitHub tells, then everything else, and
answers to people below write last.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from bot.queue.jobs import Job
from bot.rules.comments import CommandComment
from bot.rules.ids import (
    CandidateId,
    DeliveryId,
    DeploymentId,
    EnvironmentId,
    GitHubUserId,
    InstallationId,
    RepositoryId,
    RunId,
    RunRowId,
)
from bot.rules.tags import TagPush

RUNS, PEOPLE, MEMBERS = 50, 30, 25
"""Priorities of jobs; those of webhooks are in `handlers/receive.py`."""

Standing = Literal["writer", "member", "unknown", "waiting", "reader"]
"""Whether a comment's author had the role write or more when GitHub was last asked: it decides about the order only.

`member` is somebody unknown whom GitHub calls an owner, a member or a collaborator, which does not tell the role;
`waiting` is somebody unknown of whom an earlier comment waits too.
"""
STANDINGS: Mapping[Standing, int] = {"writer": PEOPLE, "member": MEMBERS, "unknown": 15, "waiting": 10, "reader": -10}
"""Priorities of comments."""


def candidate_lock(candidate: CandidateId) -> str:
    """The lock of jobs about a candidate and its build."""
    return f"candidate:{candidate}"


def commands_lock(repository: RepositoryId, person: GitHubUserId) -> str:
    """The lock of jobs that one person has asked for in a repository."""
    return f"commands:{repository}:{person}"


def environment_lock(environment: EnvironmentId) -> str:
    """The lock of jobs about the deployments on an environment."""
    return f"environment:{environment}"


@dataclass(frozen=True)
class RunJob(Job):
    """Work on a run that Longshore requested. `run_lock` is its candidate's or its environment's lock."""

    run: RunRowId
    run_lock: str = ""

    @property
    def lock(self) -> str | None:
        """The lock of the run's candidate or environment."""
        return self.run_lock or None


@dataclass(frozen=True)
class DispatchRun(RunJob):
    """Ask GitHub to start a requested run. Runs before webhooks, some of which wait for it."""

    kind: ClassVar[str] = "dispatch"
    priority: ClassVar[int] = RUNS

    @property
    def key(self) -> str:
        """Once per run."""
        return f"dispatch:{self.run}"


@dataclass(frozen=True)
class FollowRun(RunJob):
    """Ask GitHub for the status of a run of which no news has arrived for a while."""

    kind: ClassVar[str] = "follow"

    @property
    def key(self) -> str:
        """Once per run."""
        return f"follow:{self.run}"


@dataclass(frozen=True)
class ExpireBuild(RunJob):
    """End a build that is past its deadline."""

    kind: ClassVar[str] = "expire_build"

    @property
    def key(self) -> str:
        """Once per run."""
        return f"expire-build:{self.run}"


@dataclass(frozen=True)
class ExpireDeployment(Job):
    """End a deployment that is past its deadline."""

    kind: ClassVar[str] = "expire_deployment"

    deployment: DeploymentId
    environment: EnvironmentId | None = None

    @property
    def key(self) -> str:
        """Once per deployment."""
        return f"expire-deployment:{self.deployment}"

    @property
    def lock(self) -> str | None:
        """The environment's."""
        return None if self.environment is None else environment_lock(self.environment)


@dataclass(frozen=True)
class CancelRun(Job):
    """Ask GitHub to cancel a run; with `forced`, steps that otherwise always run are skipped too."""

    kind: ClassVar[str] = "cancel"
    priority: ClassVar[int] = RUNS

    run: RunRowId
    forced: bool = False

    @property
    def key(self) -> str:
        """Once per run, and once more if forced."""
        return f"{'force-cancel' if self.forced else 'cancel'}:{self.run}"


@dataclass(frozen=True)
class CancelStrayRun(Job):
    """Ask GitHub to cancel a run that is not the one Longshore tracks."""

    kind: ClassVar[str] = "cancel_stray"
    priority: ClassVar[int] = RUNS

    run: RunRowId
    github_id: RunId

    @property
    def key(self) -> str:
        """Once per run on GitHub."""
        return f"cancel-stray:{self.github_id}"


@dataclass(frozen=True)
class CommentJob(Job):
    """Work for the author of a comment. One person's jobs in a repository run one after another, as do all readers'."""

    keeps_key: ClassVar[bool] = True

    comment: CommandComment
    standing: Standing = field(default="unknown", kw_only=True)

    @property
    def lock(self) -> str:
        """The author's, or that of all readers of the repository."""
        repository = self.comment.repository_id
        return (
            f"readers:{repository}" if self.standing == "reader" else commands_lock(repository, self.comment.author_id)
        )

    @property
    def priority(self) -> int:
        """By the author's standing."""
        return STANDINGS[self.standing]


@dataclass(frozen=True)
class RunCommands(CommentJob):
    """Perform the commands of a comment, if it has any; none if its webhook came `late`.

    `seen`: the reaction that says so was requested.
    """

    kind: ClassVar[str] = "command"

    late: bool = False
    seen: bool = field(default=False, kw_only=True)

    @property
    def key(self) -> str:
        """Once per text of a comment, and once more if the author turns out to be a reader."""
        return f"{self.comment.version}:reader" if self.standing == "reader" else self.comment.version


@dataclass(frozen=True)
class PostReply(CommentJob):
    """Post the reply to a comment's commands, and a reaction."""

    kind: ClassVar[str] = "reply"

    body: str
    reaction: str

    @property
    def key(self) -> str:
        """Once per comment, and once for all edited texts of it."""
        return f"reply:{self.comment.marker}"


@dataclass(frozen=True)
class CutByTag(Job):
    """Cut the candidate that a pushed tag names."""

    kind: ClassVar[str] = "cut_by_tag"
    priority: ClassVar[int] = PEOPLE
    keeps_key: ClassVar[bool] = True

    push: TagPush

    @property
    def key(self) -> str:
        """Once per delivery of the push."""
        return f"tag:{self.push.delivery}"

    @property
    def lock(self) -> str | None:
        """The lock of the commands of the person who pushed."""
        return None if self.push.sender_id is None else commands_lock(self.push.repository, self.push.sender_id)


@dataclass(frozen=True)
class CheckTag(Job):
    """Ask GitHub where a candidate's tag points, after the user `by` changed it."""

    kind: ClassVar[str] = "check_tag"
    priority: ClassVar[int] = 9

    candidate: CandidateId
    by: str

    @property
    def lock(self) -> str:
        """The candidate's."""
        return candidate_lock(self.candidate)


@dataclass(frozen=True)
class CheckRepository(Job):
    """Update a repository's row from GitHub. `installation` is one that may reach it, besides the one that we know.

    `again`: while another check of it is unfinished, which may have started before the change that this one is to see.
    """

    kind: ClassVar[str] = "check_repository"

    repository: RepositoryId
    again: bool = False
    installation: InstallationId | None = None

    @property
    def key(self) -> str:
        """Once per repository, and once more."""
        return f"check-repository:{self.repository}{':again' if self.again else ''}"

    @property
    def lock(self) -> str:
        """The repository's."""
        return f"repository:{self.repository}"


@dataclass(frozen=True)
class CheckInstallation(Job):
    """Ask GitHub about an installation of the App. `again`: while another check of it is unfinished."""

    kind: ClassVar[str] = "check_installation"

    installation: InstallationId
    again: bool = False

    @property
    def key(self) -> str:
        """Once per installation, and once more."""
        return f"check-installation:{self.installation}{':again' if self.again else ''}"

    @property
    def lock(self) -> str:
        """The installation's."""
        return f"installation:{self.installation}"


@dataclass(frozen=True)
class FetchDelivery(Job):
    """Fetch a webhook delivery that GitHub could not deliver."""

    kind: ClassVar[str] = "fetch_delivery"

    delivery: DeliveryId
    guid: str
    event: str

    @property
    def key(self) -> str:
        """Once per delivery, whichever attempt is fetched."""
        return f"fetch-delivery:{self.guid}"


@dataclass(frozen=True)
class PeriodicJob(Job):
    """Work that is due at intervals, without a payload: at most one unfinished job of its kind."""

    @property
    def key(self) -> str:
        """Once per kind."""
        return self.kind


@dataclass(frozen=True)
class Reconcile(PeriodicJob):
    """Ask GitHub for what webhooks should have told, and end what is past its deadline."""

    kind: ClassVar[str] = "reconcile"


@dataclass(frozen=True)
class SweepDeliveries(PeriodicJob):
    """Find the webhook deliveries that did not arrive."""

    kind: ClassVar[str] = "sweep_deliveries"


@dataclass(frozen=True)
class CheckRepositories(PeriodicJob):
    """Check every repository."""

    kind: ClassVar[str] = "check_repositories"


@dataclass(frozen=True)
class Prune(PeriodicJob):
    """Delete finished jobs and idempotency records whose retention has passed."""

    kind: ClassVar[str] = "prune"
