"""The board: what is where, what is under way, and what waits for whom, of each project."""

from dataclasses import dataclass
from datetime import datetime

from bot.rules.ids import CommitSha, DeploymentId, ProjectId
from bot.rules.versions import parse_candidate_version


@dataclass(frozen=True)
class NewestCandidate:
    """The candidate that was cut last. `reason` says why it failed, was canceled or is banned."""

    version: str
    commit: CommitSha
    status: str
    reason: str | None
    since: datetime
    by: str


@dataclass(frozen=True)
class Live:
    """What is live on an environment, since when and by whom.

    `behind` is how many commits the newest candidate is ahead of it that is ready or may become so. One that failed,
    was canceled or is banned brings nothing to anybody; a hold, like a freeze, stops for now what is still to come. 0
    if it is that candidate's commit, None if that is not ahead of it, or while GitHub is asked (`is_counting`).
    """

    deployment: DeploymentId
    version: str
    commit: CommitSha
    since: datetime
    by: str
    automatic: bool
    behind: int | None
    is_counting: bool


@dataclass(frozen=True)
class UnderWay:
    """A deployment that is running. `usual_seconds` is how long the one before it took that succeeded."""

    deployment: DeploymentId
    version: str
    commit: CommitSha
    status: str
    kind: str
    since: datetime
    by: str
    usual_seconds: float | None


@dataclass(frozen=True)
class ClosedGate:
    """A gate that a deployment waits for: why, until when if that is known, and who can help."""

    gate: str
    sentence: str
    until: datetime | None
    who_can_help: tuple[str, ...]


@dataclass(frozen=True)
class Waiting:
    """A deployment that waits for gates."""

    deployment: DeploymentId
    version: str
    commit: CommitSha
    since: datetime
    by: str
    expires_at: datetime | None
    waits_for: tuple[ClosedGate, ...]


@dataclass(frozen=True)
class Block:
    """A freeze (`scope` is environment, project or service), or a lock (`scope` is empty). `id` is its row's."""

    id: int
    scope: str
    by: str
    reason: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class EnvironmentState:
    """An environment: what is live there, what is under way, what waits, and what stops deployments."""

    name: str
    tier: str
    live: Live | None = None
    running: UnderWay | None = None
    waiting: Waiting | None = None
    freezes: tuple[Block, ...] = ()
    lock: Block | None = None


@dataclass(frozen=True)
class Held:
    """A release that is held: no candidate of it is deployed."""

    version: str
    by: str
    reason: str


@dataclass(frozen=True)
class ProjectState:
    """A project on the board, with its environments in their order."""

    id: ProjectId
    name: str
    repository: str | None
    newest: NewestCandidate | None
    environments: tuple[EnvironmentState, ...]
    held: tuple[Held, ...] = ()

    @property
    def freezes(self) -> tuple[Block, ...]:
        """The freezes of the project and of the service, which stop all of its environments."""
        found = (each for environment in self.environments for each in environment.freezes)
        return tuple(dict.fromkeys(each for each in found if each.scope != "environment"))

    @property
    def newest_hold(self) -> Held | None:
        """The hold of the release of the newest candidate."""
        if self.newest is None:
            return None
        release = parse_candidate_version(self.newest.version).release
        return next((each for each in self.held if each.version == release), None)

    @property
    def is_blocked(self) -> bool:
        """Whether a freeze, a lock or a hold stops deployments of the project, or some of them."""
        return bool(self.held) or any(each.freezes or each.lock for each in self.environments)

    def environment(self, name: str) -> EnvironmentState | None:
        """The environment with a name, if the project has one."""
        return next((each for each in self.environments if each.name == name), None)

    @property
    def is_counting(self) -> bool:
        """Whether GitHub is asked for something that the board will show."""
        return any(each.live is not None and each.live.is_counting for each in self.environments)


def columns(projects: tuple[ProjectState, ...] | list[ProjectState]) -> list[str]:
    """The columns of the board: the names of environments, each after those that it comes after in some project.

    Projects that have their environments in different orders are followed as far as possible, the first one first.
    """
    names: list[str] = []
    for project in projects:
        position = 0
        for environment in project.environments:
            if environment.name in names:
                position = names.index(environment.name) + 1
            else:
                names.insert(position, environment.name)
                position += 1
    return names
