"""The state of a sandbox and look-ups in it."""

import asyncio
import itertools
import re
import zlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.accounts import Account, Code, Installation, OtherApp, Registration, Team, Token, UserToken
from sandbox.clock import Clock
from sandbox.deliveries import Deliverer
from sandbox.diffs import FileChange
from sandbox.errors import SandboxError
from sandbox.faults import Faults
from sandbox.git import Changes
from sandbox.history import Signature
from sandbox.records import Call, Dispatch, Push, Repository, Run
from sandbox.server import Server

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
    "deployment_protection_rule",
    "deployment_status",
    "issue_comment",
    "pull_request",
    "push",
    "release",
    "repository",
    "status",
    "workflow_run",
]
APP_IDS, APP_OWNERS = {"github-actions": 15_368}, {"github-actions": "github"}
ACCOUNT_IDS = {"github-actions[bot]": 41_898_282, "github": 9_919, "web-flow": 19_864_447}
WEB_FLOW_EMAIL = "noreply@github.com"
PushListener = Callable[[Repository, Push], Awaitable[None]]
ROLES = {"none": "none", "read": "read", "triage": "read", "write": "write", "maintain": "write", "admin": "admin"}


class IdSequences:
    """Sequences of new ids, one range for each type; some exceed 32 bits, as on GitHub.

    GitHub never issues an id again. `offset` sets the ids of a sandbox apart from those that another one has issued to
    the same bot. A repository and an installation are the same ones in each sandbox.
    """

    def __init__(self, offset: int = 0) -> None:
        self.repositories = itertools.count(1_104_220_001, 7_919)
        self.installations = itertools.count(96_310_007, 13)
        self.runs = itertools.count(17_204_330_113 + offset, 104_729)
        self.comments = itertools.count(3_610_220_411 + offset, 1_009)
        self.pulls = itertools.count(2_841_000_019 + offset, 997)
        self.checks = itertools.count(52_100_440_021 + offset, 991)
        self.deployments = itertools.count(2_960_000_009 + offset, 983)
        self.deliveries = itertools.count(230_400_118_001 + offset, 977)
        self.others = itertools.count(290_100_003 + offset, 11)


