"""Events of releasing: candidates, builds, deployments and their workflow runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from bot.events.event import Details, Event
from bot.rules.deployments import FINAL
from bot.rules.ids import CandidateId, CommitSha, DeploymentId, RunId

# --- release candidates and their builds


@dataclass(frozen=True, kw_only=True)
class CandidateEvent(Event):
    """Something happened to a candidate."""

    subject_format: ClassVar[str] = "{version}"

    version: str


@dataclass(frozen=True, kw_only=True)
class CandidateCut(CandidateEvent):
    """A candidate was cut from a branch, with or without a build."""

    act: ClassVar[str] = "candidate.cut"
    after_fields: ClassVar[Mapping[str, str]] = {"build": "build", "branch": "branch"}

    candidate_id: CandidateId
    build: bool | None
    branch: str

    @property
    def result_id(self) -> int:
        """The candidate's row."""
        return self.candidate_id


@dataclass(frozen=True, kw_only=True)
class BuildCancelRequested(CandidateEvent):
    """A build's cancellation was requested."""

    act: ClassVar[str] = "candidate.cancel"

    candidate_id: CandidateId

    @property
    def result_id(self) -> int:
        """The candidate's row."""
        return self.candidate_id


@dataclass(frozen=True, kw_only=True)
class BuildRequested(CandidateEvent):
    """The build of a candidate that had been cut without one was requested."""

    act: ClassVar[str] = "candidate.build"


@dataclass(frozen=True, kw_only=True)
class BuildFinished(CandidateEvent):
    """A build ended; `status` is the candidate's new status.

    `seconds` have passed since the build was requested or re-run; None if its end was the first news of a re-run.
    """

    act: ClassVar[str] = "candidate.finish_build"
    after_fields: ClassVar[Mapping[str, str]] = {"status": "status", "reason": "reason"}

    project: str
    status: str
    reason: str | None
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class CandidateInvalidated(CandidateEvent):
    """A candidate failed because its tag or run is not at the approved commit."""

    act: ClassVar[str] = "candidate.spoiled"
    alarm: ClassVar[bool] = True
    before_fields: ClassVar[Mapping[str, str]] = {"is": "old_status"}
    after_fields: ClassVar[Mapping[str, str]] = {"is": "reason"}

    old_status: str
    reason: str


# --- deployments


@dataclass(frozen=True, kw_only=True)
class DeploymentEvent(Event):
    """Something happened to a deployment; `status` is its new status."""

    subject_format: ClassVar[str] = "{environment}: {version} (deployment {deployment_id})"
    before_fields: ClassVar[Mapping[str, str]] = {"is": "old_status"}
    after_fields: ClassVar[Mapping[str, str]] = {"status": "status", "message": "message"}

    environment: str
    version: str
    deployment_id: DeploymentId
    old_status: str | None
    status: str
    message: str | None


@dataclass(frozen=True, kw_only=True)
class DeploymentStarted(DeploymentEvent):
    """A deployment was started; `kind` is `deploy` or `rollback`.

    `reason` is that of a rollback, or that for which the gates in `overridden` were overridden.
    """

    act: ClassVar[str] = "deployment"
    after_fields: ClassVar[Mapping[str, str]] = {
        **DeploymentEvent.after_fields,
        "overridden": "overridden",
        "reason": "reason",
    }

    kind: str
    reason: str | None = None
    overridden: tuple[str, ...] = ()

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The name of a deployment, and that of a rollback."""
        return f"{cls.act}.deploy", f"{cls.act}.rollback"

    @property
    def name(self) -> str:
        """`deployment.deploy` or `deployment.rollback`."""
        return f"{self.act}.{self.kind}"

    @property
    def result_id(self) -> int:
        """The deployment's row."""
        return self.deployment_id


@dataclass(frozen=True, kw_only=True)
class DeploymentWaiting(DeploymentEvent):
    """A deployment was requested that waits for gates."""

    act: ClassVar[str] = "deployment.wait"
    after_fields: ClassVar[Mapping[str, str]] = {"status": "status", "waits_for": "waits_for"}

    waits_for: tuple[str, ...]

    @property
    def result_id(self) -> int:
        """The deployment's row."""
        return self.deployment_id


