"""The native API of searches across all projects that the caller may see."""

from pydantic import BaseModel, ConfigDict, Field

from api.http.endpoints import Call, Endpoint
from api.http.errors import native_dialect
from api.http.types import Timestamp
from bot.context import Context
from bot.operations import searches
from bot.operations.searches import Results

SEARCH = "/api/search"


class SearchModel(BaseModel):
    """A model whose values are those of a dataclass of `bot/operations/searches.py`."""

    model_config = ConfigDict(from_attributes=True)


class SearchQuery(BaseModel):
    """What to search for."""

    q: str = Field(
        max_length=100,
        description="The first characters of a version, a SHA (at least 4) or a person's name; the number of a pull "
        "request, with `#` for nothing else; a part of a project's name. With `@`, people only.",
        examples=["1.4.0"],
    )


class FoundCandidateResponse(SearchModel):
    """A candidate, and the environments where it is live."""

    project: str
    version: str
    commit: str
    status: str
    since: Timestamp | None
    cut_by: str
    live_on: list[str]


class LastCutResponse(SearchModel):
    """The candidate that a person cut last."""

    project: str
    version: str
    at: Timestamp | None


class LastDeploymentResponse(LastCutResponse):
    """The deployment that a person asked for last."""

    id: int
    environment: str


class FoundPersonResponse(SearchModel):
    """A person, and what they did last in the projects that the caller may see."""

    name: str
    cut: LastCutResponse | None
    deployed: LastDeploymentResponse | None


class LiveVersionResponse(SearchModel):
    """What is live on an environment."""

    environment: str
    version: str


class FoundProjectResponse(SearchModel):
    """A project, and what is live there."""

    name: str
    repository: str | None
    archived: bool
    live: list[LiveVersionResponse]


class SearchResponse(SearchModel):
    """What was found, at most 20 of each kind, the exact one first."""

    versions: list[FoundCandidateResponse]
    commits: list[FoundCandidateResponse]
    pulls: list[FoundCandidateResponse] = Field(description="Candidates cut or deployed on this pull request.")
    people: list[FoundPersonResponse]
    projects: list[FoundProjectResponse]


async def find(context: Context, call: Call[None, SearchQuery]) -> Results:
    """Search for a version, a commit, a pull request, a person or a project, and show where each is live."""
    return await searches.find(context, call.query.q)


DIALECT = native_dialect("search", Endpoint("GET", SEARCH, find, SearchResponse, query_model=SearchQuery))
