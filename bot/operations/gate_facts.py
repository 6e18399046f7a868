"""The facts that the database knows about a deployment, from which the gates are decided."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import cast

from bot.context import Context
from bot.rules import gate_settings
from bot.rules.deployments import ACTIVE
from bot.rules.gate_facts import (
    ApprovalFact,
    AuthorsFact,
    Block,
    CandidateFact,
    Comparison,
    EarlierEnvironment,
    Freeze,
    GateFacts,
    LiveFact,
    LockFact,
    Requester,
    Scope,
)
from bot.rules.gate_settings import GateSettings
from bot.rules.ids import CommitSha, DeploymentId, GitHubUserId
from bot.store.candidates import Candidate
from bot.store.comparisons import StoredComparison
from bot.store.database import fetch
from bot.store.deployments import Deployment, live_deployment
from bot.store.gates import Approval, EnvironmentLock, freezes_of, lock_in_force
from bot.store.gates import Freeze as StoredFreeze
from bot.store.projects import Environment
from bot.store.releases import Release
from bot.store.users import User

NOT_ASKED = "GitHub has not been asked yet"

EARLIER = """
SELECT e.name,
    (SELECT max(d.deploy_end_at) FROM deployments d JOIN candidates c ON c.id = d.candidate_id
        WHERE d.environment_id = e.id AND c."commit" = $2 AND d.status = 'success') AS deployed_at,
    (SELECT max(d.deploy_end_at) FROM deployments d JOIN candidates c ON c.id = d.candidate_id
        WHERE d.environment_id = e.id AND c."commit" = $2 AND d.status IN ('failure', 'error')
        AND COALESCE(d.wait_outcome, 'dispatched') = 'dispatched') AS failed_at,
    (SELECT max(d.created_at) FROM deployments d JOIN candidates c ON c.id = d.from_candidate_id
        WHERE d.environment_id = e.id AND c."commit" = $2 AND d.kind = 'rollback' AND d.status <> 'canceled'
    ) AS rolled_back_at