@dataclass(frozen=True, kw_only=True)
class DeploymentWaitEnded(DeploymentEvent):
    """A waiting deployment will not run; `outcome` is superseded, refused, expired or canceled."""

    act: ClassVar[str] = "deployment.wait_ended"
    after_fields: ClassVar[Mapping[str, str]] = {**DeploymentEvent.after_fields, "outcome": "outcome"}

    outcome: str


@dataclass(frozen=True, kw_only=True)
class AutomaticDeploymentRefused(Event):
    """A candidate became ready, and the gates of an environment that takes every candidate refused it."""

    act: ClassVar[str] = "deployment.automatic_refused"
    subject_format: ClassVar[str] = "{environment}: {version}"
    after_fields: ClassVar[Mapping[str, str]] = {"refusal": "refusal", "gates": "gates"}

    environment: str
    version: str
    refusal: str
    gates: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DeploymentStatusChanged(DeploymentEvent):
    """A deployment's status changed: exactly one of these events reports its end.

    `seconds` have passed since the deployment was requested or first reported; None if its end was the first report.
    """

    project: str
    seconds: float | None

    @property
    def has_ended(self) -> bool:
        """Whether the deployment ended with this."""
        return self.status in FINAL and self.status != self.old_status


@dataclass(frozen=True, kw_only=True)
class DeploymentReported(DeploymentStatusChanged):
    """A pipeline reported the status of a deployment."""

    act: ClassVar[str] = "deployment.report"


@dataclass(frozen=True, kw_only=True)
class DeploymentCancelRequested(DeploymentEvent):
    """A deployment's cancellation was requested."""

    act: ClassVar[str] = "deployment.cancel"

    @property
    def result_id(self) -> int:
        """The deployment's row."""
        return self.deployment_id


@dataclass(frozen=True, kw_only=True)
class DeploymentFinished(DeploymentStatusChanged):
    """A deployment that Longshore tracks ended."""

    act: ClassVar[str] = "deployment.finish"


@dataclass(frozen=True, kw_only=True)
class DeployedAgainstGates(Event):
    """A deployment that Longshore did not start happened although a gate would have refused it."""

    alarm: ClassVar[bool] = True
    subject_format: ClassVar[str] = "{environment}: {version}"
    after_fields: ClassVar[Mapping[str, str]] = {"refusal": "refusal", "*": "details"}

    environment: str
    version: str
    refusal: str
    details: Details = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RerunAgainstGates(DeployedAgainstGates):
    """The run of a finished deployment was re-run on GitHub, although a gate was closed."""

    act: ClassVar[str] = "deployment.rerun"


@dataclass(frozen=True, kw_only=True)
class ReportedAgainstGates(DeployedAgainstGates):
    """A pipeline reported a deployment that it had started by itself, although a gate was closed."""

    act: ClassVar[str] = "deployment.reported_against_gates"


@dataclass(frozen=True, kw_only=True)
class WrongCommitDeployed(Event):
    """A deployment's run was at another commit than the approved one."""

    act: ClassVar[str] = "deployment.wrong_commit"
    alarm: ClassVar[bool] = True
    subject_format: ClassVar[str] = "{environment} (deployment {deployment_id})"
    after_fields: ClassVar[Mapping[str, str]] = {"is": "head_sha"}

    environment: str
    deployment_id: DeploymentId
    head_sha: CommitSha


# --- workflow runs


@dataclass(frozen=True, kw_only=True)
class RunAdopted(Event):
    """GitHub has started a run that Longshore requested."""

    act: ClassVar[str] = "run.begin"
    subject_format: ClassVar[str] = "{request_id}"
    after_fields: ClassVar[Mapping[str, str]] = {"run": "run_id"}

    request_id: str
    run_id: RunId


@dataclass(frozen=True, kw_only=True)
class RunAmbiguous(Event):
    """Several runs on GitHub may be the requested one."""

    act: ClassVar[str] = "run.ambiguous"
    alarm: ClassVar[bool] = True
    subject_format: ClassVar[str] = "{request_id}"

    request_id: str


@dataclass(frozen=True, kw_only=True)
class StrayRun(Event):
    """A run exists that should not: it is being canceled."""

    act: ClassVar[str] = "run.stray"
    alarm: ClassVar[bool] = True
    subject_format: ClassVar[str] = "{request_id}: run {run_id}"
    after_fields: ClassVar[Mapping[str, str]] = {"run": "run_id", "why": "reason"}

    request_id: str
    run_id: RunId
    reason: str
