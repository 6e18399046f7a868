"""Records of the simulator's state: plain data without behavior."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.accounts import Account, OtherApp, Team
from sandbox.git import FileCache
from sandbox.history import History
from sandbox.workflows import EnvironmentUse, Step

ZERO_SHA = "0" * 40


def format_time(time: datetime | None) -> str | None:
    """Format a time as the API does: UTC, whole seconds, `Z`."""
    return None if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Reaction:
    """A reaction to a comment."""

    id: int
    user: Account
    content: str
    created_at: datetime


@dataclass(slots=True)
class Comment:
    """A comment on an issue or pull request (`number`) or on a commit (`sha`)."""

    id: int
    user: Account
    body: str
    created_at: datetime
    updated_at: datetime
    number: int | None = None
    sha: str | None = None
    path: str | None = None
    position: int | None = None
    line: int | None = None
    by_app: bool = False
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(slots=True)
class PullRequest:
    """A pull request; its head is a branch of the repository, or of a fork of `fork_owner`."""

    id: int
    number: int
    title: str
    user: Account
    head: str
    base: str
    base_sha: str
    created_at: datetime
    body: str | None = None
    state: str = "open"
    head_sha: str = ""
    merged_at: datetime | None = None
    merged_by: Account | None = None
    merge_sha: str | None = None
    fork_owner: Account | None = None
    landed: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Issue:
    """An issue that is not a pull request; both share one sequence of numbers."""

    id: int
    number: int
    title: str
    user: Account
    created_at: datetime
    body: str | None = None
    state: str = "open"
    merged_at: datetime | None = None


@dataclass(slots=True)
class Workflow:
    """A workflow file on the default branch."""

    id: int
    path: str
    state: str = "active"


@dataclass(slots=True)
class Run:
    """A workflow run. `id` is above 2**33; `ordinal` (the first run is 1) is easier to use in tests."""

    id: int
    ordinal: int
    repository: int
    workflow: str
    workflow_id: int
    workflow_name: str
    head_sha: str
    head_branch: str
    ref: str
    event: str
    display_title: str
    inputs: dict[str, str]
    actor: Account
    created_at: datetime
    updated_at: datetime
    started_at: datetime
    triggering_actor: Account
    status: str = "queued"
    conclusion: str | None = None
    run_attempt: int = 1
    attempts: list[dict[str, Any]] = field(default_factory=list)
    uses: list[EnvironmentUse] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    environment_jobs: list["EnvironmentJob"] = field(default_factory=list)
    finished_jobs: set[str] = field(default_factory=set)


@dataclass(slots=True)
class EnvironmentJob:
    """A job of a run's latest attempt that uses an environment.

    `awaiting` has `reviewers` and `rule` (the App's protection rule) until they have approved.
    """

    use: EnvironmentUse
    awaiting: set[str] = field(default_factory=set)
    requested: bool = False
    began: bool = False
    deployment: "Deployment | None" = None
    reports: list["GateReport"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class GateReport:
    """What the App reported about a waiting deployment: `approved`, `rejected`, or only a comment."""

    environment: str
    state: str | None
    comment: str


@dataclass(slots=True)
class Environment:
    """An environment of a repository; `rule` says whether the App's protection rule is enabled on it."""

    id: int
    name: str
    created_at: datetime
    reviewers: list[Account | Team] = field(default_factory=list)
    prevent_self_review: bool = False
    rule: bool = False


@dataclass(frozen=True, slots=True)
class Dispatch:
    """An accepted workflow dispatch."""

    workflow: str
    ref: str
    inputs: dict[str, str]
    run_id: int
    repository: str


@dataclass(slots=True)
class Deployment:
    """A deployment with its statuses, oldest first."""

    id: int
    ref: str
    sha: str
    task: str
    environment: str
    original_environment: str
    description: str | None
    payload: Any
    transient: bool
    production: bool
    creator: Account
    created_at: datetime
    updated_at: datetime
    statuses: list["DeploymentStatus"] = field(default_factory=list)


@dataclass(slots=True)
class DeploymentStatus:
    """A status of a deployment."""

    id: int
    state: str
    creator: Account
    created_at: datetime
    description: str = ""
    environment: str = ""
    environment_url: str = ""
    log_url: str = ""


@dataclass(slots=True)
class CheckRun:
    """A check run; `app` is the App that created it, None for the simulated one; `suite` is set for those of jobs."""

    id: int
    name: str
    head_sha: str
    status: str
    conclusion: str | None
    external_id: str
    details_url: str | None
    started_at: datetime | None
    completed_at: datetime | None
    output: dict[str, Any]
    actions: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    app: OtherApp | None = None
    suite: int | None = None


@dataclass(slots=True)
class CommitStatus:
    """A legacy commit status."""

    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: Account
    created_at: datetime


@dataclass(slots=True)
class Release:
    """A release of a tag; the tag of a draft need not exist."""

    id: int
    tag: str
    target: str
    author: Account
    created_at: datetime
    name: str | None = None
    body: str | None = None
    draft: bool = False
    prerelease: bool = False
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """A push of one ref that was not deleted; `files` are the names of those that its new commits change."""

    ref: str
    sha: str
    by: Account
    files: frozenset[str]


@dataclass(slots=True)
class Repository:
    """A repository with its history and everything that belongs to it."""

    id: int
    owner: Account
    name: str
    path: Path
    history: History
    created_at: datetime
    pushed_at: datetime
    private: bool = False
    archived: bool = False
    blocked: bool = False
    default_branch: str = "main"
    last_number: int = 0
    roles: dict[int, tuple[str, str]] = field(default_factory=dict)
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    commit_comments: dict[int, Comment] = field(default_factory=dict)
    workflows: dict[str, Workflow] = field(default_factory=dict)
    environments: dict[str, Environment] = field(default_factory=dict)
    deployments: dict[int, Deployment] = field(default_factory=dict)
    checks: dict[int, CheckRun] = field(default_factory=dict)
    statuses: list[CommitStatus] = field(default_factory=list)
    releases: dict[int, Release] = field(default_factory=dict)
    latest_release: int | None = None
    protected_tags: list[str] = field(default_factory=list)
    execution_protection: str | None = None
    workflows_permission: bool = False
    workflows_status: int = 403
    file_cache: FileCache = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner.login}/{self.name}"


@dataclass(frozen=True, slots=True)
class Call:
    """A REST request and the status of its response; 0 if there was no response."""

    method: str
    path: str
    route: str
    status: int
    at: datetime
    authorization: str
