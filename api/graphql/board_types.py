"""The board: what is live, what runs, what waits and what is stopped, as its operation reads it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import strawberry

from api.graphql.connections import Argument, Connection, Page, described, object_type
from api.graphql.enums import CandidateStatus, DeploymentKind, DeploymentStatus, Tier
from api.graphql.listings import Listing, ListPagination, listed
from api.graphql.pagination import PageArguments
from api.graphql.query_context import QueryContext
from bot.context import Context
from bot.errors import Refusal
from bot.operations import board
from bot.rules.board import Block, Held, ProjectState
from bot.store.graph_nodes import PROJECT

MAX_WORDS = 100  # characters


@object_type
class NewestCandidate:
    """The candidate of a project that was cut last."""

    version: str = described("Its version.")
    commit: str = described("Its commit's SHA.")
    status: CandidateStatus = described("Its status.")
    reason: str | None = described("Why it failed, was canceled or is banned.")
    since: datetime = described("When it was cut.")
    by: str = described("Who cut it.")


@object_type
class LiveDeployment:
    """What is live on an environment."""

    deployment: strawberry.ID = described("The id of the deployment.")
    version: str = described("The version of the candidate.")
    commit: str = described("The candidate's commit.")
    since: datetime = described("Since when it is live.")
    by: str = described("Who deployed it.")
    automatic: bool = described("Whether nobody asked for the deployment, since the environment deploys automatically.")
    behind: int | None = described(
        "How many commits of the newest candidate are not in it; null if that is unknown, or if it is not ahead."
    )


@object_type
class RunningDeployment:
    """A deployment that is under way."""

    deployment: strawberry.ID = described("The id of the deployment.")
    version: str = described("The version of the candidate.")
    commit: str = described("The candidate's commit.")
    status: DeploymentStatus = described("The status of the deployment.")
    kind: DeploymentKind = described("Whether it is a rollback.")
    since: datetime = described("When it began.")
    by: str = described("Who asked for it.")
    usual_seconds: float | None = described("How many seconds the last successful one took.")


@object_type
class ClosedGate:
    """A gate that a deployment waits for."""

    gate: str = described("The name of the gate.")
    sentence: str = described("Why it is closed.")
    until: datetime | None = described("When it opens by itself, if that is known.")
    who_can_help: list[str] = described("Who can open it.")


def closed_gates() -> Any:
    """Declare the field `waits_for`."""
    return listed("waits_for", lambda each: each.gate, "The gates that it waits for.")


@object_type
class WaitingDeployment:
    """A deployment that waits for gates."""

    deployment: strawberry.ID = described("The id of the deployment.")
    version: str = described("The version of the candidate.")
    commit: str = described("The candidate's commit.")
    since: datetime = described("When it was asked for.")
    by: str = described("Who asked for it.")
    expires_at: datetime | None = described("When it is given up.")
    waits_for: Connection[ClosedGate] = closed_gates()


@object_type
class Lock:
    """Who alone may deploy to an environment."""

    by: str = described("The owner of the lock.")
    reason: str = described("Why it is locked.")
    since: datetime = described("Since when it is locked.")
    until: datetime | None = described("When the lock ends by itself; null if it does not.")


@object_type
class FreezeInForce:
    """A freeze that stops deployments to an environment."""

    scope: str = described("What is frozen: `environment`, `project` or `service`.")
    by: str = described("Who has frozen it.")
    reason: str = described("Why it is frozen.")
    since: datetime = described("Since when it is frozen.")
    until: datetime | None = described("When the freeze ends by itself; null if it does not.")


@object_type
class HeldRelease:
    """A release no candidate of which is deployed."""

    version: str = described("Its version.")
    by: str = described("Who holds it.")
    reason: str = described("Why it is held.")


def _freeze(each: Block) -> tuple[str, str, str]:
    return each.scope, each.since.isoformat(), each.by


@object_type
class BoardEnvironment:
    """An environment on the board."""

    name: str = described("Its name.")
    tier: Tier = described("Its purpose.")
    live: LiveDeployment | None = described("What is live there.")
    running: RunningDeployment | None = described("The deployment that is under way.")
    waiting: WaitingDeployment | None = described("The deployment that waits for gates.")
    freezes: Connection[FreezeInForce] = listed("freezes", _freeze, "The freezes that stop it, the oldest first.")
    lock: Lock | None = described("Its lock.")


def _version(each: Held) -> str:
    return each.version


@object_type
class BoardProject:
    """A project on the board."""

    name: str = described("Its name.")
    repository: str | None = described("Its repository on GitHub.")
    newest: NewestCandidate | None = described("The candidate that was cut last.")
    environments: Connection[BoardEnvironment] = listed(
        "environments", lambda each: each.name, "Its environments, in the project's order."
    )
    held: Connection[HeldRelease] = listed("held", _version, "Its releases on hold, the newest 10.")


async def _read(source: object, context: QueryContext, own: Mapping[str, Any]) -> Sequence[ProjectState]:
    words, project = own.get("q", ""), own.get("project")

    async def read(context: Context) -> Sequence[ProjectState]:
        return await board.read(context, words=words, project=project)

    return await context.read(("board", words, project), read)


class BoardPagination(ListPagination):
    """The pages of the board."""

    def page(self, source: Any, context: QueryContext, asked: PageArguments, own: Mapping[str, Any]) -> Page:
        """Return a page of the projects; refuse whom the operation would refuse, and long texts."""
        context.require(PROJECT)
        if len(own.get("q", "")) > MAX_WORDS:
            raise Refusal(f"`q` must have at most {MAX_WORDS} characters.", field="q")
        return super().page(source, context, asked, own)


ARGUMENTS: Mapping[str, Argument] = {
    "project": (str, "The name of the only project to show, archived or not."),
    "q": (str, "Words in the projects' names or repositories."),
}
BOARD: Any = strawberry.field(
    extensions=[BoardPagination(Listing("board", _read, lambda each: each.name), ARGUMENTS)],
    description="The first 500 projects by name, without archived ones, with what is live, what is under way, what "
    "waits and what is stopped.",
)
