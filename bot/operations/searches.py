"""Searches across all projects that somebody may see: versions, commits, pull requests, people and projects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.context import READ, Context, authorize
from bot.operations import readable
from bot.rules.ids import CommitSha, DeploymentId
from bot.rules.searches import Search, parse_search
from bot.store import search_queries
from bot.store.gate_queries import to_time
from bot.store.search_queries import CandidateRow, LiveRow, PersonRow, ProjectRow


@dataclass(frozen=True)
class FoundCandidate:
    """A candidate, and the environments where it is live."""

    project: str
    version: str
    commit: CommitSha
    status: str
    since: datetime | None
    cut_by: str
    live_on: Sequence[str]


@dataclass(frozen=True)
class LastCut:
    """The candidate that a person cut last."""

    project: str
    version: str
    at: datetime | None


@dataclass(frozen=True)
class LastDeployment:
    """The deployment that a person asked for last."""

    id: DeploymentId
    project: str
    environment: str
    version: str
    at: datetime | None


@dataclass(frozen=True)
class FoundPerson:
    """A person, and what they did last in the projects that the caller may see."""

    name: str
    cut: LastCut | None
    deployed: LastDeployment | None


@dataclass(frozen=True)
class LiveVersion:
    """What is live on an environment."""

    environment: str
    version: str


@dataclass(frozen=True)
class FoundProject:
    """A project, and what is live there."""

    name: str
    repository: str | None
    archived: bool
    live: Sequence[LiveVersion]


@dataclass(frozen=True)
class Results:
    """What a search has found, at most 20 of each kind; a candidate is listed once, by the kind that fits best."""

    versions: Sequence[FoundCandidate] = ()
    commits: Sequence[FoundCandidate] = ()
    pulls: Sequence[FoundCandidate] = ()
    people: Sequence[FoundPerson] = ()
    projects: Sequence[FoundProject] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return not (self.versions or self.commits or self.pulls or self.people or self.projects)


async def find(context: Context, text: str) -> Results:
    """Find what a text may mean, in the projects that the caller may see. Refuses control characters.

    The exact one comes first in each kind. A pull request is known by the commands that were given there.
    """
    authorize(context.actor, READ)
    search = parse_search(text)
    if not search.text:
        return Results()
    context = await readable.with_readable(context)
    return await _find(context, search)


async def _find(context: Context, search: Search) -> Results:
    visible = context.actor.visibility(READ)
    versions = await search_queries.by_version(visible, search.version) if search.version else []
    commits = await search_queries.by_commit(visible, search.sha) if search.sha else []
    pulls = await search_queries.by_pull(visible, search.pull) if search.pull else []
    people = await search_queries.people(visible, search.person) if search.person else []
    projects = await search_queries.projects(visible, search.project) if search.project else []
    ids = {row["project_id"] for row in (*versions, *commits, *pulls)} | {row["id"] for row in projects}
    live = await search_queries.live(sorted(ids)) if ids else []
    listed = {row["id"] for row in versions}
    where = _where(live)
    return Results(
        versions=[_candidate(row, where) for row in versions],
        commits=[_candidate(row, where) for row in commits if row["id"] not in listed],
        pulls=[_candidate(row, where) for row in pulls],
        people=[_person(row) for row in people],
        projects=[_project(row, live) for row in projects],
    )


def _where(live: Sequence[LiveRow]) -> Mapping[int, list[str]]:
    """The environments where candidates are live, by the candidate's id."""
    found: dict[int, list[str]] = {}
    for row in live:
        found.setdefault(row["candidate_id"], []).append(row["environment"])
    return found


def _candidate(row: CandidateRow, where: Mapping[int, list[str]]) -> FoundCandidate:
    return FoundCandidate(
        project=row["project"],
        version=row["version"],
        commit=CommitSha(row["commit"]),
        status=row["status"],
        since=to_time(row["created_at"]),
        cut_by=row["cut_by"],
        live_on=where.get(row["id"], []),
    )


def _person(row: PersonRow) -> FoundPerson:
    cut = deployed = None
    if row["cut"] is not None:
        cut = LastCut(row["cut_in"] or "", row["cut"], to_time(row["cut_at"]))
    if row["deployment"] is not None:
        deployed = LastDeployment(
            DeploymentId(row["deployment"]),
            row["deployed_in"] or "",
            row["environment"] or "",
            row["deployed"] or "",
            to_time(row["deployed_at"]),
        )
    return FoundPerson(row["name"], cut, deployed)


def _project(row: ProjectRow, live: Sequence[LiveRow]) -> FoundProject:
    own = [LiveVersion(each["environment"], each["version"]) for each in live if each["project_id"] == row["id"]]
    return FoundProject(row["name"], row["full_name"], bool(row["archived"]), own)
