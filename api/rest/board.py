"""The native API of the board: what is live, what runs, what waits and what is stopped, of each project."""

from pydantic import BaseModel, ConfigDict, Field

from api.http.endpoints import Call, Endpoint
from api.http.errors import native_dialect
from api.http.types import Timestamp
from bot.context import Context
from bot.operations import board
from bot.rules.board import ProjectState

BOARD = "/api/board"


class BoardModel(BaseModel):
    """A model whose values are those of a dataclass of `bot/rules/board.py`."""

    model_config = ConfigDict(from_attributes=True)


class BoardQuery(BaseModel):
    """Which projects to show; all that the caller may see by default."""

    project: str | None = Field(None, description="The name of the only project to show.")
    q: str = Field("", max_length=100, description="Words in the projects' names or repositories.")


class NewestResponse(BoardModel):
    """The candidate that was cut last. `reason` says why it failed, was canceled or is banned."""

    version: str
    commit: str
    status: str
    reason: str | None
    since: Timestamp
    by: str


class LiveResponse(BoardModel):
    """What is live.

    `behind` counts the commits that are not in it of the newest candidate that has not failed, was not canceled and is
    not banned; null if that is unknown.
    """

    deployment: int
    version: str
    commit: str
    since: Timestamp
    by: str
    automatic: bool
    behind: int | None


class RunningResponse(BoardModel):
    """A deployment that is under way. `usual_seconds` is how long the last successful one took."""

    deployment: int
    version: str
    commit: str
    status: str
    kind: str
    since: Timestamp
    by: str
    usual_seconds: float | None


class ClosedGateResponse(BoardModel):
    """A gate that a deployment waits for."""

    gate: str
    sentence: str
    until: Timestamp | None
    who_can_help: list[str]


class WaitingResponse(BoardModel):
    """A deployment that waits for gates."""

    deployment: int
    version: str
    commit: str
    since: Timestamp
    by: str
    expires_at: Timestamp | None
    waits_for: list[ClosedGateResponse]


class LockState(BoardModel):
    """A lock."""

    by: str
    reason: str
    since: Timestamp
    until: Timestamp | None


class FreezeState(LockState):
    """A freeze, of an environment, of a project, or of the service."""

    scope: str


class EnvironmentStateResponse(BoardModel):
    """An environment."""

    name: str
    tier: str
    live: LiveResponse | None
    running: RunningResponse | None
    waiting: WaitingResponse | None
    freezes: list[FreezeState]
    lock: LockState | None


class HeldReleaseResponse(BoardModel):
    """A release that is held."""

    version: str
    by: str
    reason: str


class ProjectStateResponse(BoardModel):
    """A project. Its releases on hold are at most the 10 newest ones."""

    name: str
    repository: str | None
    newest: NewestResponse | None
    environments: list[EnvironmentStateResponse]
    held: list[HeldReleaseResponse]


class BoardResponse(BaseModel):
    """The projects by name, without archived ones, at most 500."""

    projects: list[ProjectStateResponse]


async def show(context: Context, call: Call[None, BoardQuery]) -> dict[str, list[ProjectState]]:
    """Show what is live, what is under way, what waits and what is stopped in every project that the caller may see."""
    return {"projects": await board.read(context, words=call.query.q, project=call.query.project)}


DIALECT = native_dialect("board", Endpoint("GET", BOARD, show, BoardResponse, query_model=BoardQuery))
