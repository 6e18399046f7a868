"""The board: what is where, what is under way and what waits, for every project that the caller may see."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.context import READ, Context, authorize
from bot.operations import distances, readable
from bot.operations.distances import CountChanges
from bot.rules.board import (
    Block,
    ClosedGate,
    EnvironmentState,
    Held,
    Live,
    NewestCandidate,
    ProjectState,
    UnderWay,
    Waiting,
)
from bot.rules.gate_results import from_json as decision_from_json
from bot.rules.ids import CommitSha, DeploymentId, ProjectId, RepositoryId
from bot.rules.permissions import Visibility
from bot.store import board_queries
from bot.store.board_queries import EnvironmentRow, FreezeRow, HeldRow, LockRow, ProjectRow
from bot.store.gate_queries import from_json, known_time, to_time
from bot.store.projects import Project

MAX_PROJECTS = 500
MAX_HELD = 10  # releases of one project that are shown


async def read(context: Context, *, words: str = "", project: str | None = None) -> list[ProjectState]:
    """Read the first 500 projects by name, without archived ones: those whose name or repository has all the words.

    With `project`, only that one, archived or not; none if it does not exist, or the caller may not read it. A person
    sees the projects of the repositories that they may read on GitHub. Comparisons of commits that are not known yet
    are requested.
    """
    authorize(context.actor, READ)
    context = await readable.with_readable(context)
    return await _states(context, context.actor.visibility(READ), words, project)


async def of_project(context: Context, project: Project) -> ProjectState:
    """Read the state of one project, archived or not, without checking grants."""
    return (await _states(context, Visibility(everything=True), "", project.name))[0]


async def _states(context: Context, visible: Visibility, words: str, project: str | None) -> list[ProjectState]:
    rows = await board_queries.projects(visible, words, project, MAX_PROJECTS)
    ids = [row["id"] for row in rows]
    if not ids:
        return []
    environments = await _environments(context.now(), ids)
    held = _by_project(await board_queries.held(ids))
    return [_project(row, environments[row["id"]], held[row["id"]]) for row in rows]


async def visible_projects(context: Context) -> frozenset[int]:
    """The ids of the projects that the caller may see."""
    context = await readable.with_readable(context)
    rows = await board_queries.visible_ids(context.actor.visibility(READ))
    return frozenset(row["id"] for row in rows)


async def _environments(now: datetime, ids: list[int]) -> Mapping[int, list[EnvironmentState]]:
    freezes, locks = await board_queries.freezes(now), await board_queries.locks(now)
    by_environment = {row["environment_id"]: row for row in locks}
    found: defaultdict[int, list[EnvironmentState]] = defaultdict(list)
    rows = await board_queries.environments(ids)
    await distances.request(_missing(rows))
    for row in rows:
        own = tuple(_freeze(each) for each in freezes if _blocks(each, row))
        found[row["project_id"]].append(_environment(row, own, by_environment.get(row["id"])))
    return found


def _missing(rows: Iterable[EnvironmentRow]) -> Iterator[CountChanges]:
    """The comparisons that are not stored, of what is live with the newest candidate that is or may become ready.

    None of repositories that the App does not reach.
    """
    for row in rows:
        base, head = row["live_commit"], row["newest_commit"]
        if row["is_reached"] and row["repository_id"] and head and base != head and row["ahead_by"] is None:
            yield CountChanges(RepositoryId(row["repository_id"]), CommitSha(base), CommitSha(head))


def _blocks(freeze: FreezeRow, environment: EnvironmentRow) -> bool:
    if freeze["scope"] == "service":
        return True
    if freeze["scope"] == "project":
        return freeze["project_id"] == environment["project_id"]
    return freeze["environment_id"] == environment["id"]


def _by_project(rows: Iterable[HeldRow]) -> Mapping[int, list[Held]]:
    found: defaultdict[int, list[Held]] = defaultdict(list)
    for row in rows:
        if len(found[row["project_id"]]) < MAX_HELD:
            held = from_json(row["held"]) or {}
            found[row["project_id"]].append(Held(row["version"], str(held.get("by")), str(held.get("reason"))))
    return found


def _project(row: ProjectRow, environments: Sequence[EnvironmentState], held: Sequence[Held]) -> ProjectState:
    newest = None
    if row["version"] is not None:
        since = known_time(row["created_at"])
        commit = CommitSha(row["commit"])
        newest = NewestCandidate(row["version"], commit, row["status"], row["reason"], since, row["cut_by"])
    return ProjectState(ProjectId(row["id"]), row["name"], row["full_name"], newest, tuple(environments), tuple(held))


def _environment(row: EnvironmentRow, freezes: tuple[Block, ...], lock: LockRow | None) -> EnvironmentState:
    return EnvironmentState(
        name=row["name"],
        tier=row["tier"],
        live=_live(row),
        running=_running(row),
        waiting=_waiting(row),
        freezes=freezes,
        lock=None if lock is None else _lock(lock),
    )


def _live(row: EnvironmentRow) -> Live | None:
    if row["live_id"] is None:
        return None
    return Live(
        deployment=DeploymentId(row["live_id"]),
        version=row["live_version"],
        commit=CommitSha(row["live_commit"]),
        since=known_time(row["live_since"]),
        by=row["live_by"],
        automatic=bool(row["live_automatic"]),
        behind=_behind(row),
        is_counting=any(_missing([row])),
    )


def _behind(row: EnvironmentRow) -> int | None:
    """How many commits the newest candidate that is or may become ready is ahead of what is live."""
    if row["live_commit"] == row["newest_commit"]:
        return 0
    return row["ahead_by"] if row["comparison"] == "ahead" else None


def _running(row: EnvironmentRow) -> UnderWay | None:
    if row["running_id"] is None:
        return None
    usual = None
    if row["live_id"] is not None and (started := to_time(row["live_started_at"])) is not None:
        usual = (known_time(row["live_since"]) - started).total_seconds()
    return UnderWay(
        deployment=DeploymentId(row["running_id"]),
        version=row["running_version"],
        commit=CommitSha(row["running_commit"]),
        status=row["running_status"],
        kind=row["running_kind"],
        since=known_time(row["running_since"] or row["running_asked_at"]),
        by=row["running_by"],
        usual_seconds=usual,
    )


def _waiting(row: EnvironmentRow) -> Waiting | None:
    if row["waiting_id"] is None:
        return None
    return Waiting(
        deployment=DeploymentId(row["waiting_id"]),
        version=row["waiting_version"],
        commit=CommitSha(row["waiting_commit"]),
        since=known_time(row["waiting_since"]),
        by=row["waiting_by"],
        expires_at=to_time(row["expires_at"]),
        waits_for=closed_gates(row["decision"]),
    )


def closed_gates(stored: Any) -> tuple[ClosedGate, ...]:
    """The closed gates of a stored decision."""
    decision = from_json(stored)
    if decision is None:
        return ()
    closed = decision_from_json(decision).closed()
    return tuple(ClosedGate(each.gate, each.sentence, each.until, each.who_can_help) for each in closed)


def _freeze(row: FreezeRow) -> Block:
    return Block(
        row["id"], row["scope"], row["created_by"], row["reason"], known_time(row["since"]), to_time(row["until"])
    )


def _lock(row: LockRow) -> Block:
    return Block(row["id"], "", row["owner"], row["reason"], known_time(row["since"]), to_time(row["until"]))