@dataclass(slots=True)
class State:
    """Accounts, repositories, runs and installations of the App."""

    folder: Path
    app_id: int
    app_slug: str
    client_id: str
    owner: Account
    deliverer: Deliverer
    clock: Clock
    server: Server = field(default_factory=Server)
    permissions: dict[str, str] = field(default_factory=lambda: dict(PERMISSIONS))
    events: list[str] = field(default_factory=lambda: list(EVENTS))
    api_url: str = ""
    html_url: str = "https://github.com"
    host_names: set[str] = field(default_factory=set)
    run_seconds: tuple[float, float] | None = None
    rate_limit: int = 5_000
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    ids: IdSequences = field(default_factory=IdSequences)
    accounts: dict[str, Account] = field(default_factory=dict)
    account_ids: set[int] = field(default_factory=set)
    emails: dict[str, Account] = field(default_factory=dict)
    other_apps: dict[str, OtherApp] = field(default_factory=dict)
    teams: dict[int, Team] = field(default_factory=dict)
    repositories: dict[int, Repository] = field(default_factory=dict)
    ids_by_name: dict[str, int] = field(default_factory=dict)
    redirects: dict[str, int] = field(default_factory=dict)
    installations: dict[int, Installation] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    client_secret: str = ""
    callback_urls: tuple[str, ...] = ()
    signed_in: Account | None = None
    codes: dict[str, Code] = field(default_factory=dict)
    user_tokens: dict[str, UserToken] = field(default_factory=dict)
    setup_url: str = ""
    key_number: int = 0
    registrations: dict[str, Registration] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    dispatches: list[Dispatch] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    unknown_routes: list[str] = field(default_factory=list)
    rate_limit_usage: dict[str, tuple[int, int]] = field(default_factory=dict)
    changes_by_commit: dict[str, Changes] = field(default_factory=dict)
    differences: dict[tuple[str | None, str], list[FileChange]] = field(default_factory=dict)

    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    push_listeners: list[PushListener] = field(default_factory=list)
    job_checks: bool = False

    def start_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine in the background; it is canceled when the sandbox closes."""
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    @property
    def api(self) -> str:
        """The base URL of the API, for links in responses."""
        return self.api_url or "https://api.github.com"

    def learn_address(self, origin: str) -> None:
        """Take the addresses in responses from the first request, unless they are set."""
        if not self.api_url:
            self.api_url = origin + self.server.root
            self.html_url = origin if self.server.enterprise else self.html_url

    @property
    def bot(self) -> Account:
        """The App's own account."""
        return self.account(f"{self.app_slug}[bot]", "Bot")

    @property
    def actions_bot(self) -> Account:
        """The account that workflows act as."""
        return self.account("github-actions[bot]")

    @property
    def faults(self) -> Faults:
        """The faults to inject."""
        return self.deliverer.faults

    def now(self) -> datetime:
        """Return the time on the sandbox's clock."""
        return self.clock.now()

    def now_in_seconds(self) -> datetime:
        """Return the current time in whole seconds, the precision of git."""
        return self.now().replace(microsecond=0)

    def account(self, login: str, account_type: str = "User") -> Account:
        """Get or create an account; its id is derived from its login, but none is used for two accounts ever."""
        key = login.lower()
        if key not in self.accounts:
            first = ACCOUNT_IDS.get(key, 10_000 + zlib.crc32(key.encode()) % 200_000_000)
            number = next(number for number in itertools.count(first) if number not in self.account_ids)
            self.account_ids.add(number)
            self.accounts[key] = Account(number, login, "Bot" if key.endswith("[bot]") else account_type)
        return self.accounts[key]

    def other_app(self, slug: str) -> OtherApp:
        """Get or create an App other than the simulated one; `github-actions` has its real id and owner."""
        if slug == self.app_slug:
            raise SandboxError(f"{slug} is the App itself, which acts through the API.")
        if slug not in self.other_apps:
            number = APP_IDS.get(slug, 100_000 + zlib.crc32(slug.encode()) % 2_000_000)
            owner = self.account(APP_OWNERS.get(slug, slug), "Organization")
            self.other_apps[slug] = OtherApp(number, slug, owner)
        return self.other_apps[slug]

    def rename_account(self, login: str, new_login: str) -> None:
        """Give an account another login; anybody may register the old one from then on."""
        if new_login.lower() in self.accounts:
            raise SandboxError(f"The login {new_login} is taken.")
        if login.lower() not in self.accounts:
            raise SandboxError(f"No account {login}.")
        account = self.accounts.pop(login.lower())
        account.login = new_login
        self.accounts[new_login.lower()] = account

    def delete_account(self, login: str) -> Account:
        """Remove an account; anybody may register its login from then on."""
        if login.lower() not in self.accounts:
            raise SandboxError(f"No account {login}.")
        account = self.accounts.pop(login.lower())
        self.emails = {email: owner for email, owner in self.emails.items() if owner is not account}
        return account

    def team(self, organization: Account, slug: str) -> Team | None:
        """Find a team of an organization by its slug."""
        for team in self.teams.values():
            if team.organization is organization and team.slug == slug.lower():
                return team
        return None

    def signature(self, account: Account) -> Signature:
        """Return an account as a git author."""
        return Signature(account.login, f"{account.login}@users.noreply.github.com", self.now_in_seconds())

    def author(self, signature: Signature) -> Account | None:
        """Find the account of a commit's author."""
        email = signature.email.lower()
        if email == WEB_FLOW_EMAIL:
            return self.account("web-flow")
        if email in self.emails:
            return self.emails[email]
        login, suffix, _ = email.partition("@users.noreply.github.com")
        return self.accounts.get(re.sub(r"^\d+\+", "", login)) if suffix else None

    def repository(self, full_name: str | None = None) -> Repository:
        """Find a repository by its current or a former `owner/name`; the first one by default."""
        if full_name is None:
            return next(iter(self.repositories.values()))
        repository_id = self.ids_by_name.get(full_name.lower(), self.redirects.get(full_name.lower()))
        if repository_id is None or repository_id not in self.repositories:
            raise SandboxError(f"No repository {full_name} in the sandbox.")
        return self.repositories[repository_id]

    def run(self, ordinal: int) -> Run:
        """Find a run by its ordinal (the first is 1) or by its id."""
        for run in self.runs:
            if ordinal in (run.ordinal, run.id):
                return run
        raise SandboxError(f"No run {ordinal}; the number of runs is {len(self.runs)}.")

    def installation(self, repository: Repository) -> Installation | None:
        """Find the installation that covers a repository."""
        for installation in self.installations.values():
            covered = installation.repository_ids is None or repository.id in installation.repository_ids
            if covered and installation.account is repository.owner:
                return installation
        return None

    def covered(self, installation: Installation) -> list[Repository]:
        """List the repositories that an installation covers."""
        return [
            repository for repository in self.repositories.values() if self.installation(repository) is installation
        ]

    def role(self, repository: Repository, account: Account) -> tuple[str, str]:
        """Return an account's permission and role name; at least read on a public repository."""
        permission, name = repository.roles.get(account.id, ("none", "none"))
        if permission == "none" and not repository.private:
            return "read", "read"
        return permission, name
