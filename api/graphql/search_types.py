"""What a search across projects finds, as its operation reads it."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Any

import strawberry

from api.graphql.connections import Connection, Info, computed, described, object_type
from api.graphql.enums import CandidateStatus
from api.graphql.listings import listed
from bot.context import Context
from bot.operations import searches
from bot.operations.searches import FoundCandidate as Candidate
from bot.operations.searches import Results


@object_type
class FoundCandidate:
    """A candidate that was found."""

    project: str = described("The name of its project.")
    version: str = described("Its version.")
    commit: str = described("Its commit's SHA.")
    status: CandidateStatus = described("Its status.")
    since: datetime | None = described("When it was cut.")
    cut_by: str = described("Who cut it.")
    live_on: list[str] = described("The environments where it is live.")


@object_type
class LastCut:
    """The candidate that a person cut last."""

    project: str = described("The name of its project.")
    version: str = described("Its version.")
    at: datetime | None = described("When it was cut.")


@object_type
class LastDeployment:
    """The deployment that a person asked for last."""

    id: strawberry.ID = described("Its id.")
    project: str = described("The name of its project.")
    environment: str = described("The name of its environment.")
    version: str = described("The version of its candidate.")
    at: datetime | None = described("When it was asked for.")


@object_type
class FoundPerson:
    """A person that was found."""

    name: str = described("The name.")
    cut: LastCut | None = described("What they cut last in the projects that the caller may see.")
    deployed: LastDeployment | None = described("What they deployed last in the projects that the caller may see.")


@object_type
class LiveVersion:
    """What is live on an environment."""

    environment: str = described("The name of the environment.")
    version: str = described("The version of the candidate.")


@object_type
class FoundProject:
    """A project that was found."""

    name: str = described("Its name.")
    repository: str | None = described("Its repository on GitHub.")
    archived: bool = described("Whether it is archived.")
    live: Connection[LiveVersion] = listed("live", lambda each: each.environment, "What is live there.")


def _candidate(each: Candidate) -> tuple[str, str]:
    return each.project, each.version


@object_type
class SearchResults:
    """What was found, at most 20 of each kind, the exact one first."""

    versions: Connection[FoundCandidate] = listed("versions", _candidate, "Candidates, by their versions.")
    commits: Connection[FoundCandidate] = listed("commits", _candidate, "Candidates, by their commits.")
    pulls: Connection[FoundCandidate] = listed(
        "pulls", _candidate, "Candidates that were cut or deployed on this pull request."
    )
    people: Connection[FoundPerson] = listed("people", lambda each: each.name, "People, by their names.")
    projects: Connection[FoundProject] = listed("projects", lambda each: each.name, "Projects, by their names.")


def _search(info: Info, q: str) -> Awaitable[Results]:
    async def find(context: Context) -> Results:
        return await searches.find(context, q)

    return info.context.read(("search", q), find)


SEARCH: Any = computed(
    _search,
    "What a text may mean: the first characters of a version, a SHA (at least 4) or a person's name; the number of a "
    "pull request, with `#` for nothing else; a part of a project's name. With `@`, people only.",
)
