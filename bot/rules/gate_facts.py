"""The facts from which the gates between a candidate and an environment are decided.

Those that the database knows are read under the environment's lock; those that GitHub knows are asked for before it. A
fact of GitHub's that could not be read carries a `problem`, which says why: its gate waits, and never passes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bot.rules.approvers import PersonFact
from bot.rules.checks import CheckResult
from bot.rules.gate_settings import GateSettings
from bot.rules.ids import ApprovalId, CommitSha, DeploymentId, GitHubUserId, UserId

Comparison = Literal["identical", "ahead", "behind", "diverged"]
"""How the candidate's commit stands to the live one; `behind`: it is an ancestor."""
Scope = Literal["environment", "project", "service"]


@dataclass(frozen=True)
class CandidateFact:
    """The candidate. `reason` says why it failed, was canceled or is banned."""

    version: str
    commit: CommitSha
    status: str
    reason: str | None = None
    cut_by: UserId | None = None
    cut_by_github_id: GitHubUserId | None = None


@dataclass(frozen=True)
class Requester:
    """Who asks for the deployment: a person (`github_id`), a token's user, or Longshore itself (`automatic`).

    `person` is what GitHub says about a person, asked for where the environment names `deployers`.
    """

    user_id: UserId
    name: str
    github_id: GitHubUserId | None = None
    automatic: bool = False
    person: PersonFact | None = None


@dataclass(frozen=True)
class Block:
    """A hold of the release: by whom, why, and since when."""

    by: str
    reason: str
    since: datetime | None = None


@dataclass(frozen=True)
class Freeze:
    """A freeze in force."""

    scope: Scope
    by: str
    reason: str
    since: datetime | None
    until: datetime | None = None


@dataclass(frozen=True)
class LockFact:
    """The lock of the environment: whose it is, why, since and until when."""

    owner: UserId
    owner_name: str
    reason: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class EarlierEnvironment:
    """How the candidate's commit fared on an environment that comes before this one.

    `deployed_at` is when it last got there successfully, by any candidate of the same commit; None if it never did.
    `failed_at` is when a deployment of the commit failed there, or the environment was rolled back from it, since then.
    `exists` is False if there is no environment of this name.
    """

    name: str
    exists: bool = True
    deployed_at: datetime | None = None
    failed_at: datetime | None = None


@dataclass(frozen=True)
class LiveFact:
    """What is live on the environment, and how the candidate's commit stands to it."""

    version: str
    commit: CommitSha
    comparison: Comparison | None = None
    problem: str | None = None


@dataclass(frozen=True)
class ChecksFact:
    """Every check and commit status at the candidate's commit, ours left out."""

    results: tuple[CheckResult, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class ApprovalFact:
    """An approval of this candidate for this environment that was not withdrawn.

    `person` is None if GitHub could not be asked about the approver; `by_operator`: given with a token that an operator
    made for this person.
    """

    id: ApprovalId
    user_id: UserId
    login: str
    github_id: GitHubUserId
    approved_at: datetime
    person: PersonFact | None = None
    problem: str | None = None
    by_operator: bool = False


@dataclass(frozen=True)
class AuthorsFact:
    """Who wrote the commits that the deployment would bring: authors, committers and co-authors.

    `unlinked` are the names of those whom GitHub links to no account. `base` is the commit they are counted from.
    """

    ids: frozenset[GitHubUserId] = frozenset()
    unlinked: tuple[str, ...] = ()
    base: CommitSha | None = None
    problem: str | None = None


@dataclass(frozen=True)
class GateFacts:
    """The input of the gates.

    `closed` says why the environment takes no deployments at all; None if it takes them. `busy_with` is the id of
    another deployment that is under way there. `users` are the GitHub ids of the logins in the settings' lists.
    """

    environment: str
    tier: str
    settings: GateSettings
    candidate: CandidateFact
    requester: Requester
    now: datetime
    held: Block | None = None
    closed: str | None = None
    freezes: tuple[Freeze, ...] = ()
    lock: LockFact | None = None
    busy_with: DeploymentId | None = None
    earlier: tuple[EarlierEnvironment, ...] = ()
    live: LiveFact | None = None
    checks: ChecksFact | None = None
    approvals: tuple[ApprovalFact, ...] = ()
    authors: AuthorsFact | None = None
    users: Mapping[str, GitHubUserId] = field(default_factory=dict)


@dataclass(frozen=True)
class Override:
    """The words of somebody who may override gates: by whom and why."""

    by: str
    reason: str