FROM environments e WHERE e.project_id = $1
"""
NEWEST_SUCCESS = """
SELECT c."commit" FROM deployments d JOIN candidates c ON c.id = d.candidate_id
JOIN environments e ON e.id = d.environment_id
WHERE e.project_id = $1 AND d.status = 'success' ORDER BY d.deploy_end_at DESC, d.id DESC LIMIT 1
"""


async def read(
    context: Context,
    environment: Environment,
    candidate: Candidate,
    requester: Requester,
    *,
    deployment: DeploymentId | None = None,
) -> GateFacts:
    """Read the facts as they are now; the rows of the environment and the candidate should be locked.

    `deployment` is the one that is decided about, if it has a row already: it does not make the environment busy.
    """
    settings, now = gate_settings.read(environment.gate_settings), context.now()
    release, cut_by = await Release.get(id=candidate.release_id), await User.get(id=candidate.created_by_id)
    live = await live_deployment(environment.id).select_related("candidate")
    return GateFacts(
        environment=environment.name,
        tier=environment.tier,
        settings=settings,
        candidate=CandidateFact(
            version=candidate.version,
            commit=candidate.commit,
            status=candidate.status,
            reason=candidate.reason,
            cut_by=cut_by.id,
            cut_by_github_id=None if cut_by.github_id is None else GitHubUserId(cut_by.github_id),
        ),
        requester=requester,
        now=now,
        held=_hold(release),
        closed=environment.closed,
        freezes=await read_freezes(environment, now),
        lock=await _lock(environment, now),
        busy_with=await _busy_with(environment, deployment),
        earlier=await _earlier(environment, candidate, settings),
        live=None if live is None else await _live(environment, candidate, live, settings),
        approvals=await _approvals(environment, candidate, settings),
        authors=await _authors(environment, candidate, live, settings),
        users=environment.listed_users,
    )


def _hold(release: Release) -> Block | None:
    if release.held is None:
        return None
    since = None
    with suppress(ValueError):
        since = _time(release.held.get("since"))
    return Block(str(release.held.get("by")), str(release.held.get("reason")), since)


async def read_freezes(environment: Environment, now: datetime) -> tuple[Freeze, ...]:
    """The freezes in force on an environment, the oldest first."""
    rows = await StoredFreeze.filter(freezes_of(environment, now)).order_by("since", "id").select_related("created_by")
    return tuple(
        Freeze(cast("Scope", row.scope), row.created_by.name, row.reason, row.since, row.until) for row in rows
    )


async def _lock(environment: Environment, now: datetime) -> LockFact | None:
    row = (
        await EnvironmentLock.filter(lock_in_force(now), environment_id=environment.id).first().select_related("owner")
    )
    return None if row is None else LockFact(row.owner_id, row.owner.name, row.reason, row.since, row.until)


async def _busy_with(environment: Environment, deployment: DeploymentId | None) -> DeploymentId | None:
    active = Deployment.filter(environment_id=environment.id, status__in=list(ACTIVE), waiting=False)
    others = active if deployment is None else active.exclude(id=deployment)
    row = await others.order_by("id").first()
    return None if row is None else row.id


async def _earlier(
    environment: Environment, candidate: Candidate, settings: GateSettings
) -> tuple[EarlierEnvironment, ...]:
    if not settings.after:
        return ()
    rows = {row["name"]: row for row in await fetch(EARLIER, environment.project_id, candidate.commit)}
    return tuple(_earlier_environment(name, rows) for name in settings.after)


def _earlier_environment(name: str, rows: dict[str, dict[str, object]]) -> EarlierEnvironment:
    row = rows.get(name)
    if row is None:
        return EarlierEnvironment(name, exists=False)
    deployed_at = _time(row["deployed_at"])
    failures = [at for at in (_time(row["failed_at"]), _time(row["rolled_back_at"])) if at is not None]
    later = [at for at in failures if deployed_at is not None and at >= deployed_at]
    return EarlierEnvironment(name, True, deployed_at, max(later, default=None))


def _time(value: object) -> datetime | None:
    """A time of a plain statement, which is text on SQLite."""
    return datetime.fromisoformat(value) if isinstance(value, str) else cast("datetime | None", value)


async def _live(environment: Environment, candidate: Candidate, live: Deployment, settings: GateSettings) -> LiveFact:
    commit = live.candidate.commit
    if commit == candidate.commit:
        return LiveFact(live.candidate.version, commit, "identical")
    stored = None
    if settings.refuses_downgrades(environment.tier):
        stored = await _comparison(candidate, commit)
    comparison = None if stored is None else cast("Comparison", stored.status)
    return LiveFact(live.candidate.version, commit, comparison, None if stored is not None else NOT_ASKED)


async def _comparison(candidate: Candidate, base: CommitSha) -> StoredComparison | None:
    return await StoredComparison.get_or_none(repository_id=candidate.repository_id, base=base, head=candidate.commit)


async def _approvals(
    environment: Environment, candidate: Candidate, settings: GateSettings
) -> tuple[ApprovalFact, ...]:
    if not settings.approvals.count:
        return ()
    rows = Approval.filter(candidate_id=candidate.id, environment_id=environment.id, withdrawn_at=None)
    return tuple(approval_fact(row) for row in await rows.order_by("id").select_related("user"))


def approval_fact(row: Approval) -> ApprovalFact:
    """An approval, whose user must have been fetched, as a fact."""
    return ApprovalFact(
        id=row.id,
        user_id=row.user_id,
        login=row.user.name,
        github_id=GitHubUserId(row.user.github_id or 0),
        approved_at=row.approved_at,
        by_operator=row.by_operator,
    )


async def _authors(
    environment: Environment, candidate: Candidate, live: Deployment | None, settings: GateSettings
) -> AuthorsFact | None:
    """Who wrote what the deployment would bring: since what is live there, or was deployed last anywhere else.

    Without either, of the candidate's commit alone, which is stored as a comparison with itself.
    """
    if not settings.approvals.count or settings.approvals.authors:
        return None
    base = live.candidate.commit if live is not None else await _newest_success(environment)
    stored = await _comparison(candidate, base or candidate.commit)
    if stored is None or stored.author_ids is None:
        return AuthorsFact(base=base, problem=NOT_ASKED)
    ids = frozenset(GitHubUserId(each) for each in stored.author_ids)
    return AuthorsFact(ids, tuple(stored.unlinked or ()), base)


async def _newest_success(environment: Environment) -> CommitSha | None:
    rows: Sequence[dict[str, str]] = await fetch(NEWEST_SUCCESS, environment.project_id)
    return CommitSha(rows[0]["commit"]) if rows else None
