"""A project at a glance: its candidates, what is where, what is between two environments, and its settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from bot.context import READ, Context, allowed
from bot.operations import board, config_guard, distances, offers
from bot.operations.distances import CountChanges
from bot.rules.access import Access
from bot.rules.board import Live, ProjectState
from bot.rules.github_pages import RepositoryPages
from bot.rules.ids import CommitSha
from bot.store import candidate_queries
from bot.store.candidate_queries import CandidateRow
from bot.store.gate_queries import from_json
from bot.store.projects import Environment, Project

PAGE_SIZE = 25
MAX_PAIRS = 30  # of environments that are compared
MAX_BETWEEN = 5  # candidates that are named
UNKNOWN: tuple[str | None, int | None] = (None, None)
"""How two commits are related that were never compared."""


@dataclass(frozen=True)
class CandidateLine:
    """A candidate in one line: its build, and the environments where it is live. `held` is by whom and why."""

    id: int
    version: str
    release: str
    commit: CommitSha
    branch: str
    status: str
    reason: str | None
    cut_at: datetime | str
    cut_by: str
    held: tuple[str, str] | None
    live_on: tuple[str, ...]
    build_url: str | None


@dataclass(frozen=True)
class Difference:
    """What is live on one environment and not yet on the one after it.

    `versions` are the candidates that were cut between, newest first; `has_more` of them are there. `ahead_by` is the
    number of commits, `status` how the one stands to the other; None if GitHub was never asked.
    """

    environment: str
    following: str
    base: CommitSha
    head: CommitSha
    versions: tuple[str, ...]
    has_more: bool
    status: str | None
    ahead_by: int | None


@dataclass(frozen=True)
class ProjectOverview:
    """A project as its page shows it. `older` is the id before which the next page of candidates begins, if any.

    `set_by_file` has the columns that the repository's configuration file sets, with their lines.
    """

    project: Project
    state: ProjectState
    environments: Sequence[Environment]
    candidates: Sequence[CandidateLine]
    older: int | None
    differences: Mapping[str, Difference]
    set_by_file: Mapping[str, int | None]
    access: Access
    pages: RepositoryPages | None


@allowed(READ)
async def read(context: Context, project: Project, *, before: int | None = None) -> ProjectOverview:
    """Read a project with a page of its candidates, newest first, whose ids are below `before`.

    Comparisons of commits that are not known yet are requested.
    """
    state, pages = await board.of_project(context, project), offers.pages_of(context, project)
    rows = await candidate_queries.newest(project.id, before=before, limit=PAGE_SIZE + 1)
    shown = rows[:PAGE_SIZE]
    return ProjectOverview(
        project=project,
        state=state,
        environments=await Environment.filter(project_id=project.id).order_by("position", "id"),
        candidates=[_line(row, state, pages) for row in shown],
        older=shown[-1]["id"] if len(rows) > PAGE_SIZE else None,
        differences={each.environment: each for each in await _differences(project, state)},
        set_by_file=await config_guard.lines_of(project),
        access=offers.access_to(context, project),
        pages=pages,
    )


def _line(row: CandidateRow, state: ProjectState, pages: RepositoryPages | None) -> CandidateLine:
    held = from_json(row["held"])
    live_on = (each.name for each in state.environments if each.live and each.live.version == row["version"])
    return CandidateLine(
        id=row["id"],
        version=row["version"],
        release=row["release_version"],
        commit=CommitSha(row["commit"]),
        branch=row["branch"],
        status=row["status"],
        reason=row["reason"],
        cut_at=row["created_at"],
        cut_by=row["cut_by"],
        held=None if held is None else (str(held.get("by")), str(held.get("reason"))),
        live_on=tuple(live_on),
        build_url=None if pages is None else pages.run(row["run_id"], row["run_url"]),
    )


async def _differences(project: Project, state: ProjectState) -> list[Difference]:
    """What is between what is live on each environment and on the one after it."""
    differing: list[tuple[str, str, Live, Live]] = []
    for one, following in pairwise(state.environments):
        if one.live and following.live and one.live.commit != following.live.commit:
            differing.append((one.name, following.name, one.live, following.live))
    differing = differing[:MAX_PAIRS]
    pairs = [(base.deployment, head.deployment) for _, _, head, base in differing]
    between = await candidate_queries.between(project.id, pairs, MAX_BETWEEN + 1)
    commits = [(base.commit, head.commit) for _, _, head, base in differing]
    compared = await _comparisons(project, commits)
    await _request_missing(project, [pair for pair in commits if compared.get(pair, UNKNOWN)[1] is None])
    found = []
    for part, (name, following_name, head, base) in enumerate(differing):
        versions = [row["version"] for row in between if row["part"] == part]
        status, ahead_by = compared.get((base.commit, head.commit), UNKNOWN)
        found.append(
            Difference(
                environment=name,
                following=following_name,
                base=base.commit,
                head=head.commit,
                versions=tuple(versions[:MAX_BETWEEN]),
                has_more=len(versions) > MAX_BETWEEN,
                status=status,
                ahead_by=ahead_by,
            )
        )
    return found


async def _request_missing(project: Project, pairs: Sequence[tuple[CommitSha, CommitSha]]) -> None:
    if project.repository is not None and project.repository.installation_id is not None:
        repository = project.repository.github_id
        await distances.request(CountChanges(repository, base, head) for base, head in pairs)


async def _comparisons(
    project: Project, pairs: Sequence[tuple[str, str]]
) -> Mapping[tuple[str, str], tuple[str | None, int | None]]:
    if project.repository_id is None:
        return {}
    rows = await candidate_queries.comparisons(project.repository_id, pairs)
    return {(row["base"], row["head"]): (row["status"], row["ahead_by"]) for row in rows}
