"""Attempts to act, each with rows of its own in the database: so all of them can be made in one world, in any order."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tortoise.models import Model

from bot.operations import users
from bot.rules.ids import (
    ApprovalId,
    CandidateId,
    CommitSha,
    DeploymentId,
    EnvironmentId,
    FreezeId,
    ProjectId,
    ReleaseId,
    RepositoryId,
    RunRowId,
    UserId,
)
from bot.rules.views import PARTS
from bot.store.announcements import Announcement, Link
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from bot.store.gates import Approval, Ban, EnvironmentLock, Freeze
from bot.store.projects import Environment, Project, Repository
from bot.store.releases import Release
from bot.store.runs import Run
from bot.store.users import ApiToken, User
from tests.authority.table import CUSTOM, PUBLIC, ROLES, Act
from tests.world import PROJECT, World

FIRST, EARLIER = 100_000, 200_000
"""Ids of prepared rows: those of an attempt have its number, and what was there before that has another one."""
SHARING = 25
"""How many attempts are about one project."""
ALONE = frozenset(("promote", "promote with force", "freeze a project", "end the freeze of a project", "build again"))
"""Acts about a whole project, which has nothing else in it; of the other attempts, some are about one project."""
OF_SITE = frozenset(("ask where", "ask for the status"))
"""Acts that read about the whole sample project."""


@dataclass(frozen=True)
class Who:
    """Somebody who attempts to act: a person with the role that GitHub tells of them, or the user of a token."""

    name: str
    user: UserId
    role: str = ""
    token: str = ""
    grants: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Attempt:
    """An act that somebody attempts; `allowed` is what is expected. Its number is that of its rows."""

    number: int
    act: Act
    tier: str
    who: Who
    allowed: bool
    alone: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    """Names of rows that it is about, instead of its own."""

    @property
    def row(self) -> int:
        """The id of its rows."""
        return FIRST + self.number

    @property
    def project(self) -> str:
        """The project that it is about. What is refused changes nothing, so others may be attempted on the same.

        Only some share one: pages show everything of a project.
        """
        if "project" in self.names:
            return self.names["project"]
        if not self.alone:
            return f"shared-{self.number // SHARING}"
        return f"alone-{self.number}" if self.allowed else f"{self.act.name.replace(' ', '-')}-{self.tier}"

    @property
    def values(self) -> dict[str, Any]:
        """The names of its rows, for texts and paths."""
        return {
            "project": self.project,
            "environment": f"{self.tier}-{self.number}",
            "release": f"1.{self.number}.0",
            "candidate": f"1.{self.number}.0-rc1",
            "new": f"9.{self.number}.0",
            "number": self.number,
            "row": self.row,
            **self.names,
        }

    def __str__(self) -> str:
        return f"{self.who.name}: {self.act.name} ({self.tier})"


SITE = {"project": PROJECT, "environment": "staging"}
Expected = Callable[[Who, Act, str], bool]
"""Whether somebody may do something on an environment of a tier."""


def plan(
    everybody: Sequence[Who], acts: Iterable[Act], expected: Expected, *, alone: Collection[str] = ALONE, first: int = 0
) -> list[Attempt]:
    """Every act, attempted by everybody, on each tier that it depends on. `first` is the number of the first."""
    planned = [(act, tier, who) for act in acts for tier in act.tiers for who in everybody]
    return [
        Attempt(
            number,
            act,
            tier,
            who,
            allowed=expected(who, act, tier),
            alone=act.name in alone,
            names=SITE if act.name in OF_SITE else {},
        )
        for number, (act, tier, who) in enumerate(planned, first)
    ]


async def people(world: World, bases: Iterable[str] = ("maintain",)) -> list[Who]:
    """A person with each role, and one with a custom role on each of these bases."""
    roles: list[tuple[str, str, str | None, str]] = []
    roles += [(f"{role}-ron", role, None, PUBLIC.get(role, role)) for role in ROLES]
    roles += [(f"custom-{base}", f"captain-{base}", base, CUSTOM[base]) for base in bases]
    context, found = await world.context(), []
    for login, role, base, told in roles:
        account = world.github.person(login, role, base=base)
        found.append(Who(login, (await users.from_github(context, account.id, login)).id, told))
    return found


async def prepare(world: World, planned: Sequence[Attempt], **project: Any) -> None:
    """Insert the rows of attempts, in projects of which nothing is shown on GitHub. `project` are columns of these."""
    root, repository = await User.get(name="root"), await Repository.get()
    now, head = (await world.context()).now(), CommitSha(world.github.head())
    rows = Rows(head, repository.github_id, root.id, now, {"show": dict.fromkeys(PARTS, False), **project})
    rows.projects = {row.name: row.id for row in await Project.all()}
    for attempt in planned:
        if not attempt.names:
            rows.add_attempt(attempt)
    await rows.insert()


# --- rows


@dataclass
class Rows:
    """Rows to insert: all that attempts need, at the head of `main`, by the user `root`."""

    head: CommitSha
    repository: RepositoryId
    root: UserId
    now: datetime
    columns: Mapping[str, Any]
    rows: dict[type[Model], list[Model]] = field(default_factory=lambda: defaultdict(list))
    projects: dict[str, ProjectId] = field(default_factory=dict)

    def add(self, row: Model) -> None:
        """Add a row."""
        self.rows[type(row)].append(row)

    async def insert(self) -> None:
        """Insert all rows, in the order in which they refer to each other."""
        for model in ORDER:
            await model.bulk_create(self.rows[model])

    def project(self, attempt: Attempt) -> ProjectId:
        """The project of an attempt, which is added if it was not."""
        name = attempt.project
        if name not in self.projects:
            self.projects[name] = ProjectId(FIRST + attempt.number)
            self.add(
                Project(
                    id=self.projects[name],
                    name=name,
                    permalink=name.lower(),
                    repository_id=self.repository,
                    build_workflow="build.yml" if attempt.act.name == "build again" else None,
                    tag_prefix=f"{name}/rc/",
                    trigger_tag_prefix=f"{name}/v",
                    created_at=self.now,
                    updated_at=self.now,
                    **self.columns,
                )
            )
        return self.projects[name]

    def add_attempt(self, attempt: Attempt) -> None:
        """Add the rows of an attempt: an environment, a release with a candidate, and what the act is about."""
        act = attempt.act.name
        if not (attempt.alone and attempt.project in self.projects):
            self.add_environment(attempt)
        self.add(
            Release(
                id=ReleaseId(attempt.row),
                project_id=self.project(attempt),
                version=attempt.values["release"],
                release_id=f"{attempt.project}-{attempt.values['release']}",
                notes="Faster." if act == "announce" else "",
                held={"by": "root", "reason": "x", "since": self.now.isoformat()} if act == "end a hold" else None,
                created_at=self.now,
                updated_at=self.now,
            )
        )
        self.add_candidate(attempt, attempt.row, 1, STATUSES.get(act, "ready"))
        PREPARATIONS.get(act, nothing)(self, attempt)

    def add_environment(self, attempt: Attempt) -> None:
        """Add an environment."""
        name = attempt.values["environment"]
        self.add(
            Environment(
                id=EnvironmentId(attempt.row),
                project_id=self.project(attempt),
                name=name,
                name_key=name,
                tier=attempt.tier,
                gate_settings=GATES.get(attempt.act.name, {}),
                created_at=self.now,
            )
        )

    def add_candidate(self, attempt: Attempt, row: int, number: int, status: str = "ready") -> None:
        """Add a candidate of an attempt's release."""
        self.add(
            Candidate(
                id=CandidateId(row),
                project_id=self.project(attempt),
                release_id=ReleaseId(attempt.row),
                repository_id=self.repository,
                number=number,
                version=f"{attempt.values['release']}-rc{number}",
                commit=self.head,
                branch="main",
                status=status,
                created_by_id=self.root,
                created_at=self.now,
                updated_at=self.now,
            )
        )

    def add_deployment(self, attempt: Attempt, row: int, candidate: int, status: str) -> None:
        """Add a deployment to an attempt's environment."""
        self.add(
            Deployment(
                id=DeploymentId(row),
                environment_id=EnvironmentId(attempt.row),
                candidate_id=CandidateId(candidate),
                status=status,
                reported=status == "success",
                actor_id=self.root,
                deploy_end_at=self.now if status == "success" else None,
                created_at=self.now - timedelta(minutes=1),
            )
        )


