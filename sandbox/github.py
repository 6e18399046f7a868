"""The Python API of the sandbox: the actions of people and of GitHub."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sandbox import template
from sandbox.control import add_control
from sandbox.deliveries import delivery_guid, sign
from sandbox.errors import ApiError, SandboxError
from sandbox.lifecycle import Sandbox
from sandbox.records import Account, Installation, Run
from sandbox.state import ROLES, State
from sandbox.use_cases import discussion, installations, refs, repositories, runs


@contextlib.contextmanager
def _as_sandbox_error() -> Iterator[None]:
    """Convert an error of the simulated API into a SandboxError."""
    try:
        yield
    except ApiError as error:
        raise SandboxError(f"{error}.") from error


class GitHub(Sandbox):
    """A GitHub simulator over a real git repository; create one with `create`."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        add_control(self.app, self, state.host_names)

    # Commits, branches, tags

    async def commit(
        self,
        message: str = "Change something",
        branch: str = "main",
        files: Mapping[str, str | None] | None = None,
        by: str = "alice",
        repo: str | None = None,
    ) -> str:
        """Push a commit to a branch; a file that is None is removed."""
        state = self.state
        change = refs.NewCommit(message, state.account(by), files)
        return await refs.commit(state, self.repository(repo), branch, change)

    async def branch(self, name: str, at: str = "main", by: str = "alice", repo: str | None = None) -> None:
        """Push a new branch."""
        await self._create_ref(f"refs/heads/{name}", self.resolve(at, repo), by, repo)

    async def branches(self, count: int, prefix: str = "branch-", at: str = "main", repo: str | None = None) -> None:
        """Add many branches, `branch-00001` and so on, as if they were always there: no events are sent."""
        names = [f"refs/heads/{prefix}{number:05}" for number in range(1, count + 1)]
        with _as_sandbox_error():
            await refs.add_refs(self.repository(repo), dict.fromkeys(names, self.resolve(at, repo)))

    async def delete_branch(self, name: str, by: str = "alice", repo: str | None = None) -> None:
        """Delete a branch."""
        await self._delete_ref(f"refs/heads/{name}", by, repo)

    async def tag(
        self,
        name: str,
        at: str = "main",
        *,
        annotated: bool = False,
        by: str = "alice",
        move: bool = False,
        message: str | None = None,
        repo: str | None = None,
    ) -> str:
        """Push a tag and return the SHA that its ref points at (that of the tag object when annotated)."""
        repository, person, sha = self.repository(repo), self.state.account(by), self.resolve(at, repo)
        if annotated:
            tagger = self.state.signature(person)
            sha = (await refs.write_tag(repository, name, sha, message or name, tagger)).sha
        if move and f"refs/tags/{name}" in repository.history.refs:
            await refs.move_ref(self.state, repository, f"refs/tags/{name}", sha, person, force=True)
        else:
            await self._create_ref(f"refs/tags/{name}", sha, by, repo)
        return sha

    async def tags(self, names: Sequence[str], at: str = "main", by: str = "alice", repo: str | None = None) -> None:
        """Push several tags at once; GitHub sends no events for more than three."""
        sha = self.resolve(at, repo)
        with _as_sandbox_error():
            await refs.create_tags(self.state, self.repository(repo), dict.fromkeys(names, sha), self.state.account(by))

    async def delete_tag(self, name: str, by: str = "alice", repo: str | None = None) -> None:
        """Delete a tag."""
        await self._delete_ref(f"refs/tags/{name}", by, repo)

    async def fork_commit(self, message: str = "Sneak in", by: str = "mallory", repo: str | None = None) -> str:
        """Write a commit that exists only in a fork, but resolves through this repository."""
        change = refs.NewCommit(message, self.state.account(by))
        return await refs.fork_commit(self.state, self.repository(repo), change)

    async def _create_ref(self, ref: str, sha: str, by: str, repo: str | None) -> None:
        with _as_sandbox_error():
            await refs.create_ref(self.state, self.repository(repo), ref, sha, self.state.account(by))

    async def _delete_ref(self, ref: str, by: str, repo: str | None) -> None:
        with _as_sandbox_error():
            await refs.delete_ref(self.state, self.repository(repo), ref, self.state.account(by))

    def protect_tags(self, pattern: str, repo: str | None = None) -> None:
        """Add a ruleset that forbids creating tags that match a pattern through the API."""
        self.repository(repo).protected_tags.append(pattern)

    def require_workflows_permission(
        self, required: bool = True, repo: str | None = None, *, status: int = 403
    ) -> None:
        """Require the workflows permission to create refs whose workflow files differ from the default branch's."""
        self.repository(repo).workflows_permission = required
        self.repository(repo).workflows_status = status

    def protect_execution(self, rule: str | None = "event", repo: str | None = None) -> None:
        """Refuse dispatches by a rule about the `event` or the `actor`, as execution protections do; null ends it."""
        if rule not in (None, "event", "actor"):
            raise SandboxError("rule must be event, actor or null.")
        self.repository(repo).execution_protection = rule

    # People, pull requests, comments

    def person(self, login: str, role: str = "write", repo: str | None = None, *, base: str | None = None) -> Account:
        """Create an account or change its role; a custom role needs the `base` role that it extends."""
        if role not in ROLES and base not in ROLES:
            raise SandboxError(f"{role} is not a built-in role: set `base` to the role that it extends.")
        permission = ROLES[role] if role in ROLES else ROLES[base or "read"]
        person = self.state.account(login)
        self.repository(repo).roles[person.id] = (permission, role)
        return person

    def rename_person(self, login: str, new_login: str) -> None:
        """Rename an account: it keeps its id and its roles; `person` registers a new account under the old login."""
        self.state.rename_account(login, new_login)

    def delete_person(self, login: str) -> None:
        """Delete an account: `person` registers another one, with another id, under the same login."""
        self.state.delete_account(login)

    async def pull_request(
        self,
        title: str = "Change something",
        *,
        by: str = "alice",
        files: Mapping[str, str | None] | None = None,
        body: str | None = None,
        repo: str | None = None,
    ) -> int:
        """Open a pull request from a new branch with one commit; return its number."""
        person = self.state.account(by)
        pull = await discussion.open_pull_request(self.state, self.repository(repo), title, person, files, body)
        return pull.number

    async def merge(self, number: int, by: str = "alice", repo: str | None = None) -> str:
        """Squash-merge a pull request; return the SHA of the merge commit."""
        repository = self.repository(repo)
        if number not in repository.pulls:
            raise SandboxError(f"No pull request {number} in {repository.full_name}.")
        return await discussion.merge(self.state, repository, repository.pulls[number], self.state.account(by))

    async def comment(self, number: int, body: str, by: str = "alice", repo: str | None = None) -> int:
        """Comment on a pull request; return the comment's id."""
        with _as_sandbox_error():
            person = self.state.account(by)
            return discussion.comment(self.state, self.repository(repo), number, body, person).id

    async def edit_comment(self, comment: int, body: str, by: str = "alice", repo: str | None = None) -> None:
        """Edit a comment's body."""
        repository = self.repository(repo)
        target = discussion.find_comment(repository, comment)
        with _as_sandbox_error():
            discussion.edit_comment(self.state, repository, target, body, self.state.account(by))

    async def delete_comment(self, comment: int, by: str = "alice", repo: str | None = None) -> None:
        """Delete a comment."""
        repository = self.repository(repo)
        target = discussion.find_comment(repository, comment)
        discussion.delete_comment(self.state, repository, target, self.state.account(by))

    async def commit_comment(self, sha: str, body: str, by: str = "alice", repo: str | None = None) -> int:
        """Comment on a commit; return the comment's id."""
        with _as_sandbox_error():
            full, person = self.resolve(sha, repo), self.state.account(by)
            return discussion.commit_comment(self.state, self.repository(repo), full, body, person).id

    # Runs

    def _find_run(self, run: int | Run) -> Run:
        return run if isinstance(run, Run) else self.state.run(run)

    async def start(self, run: int | Run = 1) -> None:
        """Start a queued run."""
        await runs.start(self.state, self._find_run(run))

    async def finish(self, run: int | Run = 1, conclusion: str = "success", delivery: str | None = None) -> None:
        """Complete a run; if it is already completed, only send the event again. `delivery` sets the event's GUID."""
        await runs.finish(self.state, self._find_run(run), conclusion, delivery)

    async def rerun(self, run: int | Run = 1) -> None:
        """Re-run a completed run: its id stays the same, and no `requested` event is sent."""
        with _as_sandbox_error():
            await runs.rerun(self.state, self._find_run(run))

    # Repositories and the installation

    async def add_repository_to_account(self, source: Path, name: str, private: bool = False) -> str:
        """Add another repository to the account; return its `owner/name`."""
        return self._add_repository(await template.prepare(Path(source)), name, private).full_name

    async def rename(self, new_name: str, repo: str | None = None) -> None:
        """Rename a repository."""
        repositories.rename(self.state, self.repository(repo), new_name, self.state.account("alice"))

    async def transfer(self, new_owner: str, repo: str | None = None) -> None:
        """Transfer a repository to another owner."""
        state = self.state
        repositories.transfer(
            state, self.repository(repo), state.account(new_owner, "Organization"), state.account("alice")
        )

    async def set_private(self, private: bool = True, repo: str | None = None) -> None:
        """Make a repository private or public."""
        repositories.set_private(self.state, self.repository(repo), private, self.state.account("alice"))

    async def archive(self, archived: bool = True, repo: str | None = None) -> None:
        """Archive or unarchive a repository."""
        repositories.archive(self.state, self.repository(repo), archived, self.state.account("alice"))

    async def delete_repository(self, repo: str | None = None) -> None:
        """Delete a repository."""
        repositories.delete(self.state, self.repository(repo), self.state.account("alice"))

    def block(self, blocked: bool = True, repo: str | None = None) -> None:
        """Make a repository respond 451, as after a takedown notice."""
        self.repository(repo).blocked = blocked

    @property
    def installation(self) -> Installation:
        """The App's installation on the account."""
        installation = installations.find(self.state, self.state.owner) or next(
            iter(self.state.installations.values()), None
        )
        if installation is None:
            raise SandboxError("The App is not installed.")
        return installation

    @property
    def installation_id(self) -> int:
        """The installation's id."""
        return self.installation.id

    async def install(self, repo: str | None = None) -> int:
        """Install the App on one repository, or on all of the account's; return the installation's id."""
        if installations.find(self.state, self.state.owner):
            raise SandboxError("The App is already installed.")
        selected = None if repo is None else [self.repository(repo)]
        return installations.install(self.state, self.state.owner, selected, self.state.account("alice")).id

    async def uninstall(self) -> None:
        """Uninstall the App from the account."""
        installations.uninstall(self.state, self.installation, self.state.account("alice"))

    async def suspend(self) -> None:
        """Suspend the installation."""
        installations.suspend(self.state, self.installation, self.state.account("alice"))

    async def unsuspend(self) -> None:
        """Lift the suspension."""
        installations.unsuspend(self.state, self.installation, self.state.account("alice"))

    async def add_repository(self, repo: str) -> None:
        """Add a repository to the installation."""
        added = [self.repository(repo)]
        installations.change_repositories(self.state, self.installation, added, [], self.state.account("alice"))

    async def remove_repository(self, repo: str | None = None) -> None:
        """Remove a repository from the installation."""
        removed = [self.repository(repo)]
        installations.change_repositories(self.state, self.installation, [], removed, self.state.account("alice"))

    def expire_tokens(self) -> None:
        """Expire every installation token."""
        for token in self.state.tokens.values():
            token.expires_at = self.state.now() - timedelta(seconds=1)

    def set_run_seconds(self, seconds: tuple[float, float] | None = None) -> None:
        """Make runs succeed on their own after a time in this range of seconds; with None they wait for `finish`."""
        self.state.run_seconds = seconds

    def forget_calls(self) -> None:
        """Clear the lists of calls and unknown routes."""
        self.state.calls.clear()
        self.state.unknown_routes.clear()

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward."""
        self.state.clock.offset += timedelta(seconds=seconds)

    def skew(self, seconds: float) -> None:
        """Set the sandbox's clock this many seconds ahead of the real time, or (negative) behind it."""
        self.state.clock.offset = timedelta(seconds=seconds)

    # Webhooks

    async def ping(self) -> None:
        """Send a `ping` event."""
        installations.ping(self.state)

    async def redeliver(self, guid: str) -> None:
        """Redeliver an event under the same GUID."""
        attempt = self.state.deliverer.find_attempt(guid)
        if attempt is None:
            raise SandboxError(f"No delivery {guid}.")
        self.state.deliverer.redeliver(attempt)

    async def send(
        self,
        event: str,
        payload: Any,
        *,
        delivery: str | None = None,
        signature: str | None = None,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> int:
        """Post any payload to the webhook URL immediately; return the status of the response."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        deliverer = self.state.deliverer
        signature_headers = sign(deliverer.secret, body)
        if signature is not None:
            signature_headers["X-Hub-Signature-256"] = signature
        defaults = (
            deliverer.headers(event, delivery_guid(delivery), body) | {"Content-Type": content_type} | signature_headers
        )
        return (await deliverer.post(body, {**defaults, **(headers or {})}))[0]
