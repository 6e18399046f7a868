"""The board: where everything is. Only this module reads `GET /api/board`."""

from typing import TypedDict

from cli.client.caller import Caller, projects_of
from cli.client.exits import Outcome, Table
from cli.client.gates import moment
from cli.client.repositories import repositories
from cli.client.service import path

SHORT_SHA = 7  # digits


class Live(TypedDict):
    """What is live on an environment."""

    version: str
    commit: str
    since: str | None
    by: str
    automatic: bool
    behind: int | None


class Running(TypedDict):
    """What is under way on an environment. `kind` says whether it is a deployment or a rollback."""

    deployment: int
    version: str
    status: str
    since: str | None
    by: str
    kind: str


class WaitsFor(TypedDict):
    """A gate that a deployment waits for."""

    gate: str
    sentence: str
    until: str | None
    who_can_help: list[str]


class Waiting(TypedDict):
    """The deployment that waits on an environment."""

    deployment: int
    version: str
    by: str
    waits_for: list[WaitsFor]


class BoardFreeze(TypedDict):
    """A freeze in force on an environment."""

    scope: str
    by: str
    reason: str
    until: str | None


class BoardLock(TypedDict):
    """The lock of an environment."""

    by: str
    reason: str
    until: str | None


class BoardEnvironment(TypedDict):
    """An environment: what is live, under way and waiting there, and what stops deployments."""

    name: str
    tier: str
    live: Live | None
    running: Running | None
    waiting: Waiting | None
    freezes: list[BoardFreeze]
    lock: BoardLock | None


class Newest(TypedDict):
    """The newest candidate of a project."""

    version: str
    commit: str
    status: str
    reason: str | None


class Held(TypedDict):
    """A release that is held."""

    version: str
    by: str
    reason: str


class BoardProject(TypedDict):
    """A project with its newest candidate, its environments and its holds."""

    name: str
    newest: Newest | None
    environments: list[BoardEnvironment]
    held: list[Held]


class Board(TypedDict):
    """Where everything is."""

    projects: list[BoardProject]


async def load(caller: Caller, project: str | None) -> Board:
    """The board of one project, or of all that the caller may see."""
    query = {} if project is None else {"project": project}
    board: Board = await caller.service.get("/api/board", **query)
    return board


async def status(caller: Caller, *, all_projects: bool) -> Outcome:
    """Show where everything is: in one project, in those of the repository that one is in, or in all."""
    names = [] if all_projects else await _names(caller)
    board = await load(caller, names[0] if len(names) == 1 else None)
    if names:
        board = {"projects": [project for project in board["projects"] if project["name"] in names]}
    if not board["projects"]:
        for name in names:
            await caller.service.get(path("api", "projects", name))  # its refusal says which name is meant
        return Outcome(board, ("There is no project that you can see.",))
    return Outcome(board, [_table(board), *(line for each in board["projects"] for line in _remarks(each))])


async def busy_environments(caller: Caller, project: str) -> list[str]:
    """The environments of a project on which something is under way or waits."""
    board = await load(caller, project)
    return [
        environment["name"]
        for each in board["projects"]
        for environment in each["environments"]
        if environment["running"] or environment["waiting"]
    ]


async def _names(caller: Caller) -> list[str]:
    """The projects that are meant: the one that was named, or those of the repository; none for all."""
    if caller.named:
        return [caller.named]
    found = await repositories(caller.folder)
    return [project["name"] for project in await projects_of(caller.service, found)] if found else []


def _table(board: Board) -> Table:
    rows = [
        (project["name"], environment["name"], *_live(environment["live"]), "; ".join(_now(environment)))
        for project in board["projects"]
        for environment in project["environments"]
    ]
    return Table(("project", "environment", "live", "since", "by", "behind", "now"), rows)


def _live(live: Live | None) -> tuple[str, str, str, str]:
    """What is live in four cells: version with commit, since when, by whom, and how far behind the newest."""
    if live is None:
        return "", "", "", ""
    by = f"{live['by']} (automatic)" if live["automatic"] else live["by"]
    behind = "" if live["behind"] is None else str(live["behind"])
    return f"{live['version']} ({live['commit'][:SHORT_SHA]})", moment(live["since"]), by, behind


def _now(environment: BoardEnvironment) -> list[str]:
    """What goes on at an environment, or stops deployments there, in words."""
    running, waiting, lock = environment["running"], environment["waiting"], environment["lock"]
    return [
        *([] if running is None else [_running(running)]),
        *([] if waiting is None else [_waiting(waiting)]),
        *(f"frozen{_by(freeze)}" for freeze in environment["freezes"]),
        *([] if lock is None else [f"locked{_by(lock)}"]),
    ]


def _running(running: Running) -> str:
    kind = "rollback to " if running["kind"] == "rollback" else ""
    return f"{kind}{running['version']} {running['status'].replace('_', ' ')} since {moment(running['since'])}"


def _waiting(waiting: Waiting) -> str:
    gates = (f"{each['gate']}{_helpers(each['who_can_help'])}" for each in waiting["waits_for"])
    return f"{waiting['version']} waits for {', '.join(gates)}"


def _helpers(names: list[str]) -> str:
    return f" (ask {', '.join(names)})" if names else ""


def _by(block: BoardFreeze | BoardLock) -> str:
    until = f" until {moment(block['until'])}" if block["until"] else ""
    return f" by {block['by']}{until}: {block['reason'].rstrip('.')}"


def _remarks(project: BoardProject) -> list[str]:
    """What is to be said about a project besides its environments."""
    newest = project["newest"]
    reason = f" ({newest['reason']})" if newest is not None and newest["reason"] else ""
    found = (
        [
            f"{project['name']}: the newest candidate is {newest['version']} ({newest['commit'][:SHORT_SHA]}), "
            f"{newest['status']}{reason}."
        ]
        if newest is not None
        else [f"{project['name']}: nothing was cut yet."]
    )
    held = (
        f"{project['name']}: {each['version']} is held by {each['by']}: {each['reason'].rstrip('.')}."
        for each in project["held"]
    )
    return [*found, *held]