Preparation = Callable[[Rows, Attempt], None]


def nothing(rows: Rows, attempt: Attempt) -> None:
    """The candidate suffices."""


def deployed_twice(rows: Rows, attempt: Attempt) -> None:
    earlier = EARLIER + attempt.number
    rows.add_candidate(attempt, earlier, 0)
    rows.add_deployment(attempt, attempt.row, earlier, "success")
    rows.add_deployment(attempt, earlier, attempt.row, "success")


def under_way(rows: Rows, attempt: Attempt) -> None:
    rows.add_deployment(attempt, attempt.row, attempt.row, "pending")


def build_requested(rows: Rows, attempt: Attempt) -> None:
    """GitHub was asked for the build, and has not named its run."""
    rows.add(
        Run(
            id=RunRowId(attempt.row),
            repository_id=rows.repository,
            candidate_id=CandidateId(attempt.row),
            workflow=".github/workflows/build.yml",
            commit=rows.head,
            request_id=f"cut-{attempt.row}",
            state="posted",
            deadline_at=rows.now + timedelta(hours=1),
            created_at=rows.now,
        )
    )


def banned(rows: Rows, attempt: Attempt) -> None:
    by = {"created_by_id": rows.root, "reason": "x", "since": rows.now}
    rows.add(Ban(candidate_id=CandidateId(attempt.row), tag_moved=False, **by))


