"""Everything one sandbox knows, and how to find things in it."""

import asyncio
import itertools
import zlib
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.deliveries import Deliverer
from sandbox.errors import SandboxError
from sandbox.faults import Faults
from sandbox.git import Changes, FileChange
from sandbox.history import Signature
from sandbox.records import Call, Dispatch, Installation, Person, Repository, Run, Token

PERMISSIONS = {
    "actions": "write",
    "checks": "write",
    "contents": "write",
    "deployments": "write",
    "issues": "write",
    "members": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}
EVENTS = [
    "check_run",
    "commit_comment",
    "create",
    "delete",
    "deployment",
    "deployment_status",
    "issue_comment",
    "pull_request",
    "push",
    "repository",
    "status",
    "workflow_run",
]
ROLES = {"none": "none", "read": "read", "triage": "read", "write": "write", "maintain": "write", "admin": "admin"}


def _ids(start: int, step: int) -> Iterator[int]:
    return itertools.count(start, step)


@dataclass(slots=True)
class Numbers:
    """Where new ids come from; every kind has its own range, some above 32 bits as on the platform."""

    repositories: Iterator[int] = field(default_factory=lambda: _ids(1_104_220_001, 7_919))
    installations: Iterator[int] = field(default_factory=lambda: _ids(96_310_007, 13))
    runs: Iterator[int] = field(default_factory=lambda: _ids(17_204_330_113, 104_729))
    comments: Iterator[int] = field(default_factory=lambda: _ids(3_610_220_411, 1_009))
    pulls: Iterator[int] = field(default_factory=lambda: _ids(2_841_000_019, 997))
    checks: Iterator[int] = field(default_factory=lambda: _ids(52_100_440_021, 991))
    deployments: Iterator[int] = field(default_factory=lambda: _ids(2_960_000_009, 983))
    deliveries: Iterator[int] = field(default_factory=lambda: _ids(230_400_118_001, 977))
    others: Iterator[int] = field(default_factory=lambda: _ids(290_100_003, 11))


@dataclass(slots=True)
class State:
    """One account's repositories, people, runs and the App installed on it."""

    folder: Path
    app_id: int
    app_slug: str
    client_id: str
    owner: Person
    deliverer: Deliverer
    permissions: dict[str, str] = field(default_factory=lambda: dict(PERMISSIONS))
    events: list[str] = field(default_factory=lambda: list(EVENTS))
    api_url: str = ""
    html_url: str = "https://github.com"
    run_seconds: tuple[float, float] | None = None
    rate_limit: int = 5_000
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    shift: timedelta = timedelta(0)
    numbers: Numbers = field(default_factory=Numbers)
    people: dict[str, Person] = field(default_factory=dict)
    repositories: dict[int, Repository] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)
    installations: dict[int, Installation] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    dispatches: list[Dispatch] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    unknown_routes: list[str] = field(default_factory=list)
    used: dict[str, tuple[int, int]] = field(default_factory=dict)
    touched: dict[str, Changes] = field(default_factory=dict)
    differences: dict[tuple[str | None, str], list[FileChange]] = field(default_factory=dict)

    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in the background until the sandbox closes."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    @property
    def api(self) -> str:
        """Where the API is, for links in answers."""
        return self.api_url or "https://api.github.com"

    @property
    def bot(self) -> Person:
        """The App's own account."""
        return self.person(f"{self.app_slug}[bot]", "Bot")

    @property
    def faults(self) -> Faults:
        """What is made to go wrong."""
        return self.deliverer.faults

    def now(self) -> datetime:
        """Give the present moment, moved by ``shift``."""
        return datetime.now(UTC) + self.shift

    def second(self) -> datetime:
        """Give the present moment in whole seconds, as git keeps it."""
        return self.now().replace(microsecond=0)

    def person(self, login: str, kind: str = "User") -> Person:
        """Find an account, or make one whose id depends on its login alone."""
        key = login.lower()
        if key not in self.people:
            self.people[key] = Person(10_000 + zlib.crc32(key.encode()) % 200_000_000, login, kind)
        return self.people[key]

    def signature(self, person: Person) -> Signature:
        """Give a person as git's author."""
        return Signature(person.login, f"{person.login}@users.noreply.github.com", self.second())

    def author(self, signature: Signature) -> Person | None:
        """Find the account that a commit's author belongs to."""
        login = signature.email.removesuffix("@users.noreply.github.com")
        return self.people.get(login.lower())

    def repository(self, full_name: str | None = None) -> Repository:
        """Find a repository by ``owner/name``; without one, the first."""
        if full_name is None:
            return next(iter(self.repositories.values()))
        found = self.names.get(full_name.lower(), self.moved.get(full_name.lower()))
        if found is None or found not in self.repositories:
            raise SandboxError(f"There is no repository {full_name} in the sandbox.")
        return self.repositories[found]

    def run(self, ordinal: int) -> Run:
        """Find a run by its ordinal (the first is 1) or by its id."""
        for run in self.runs:
            if ordinal in (run.ordinal, run.id):
                return run
        raise SandboxError(f"There is no run {ordinal}; there are {len(self.runs)}.")

    def installation(self, repository: Repository) -> Installation | None:
        """Find the installation that covers a repository."""
        for one in self.installations.values():
            covered = one.repositories is None or repository.id in one.repositories
            if covered and one.account is repository.owner:
                return one
        return None

    def covered(self, installation: Installation) -> list[Repository]:
        """List the repositories that an installation covers."""
        return [one for one in self.repositories.values() if self.installation(one) is installation]

    def role(self, repository: Repository, person: Person) -> tuple[str, str]:
        """Give a person's permission and role name; nobody is below read on a public repository."""
        permission, name = repository.roles.get(person.login.lower(), ("none", "none"))
        if permission == "none" and not repository.private:
            return "read", "read"
        return permission, name
