"""The facts that the database knows about a deployment, from which the gates are decided."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

from bot.context import Context
from bot.rules import gate_settings
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
from bot.rules.ids import ApprovalId, CommitSha, DeploymentId, GitHubUserId, UserId
from bot.store import gate_queries
from bot.store.candidates import Candidate
from bot.store.gate_queries import ApprovalRow, EarlierRow, StateRow, to_time
from bot.store.projects import Environment

NOT_ASKED = "GitHub has not been asked yet"


async def read(
    context: Context,
    environment: Environment,
    candidate: Candidate,
    requester: Requester,
    *,
    deployment: DeploymentId | None = None,
) -> GateFacts:
    """Read the facts as they are now; the rows of the environment and the candidate should be locked.

    `deployment` is the one that is decided about, if it has a row already: the facts are those without it.
    """
    settings, now = gate_settings.read(environment.gate_settings), context.now()
    state = await gate_queries.state(environment.id, candidate.id, deployment or 0, now)
    return GateFacts(
        environment=environment.name,
        tier=environment.tier,
        settings=settings,
        candidate=CandidateFact(
            version=candidate.version,
            commit=candidate.commit,
            status=candidate.status,
            reason=candidate.reason,
            cut_by=UserId(state["cut_by"]),
            cut_by_github_id=_github_id(state["cut_by_github_id"]),
        ),
        requester=requester,
        now=now,
        held=_hold(gate_queries.from_json(state["held"])),
        closed=environment.closed,
        freezes=await read_freezes(environment, now),
        lock=_lock(state),
        busy_with=None if state["busy_with"] is None else DeploymentId(state["busy_with"]),
        earlier=await _earlier(environment, candidate, settings),
        live=_live(state, candidate),
        approvals=await read_approvals(environment, candidate) if settings.approvals.count else (),
        authors=await _authors(environment, candidate, state, settings, deployment or DeploymentId(0)),
        users=environment.listed_users,
    )


async def read_freezes(environment: Environment, now: datetime) -> tuple[Freeze, ...]:
    """The freezes in force on an environment, the oldest first."""
    rows = await gate_queries.freezes(environment.id, environment.project_id, now)
    return tuple(
        Freeze(
            cast("Scope", row["scope"]), row["created_by"], row["reason"], to_time(row["since"]), to_time(row["until"])
        )
        for row in rows
    )


async def read_approvals(environment: Environment, candidate: Candidate) -> tuple[ApprovalFact, ...]:
    """The approvals of a candidate for an environment, the oldest first."""
    return tuple(map(_approval, await gate_queries.approvals(candidate.id, environment.id)))


def _approval(row: ApprovalRow) -> ApprovalFact:
    return ApprovalFact(
        id=ApprovalId(row["id"]),
        user_id=UserId(row["user_id"]),
        login=row["login"],
        github_id=GitHubUserId(row["github_id"] or 0),
        approved_at=cast("datetime", to_time(row["approved_at"])),
        by_operator=bool(row["by_operator"]),
    )


def _github_id(value: int | None) -> GitHubUserId | None:
    return None if value is None else GitHubUserId(value)


def _hold(held: Mapping[str, Any] | None) -> Block | None:
    if held is None:
        return None
    since = None
    with suppress(ValueError):
        since = to_time(held.get("since"))
    return Block(str(held.get("by")), str(held.get("reason")), since)


def _lock(state: StateRow) -> LockFact | None:
    if state["lock_owner"] is None:
        return None
    return LockFact(
        owner=UserId(state["lock_owner"]),
        owner_name=str(state["lock_owner_name"]),
        reason=str(state["lock_reason"]),
        since=cast("datetime", to_time(state["lock_since"])),
        until=to_time(state["lock_until"]),
    )


async def _earlier(
    environment: Environment, candidate: Candidate, settings: GateSettings
) -> tuple[EarlierEnvironment, ...]:
    if not settings.after:
        return ()
    rows = await gate_queries.earlier(environment.project_id, candidate.commit)
    return tuple(_earlier_environment(name, rows.get(name)) for name in settings.after)


def _earlier_environment(name: str, row: EarlierRow | None) -> EarlierEnvironment:
    if row is None:
        return EarlierEnvironment(name, exists=False)
    deployed_at = to_time(row["deployed_at"])
    failures = [at for at in (to_time(row["failed_at"]), to_time(row["rolled_back_at"])) if at is not None]
    later = [at for at in failures if deployed_at is not None and at >= deployed_at]
    return EarlierEnvironment(name, True, deployed_at, max(later, default=None))


def _live(state: StateRow, candidate: Candidate) -> LiveFact | None:
    if state["live_commit"] is None:
        return None
    commit, version = CommitSha(state["live_commit"]), str(state["live_version"])
    if commit == candidate.commit:
        return LiveFact(version, commit, "identical")
    if state["comparison"] is None:
        return LiveFact(version, commit, None, NOT_ASKED)
    return LiveFact(version, commit, cast("Comparison", state["comparison"]))


async def _authors(
    environment: Environment,
    candidate: Candidate,
    state: StateRow,
    settings: GateSettings,
    deployment: DeploymentId,
) -> AuthorsFact | None:
    """Who wrote what the deployment would bring: since what is live there, or was deployed last anywhere else.

    Without either, of the candidate's commit alone, which is stored as a comparison with itself.
    """
    if not settings.approvals.count or settings.approvals.authors:
        return None
    base, found = state["live_commit"], None
    if base is not None and base != candidate.commit:
        found = gate_queries.authors_of(state["author_ids"], state["unlinked"])
    else:
        base = base or await gate_queries.newest_success(environment.project_id, deployment)
        found = await gate_queries.authors(candidate.repository_id, base or candidate.commit, candidate.commit)
    since = None if base is None else CommitSha(base)
    if found is None:
        return AuthorsFact(base=since, problem=NOT_ASKED)
    return AuthorsFact(frozenset(map(GitHubUserId, found[0])), tuple(found[1]), since)