def frozen(scope: str) -> Preparation:
    """A freeze; that of the service has ended, so that it stops nothing else."""

    def prepare(rows: Rows, attempt: Attempt) -> None:
        rows.add(
            Freeze(
                id=FreezeId(attempt.row),
                scope=scope,
                environment_id=EnvironmentId(attempt.row) if scope == "environment" else None,
                project_id=None if scope == "service" else rows.project(attempt),
                created_by_id=rows.root,
                reason="x",
                since=rows.now,
                until=rows.now if scope == "service" else None,
            )
        )

    return prepare


def locked(*, own: bool) -> Preparation:
    """A lock of who attempts, or of somebody else."""

    def prepare(rows: Rows, attempt: Attempt) -> None:
        by = {"owner_id": attempt.who.user if own else rows.root, "reason": "x", "since": rows.now}
        rows.add(EnvironmentLock(environment_id=EnvironmentId(attempt.row), **by))

    return prepare


def approved(*, own: bool) -> Preparation:
    """An approval by who attempts, or by somebody else."""

    def prepare(rows: Rows, attempt: Attempt) -> None:
        rows.add(
            Approval(
                id=ApprovalId(attempt.row),
                candidate_id=CandidateId(attempt.row),
                environment_id=EnvironmentId(attempt.row),
                user_id=attempt.who.user if own else rows.root,
                comment="",
                channel="rest",
                by_operator=False,
                approved_at=rows.now,
            )
        )

    return prepare


def announced(*, own: bool) -> Preparation:
    """A pending announcement of who attempts, or of somebody else."""

    def prepare(rows: Rows, attempt: Attempt) -> None:
        rows.add(
            Announcement(
                id=attempt.row,
                project_id=rows.project(attempt),
                version=attempt.values["release"],
                changelog="Faster.",
                state="pending",
                submitted_by_id=attempt.who.user if own else rows.root,
                created_at=rows.now,
            )
        )

    return prepare


def linked(rows: Rows, attempt: Attempt) -> None:
    name = f"link-{attempt.number}"
    columns = {"permalink": name, "label": name, "location": "https://x.test/", "created_at": rows.now}
    rows.add(Link(project_id=rows.project(attempt), **columns))


def issued(rows: Rows, attempt: Attempt) -> None:
    """A token of somebody else."""
    name = f"token-{attempt.number}"
    columns = {"name": name, "prefix": name, "digest": name, "grants": ["project:read"], "created_at": rows.now}
    rows.add(ApiToken(id=attempt.row, user_id=rows.root, **columns))


GATES: Mapping[str, Mapping[str, Any]] = {
    "approve": {"approvals": {"count": 1}},
    "make a gate weaker": {"checks": ["ci"]},
}
"""Settings of environments."""
STATUSES = {
    "end a ban": "banned",
    "cancel a build": "building",
    "report the run of a build": "building",
    "build again": "failed",
}
"""Statuses of candidates that are not ready."""
PREPARATIONS: Mapping[str, Preparation] = {
    "end a ban": banned,
    "withdraw one's announcement": announced(own=True),
    "withdraw somebody's announcement": announced(own=False),
    "approve an announcement": announced(own=False),
    "reject an announcement": announced(own=False),
    "roll back": deployed_twice,
    "roll back with force": deployed_twice,
    "cancel a deployment": under_way,
    "report the run of a build": build_requested,
    "report the run of a deployment": under_way,
    "withdraw one's approval": approved(own=True),
    "withdraw somebody's approval": approved(own=False),
    "end a freeze": frozen("environment"),
    "end the freeze of a project": frozen("project"),
    "end the freeze of the service": frozen("service"),
    "release one's lock": locked(own=True),
    "release somebody's lock": locked(own=False),
    "change a link": linked,
    "remove a link": linked,
    "revoke a token": issued,
    "ask why": under_way,
}
ORDER: tuple[type[Model], ...] = (
    *(Project, Environment, Release, Candidate, Deployment, Run),
    *(Approval, Ban, EnvironmentLock, Freeze, Announcement, Link, ApiToken),
)
