"""The facts that the database knows about a deployment, from which the gates are decided."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
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
from bot.store.gate_queries import ApprovalRow, EarlierRow, FreezeRow, StateRow, to_time
from bot.store.projects import Environment

NOT_ASKED = "GitHub has not been asked yet"


@dataclass(frozen=True)
class _Stored:
    """What is stored about some environments of a project and a candidate: `states` by the environments' ids.

    `settings` are those of their gates, in the same order.
    `earlier` is how its commit fared, by the names of environments; `newest` the commit that was deployed last anywhere
    in the project, if somebody has to know. `authors` are those of its changes since a commit, if they are known.
    """

    now: datetime
    settings: Sequence[GateSettings]
    states: Mapping[int, StateRow]
    freezes: Sequence[FreezeRow]
    earlier: Mapping[str, EarlierRow]
    approvals: Sequence[ApprovalRow]
    newest: str | None
    authors: Mapping[str, tuple[list[int], list[str]] | None]


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
    return (await read_all(context, [environment], candidate, requester, deployment=deployment))[0]


async def read_all(
    context: Context,
    environments: Sequence[Environment],
    candidate: Candidate,
    requester: Requester,
    *,
    deployment: DeploymentId | None = None,
) -> list[GateFacts]:
    """Read likewise the facts of several environments of the candidate's project, in as many statements as of one."""
    stored = await _read_stored(context.now(), environments, candidate, deployment or DeploymentId(0))
    pairs = zip(environments, stored.settings, strict=True)
    return [_facts(environment, settings, candidate, requester, stored) for environment, settings in pairs]


async def _read_stored(
    now: datetime, environments: Sequence[Environment], candidate: Candidate, deployment: DeploymentId
) -> _Stored:
    project, ids = environments[0].project_id, [environment.id for environment in environments]
    settings = [gate_settings.read(environment.gate_settings) for environment in environments]
    states = await gate_queries.states(ids, candidate.id, deployment, now)
    named = [environment for environment, own in zip(ids, settings, strict=True) if _names_authors(own)]
    bases = [states[environment]["live_commit"] for environment in named]
    newest = await gate_queries.newest_success(project, deployment) if None in bases else None
    # since what is live elsewhere, the authors stand in the states
    since = {base or newest or candidate.commit for base in bases if base in (None, candidate.commit)}
    return _Stored(
        now=now,
        settings=settings,
        states=states,
        freezes=await gate_queries.freezes(ids, project, now),
        earlier=await gate_queries.earlier(project, candidate.commit) if any(own.after for own in settings) else {},
        approvals=await gate_queries.approvals(candidate.id, ids)
        if any(own.approvals.count for own in settings)
        else (),
        newest=newest,
        authors={
            base: await gate_queries.authors(candidate.repository_id, base, candidate.commit) for base in sorted(since)
        },
    )


def _facts(
    environment: Environment, settings: GateSettings, candidate: Candidate, requester: Requester, stored: _Stored
) -> GateFacts:
    state = stored.states[environment.id]
    given = [row for row in stored.approvals if row["environment_id"] == environment.id]
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
        now=stored.now,
        held=_hold(gate_queries.from_json(state["held"])),
        closed=environment.closed,
        freezes=_freezes(stored.freezes, environment),
        lock=_lock(state),
        busy_with=None if state["busy_with"] is None else DeploymentId(state["busy_with"]),
        earlier=tuple(_earlier_environment(name, stored.earlier.get(name)) for name in settings.after),
        live=_live(state, candidate),
        approvals=tuple(map(_approval, given)) if settings.approvals.count else (),
        authors=_authors(candidate, state, stored) if _names_authors(settings) else None,
        users=environment.listed_users,
    )


async def read_freezes(environment: Environment, now: datetime) -> tuple[Freeze, ...]:
    """The freezes in force on an environment, the oldest first."""
    return _freezes(await gate_queries.freezes([environment.id], environment.project_id, now), environment)


def _freezes(rows: Iterable[FreezeRow], environment: Environment) -> tuple[Freeze, ...]:
    return tuple(
        Freeze(
            cast("Scope", row["scope"]), row["created_by"], row["reason"], to_time(row["since"]), to_time(row["until"])
        )
        for row in rows
        if row["environment_id"] in (None, environment.id)
    )


async def read_approvals(environment: Environment, candidate: Candidate) -> tuple[ApprovalFact, ...]:
    """The approvals of a candidate for an environment, the oldest first."""
    return tuple(map(_approval, await gate_queries.approvals(candidate.id, [environment.id])))


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


def _names_authors(settings: GateSettings) -> bool:
    """Whether it has to be known who wrote what a deployment would bring."""
    return bool(settings.approvals.count) and not settings.approvals.authors


def _authors(candidate: Candidate, state: StateRow, stored: _Stored) -> AuthorsFact:
    """Who wrote what the deployment would bring: since what is live there, or was deployed last anywhere else.

    Without either, of the candidate's commit alone, which is stored as a comparison with itself.
    """
    base = state["live_commit"]
    if base is not None and base != candidate.commit:
        found = gate_queries.authors_of(state["author_ids"], state["unlinked"])
    else:
        base = base or stored.newest
        found = stored.authors[base or candidate.commit]
    since = None if base is None else CommitSha(base)
    if found is None:
        return AuthorsFact(base=since, problem=NOT_ASKED)
    return AuthorsFact(frozenset(map(GitHubUserId, found[0])), tuple(found[1]), since)
