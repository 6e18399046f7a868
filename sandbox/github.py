"""The Python side of the sandbox: what people and the platform do, as methods."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sandbox import template
from sandbox.control import add_control
from sandbox.deliveries import sign
from sandbox.errors import ApiError, SandboxError
from sandbox.lifecycle import Sandbox
from sandbox.records import Account, Installation, Run
from sandbox.state import ROLES, State
from sandbox.use_cases import account, discussion, refs, runs


@contextlib.contextmanager
def _as_sandbox_error() -> Iterator[None]:
    """Turn a refusal meant for the API into a sentence for whoever drives the sandbox."""
    try:
        yield
    except ApiError as refused:
        raise SandboxError(f"{refused}.") from refused


class GitHub(Sandbox):
    """A GitHub in a box over a real git repository. Make one with ``create``."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        add_control(self.app, self)

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
        return await refs.commit(state, self.repository(repo), branch, message, files, state.account(by))

    async def branch(self, name: str, at: str = "main", by: str = "alice", repo: str | None = None) -> None:
        """Push a new branch."""
        await self._create_ref(f"refs/heads/{name}", self.resolve(at, repo), by, repo)

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
        """Push a tag and give the SHA that its ref points at (of the tag object, when annotated)."""
        repository, person, sha = self.repository(repo), self.state.account(by), self.resolve(at, repo)
        if annotated:
            sha = (await refs.write_tag(self.state, repository, name, sha, message or name, person)).sha
        if move and f"refs/tags/{name}" in repository.history.refs:
            await refs.move_ref(self.state, repository, f"refs/tags/{name}", sha, person, force=True)
        else:
            await self._create_ref(f"refs/tags/{name}", sha, by, repo)
        return sha

    async def tags(self, names: Sequence[str], at: str = "main", by: str = "alice", repo: str | None = None) -> None:
        """Push several tags at once; for more than three, no event is sent."""
        sha = self.resolve(at, repo)
        with _as_sandbox_error():
            await refs.create_tags(self.state, self.repository(repo), dict.fromkeys(names, sha), self.state.account(by))

    async def delete_tag(self, name: str, by: str = "alice", repo: str | None = None) -> None:
        """Delete a tag."""
        await self._delete_ref(f"refs/tags/{name}", by, repo)

    async def fork_commit(self, message: str = "Sneak in", by: str = "mallory", repo: str | None = None) -> str:
        """Make a commit that is only in a fork, and yet resolves through this repository."""
        return await refs.fork_commit(self.state, self.repository(repo), message, self.state.account(by))

    async def _create_ref(self, ref: str, sha: str, by: str, repo: str | None) -> None:
        with _as_sandbox_error():
            await refs.create_ref(self.state, self.repository(repo), ref, sha, self.state.account(by))

    async def _delete_ref(self, ref: str, by: str, repo: str | None) -> None:
        with _as_sandbox_error():
            await refs.delete_ref(self.state, self.repository(repo), ref, self.state.account(by))

    def protect_tags(self, pattern: str, repo: str | None = None) -> None:
        """Let a ruleset refuse tags that match a pattern, when the API creates them."""
        self.repository(repo).protected_tags.append(pattern)

    def require_workflows_permission(
        self, required: bool = True, repo: str | None = None, *, status: int = 403
    ) -> None:
        """Hold ref creation to the rule about workflow files that differ from the default branch's."""
        self.repository(repo).workflows_permission = required
        self.repository(repo).workflows_status = status

    # People, pull requests, comments

    def person(self, login: str, role: str = "write", repo: str | None = None, *, base: str | None = None) -> Account:
        """Make someone known, with a role; a custom role needs the ``base`` role it builds on."""
        if role not in ROLES and base not in ROLES:
            raise SandboxError(f"The role {role} is not built in: say which role is its base.")
        permission = ROLES[role] if role in ROLES else ROLES[base or "read"]
        person = self.state.account(login)
        self.repository(repo).roles[login.lower()] = (permission, role)
        return person

    async def pull_request(
        self,
        title: str = "Change something",
        *,
        by: str = "alice",
        files: Mapping[str, str | None] | None = None,
        body: str | None = None,
        repo: str | None = None,
    ) -> int:
        """Open a pull request from a new branch with one commit; gives its number."""
        person = self.state.account(by)
        pull = await discussion.open_pull_request(self.state, self.repository(repo), title, person, files, body)
        return pull.number

    async def merge(self, number: int, by: str = "alice", repo: str | None = None) -> str:
        """Squash-merge a pull request; gives the commit's SHA."""
        repository = self.repository(repo)
        if number not in repository.pulls:
            raise SandboxError(f"There is no pull request {number} in {repository.full_name}.")
        return await discussion.merge(self.state, repository, repository.pulls[number], self.state.account(by))

    async def comment(self, number: int, body: str, by: str = "alice", repo: str | None = None) -> int:
        """Comment on a pull request; gives the comment's id."""
        with _as_sandbox_error():
            person = self.state.account(by)
            return discussion.comment(self.state, self.repository(repo), number, body, person).id

    async def edit_comment(self, comment: int, body: str, by: str = "alice", repo: str | None = None) -> None:
        """Change a comment's text."""
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
        """Comment on a commit; gives the comment's id."""
        with _as_sandbox_error():
            full, person = self.resolve(sha, repo), self.state.account(by)
            return discussion.commit_comment(self.state, self.repository(repo), full, body, person).id

    # Runs

    def _run(self, run: int | Run) -> Run:
        return run if isinstance(run, Run) else self.state.run(run)

    async def start(self, run: int | Run = 1) -> None:
        """Let a run begin."""
        await runs.start(self.state, self._run(run))

    async def finish(self, run: int | Run = 1, conclusion: str = "success", delivery: str | None = None) -> None:
        """End a run. On a run that has ended only the event is sent again; ``delivery`` sets its GUID."""
        await runs.finish(self.state, self._run(run), conclusion, delivery)

    async def rerun(self, run: int | Run = 1) -> None:
        """Run again: same id, next attempt, no ``requested`` event."""
        with _as_sandbox_error():
            await runs.rerun(self.state, self._run(run))

    # Repositories and the installation

    async def add_repository_to_account(self, source: Path, name: str, private: bool = False) -> str:
        """Add a second repository to the account; gives ``owner/name``."""
        return self._add(await template.prepare(Path(source)), name, private).full_name

    async def rename(self, new_name: str, repo: str | None = None) -> None:
        """Rename a repository."""
        account.rename(self.state, self.repository(repo), new_name, self.state.account("alice"))

    async def transfer(self, new_owner: str, repo: str | None = None) -> None:
        """Move a repository to another owner."""
        state = self.state
        account.transfer(state, self.repository(repo), state.account(new_owner, "Organization"), state.account("alice"))

    async def set_private(self, private: bool = True, repo: str | None = None) -> None:
        """Hide a repository, or show it."""
        account.set_private(self.state, self.repository(repo), private, self.state.account("alice"))

    async def archive(self, archived: bool = True, repo: str | None = None) -> None:
        """Archive a repository, or end that."""
        account.archive(self.state, self.repository(repo), archived, self.state.account("alice"))

    async def delete_repository(self, repo: str | None = None) -> None:
        """Delete a repository."""
        account.delete(self.state, self.repository(repo), self.state.account("alice"))

    def block(self, blocked: bool = True, repo: str | None = None) -> None:
        """Let a repository answer 451, as after a takedown notice."""
        self.repository(repo).blocked = blocked

    @property
    def installation(self) -> Installation:
        """The App's installation on the account."""
        installation = account.find(self.state, self.state.owner) or next(iter(self.state.installations.values()), None)
        if installation is None:
            raise SandboxError("The App is not installed.")
        return installation

    @property
    def installation_id(self) -> int:
        """The installation's number."""
        return self.installation.id

    async def install(self, repo: str | None = None) -> int:
        """Install the App on one repository, or on all of the account's; gives the installation's id."""
        if account.find(self.state, self.state.owner):
            raise SandboxError("The App is installed already.")
        selected = None if repo is None else [self.repository(repo)]
        return account.install(self.state, self.state.owner, selected, self.state.account("alice")).id

    async def uninstall(self) -> None:
        """Remove the App from the account."""
        account.uninstall(self.state, self.installation, self.state.account("alice"))

    async def suspend(self) -> None:
        """Suspend the installation."""
        account.suspend(self.state, self.installation, self.state.account("alice"))

    async def unsuspend(self) -> None:
        """End the suspension."""
        account.unsuspend(self.state, self.installation, self.state.account("alice"))

    async def add_repository(self, repo: str) -> None:
        """Let the installation cover one more repository."""
        added = [self.repository(repo)]
        account.choose(self.state, self.installation, added, [], self.state.account("alice"))

    async def remove_repository(self, repo: str | None = None) -> None:
        """Take a repository out of the installation."""
        removed = [self.repository(repo)]
        account.choose(self.state, self.installation, [], removed, self.state.account("alice"))

    def expire_tokens(self) -> None:
        """Let every installation token be an hour old."""
        for token in self.state.tokens.values():
            token.expires_at = self.state.now() - timedelta(seconds=1)

    def set_run_seconds(self, seconds: tuple[float, float] | None = None) -> None:
        """Let runs take this long and then succeed; None: they wait to be told."""
        self.state.run_seconds = seconds

    def forget_calls(self) -> None:
        """Empty the list of calls and of unknown routes."""
        self.state.calls.clear()
        self.state.unknown_routes.clear()

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward."""
        self.state.clock_offset += timedelta(seconds=seconds)

    # Webhooks

    async def ping(self) -> None:
        """Send ``ping``."""
        account.ping(self.state)

    async def redeliver(self, guid: str) -> None:
        """Send a delivery again, under the same GUID."""
        attempt = self.state.deliverer.find_attempt(guid)
        if attempt is None:
            raise SandboxError(f"There was no delivery {guid}.")
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
        """Post anything at all to the webhook address, now; gives the status of the answer."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        deliverer = self.state.deliverer
        signature_headers = sign(deliverer.secret, body)
        if signature is not None:
            signature_headers["X-Hub-Signature-256"] = signature
        guid = delivery or f"sandbox-{len(deliverer.attempts)}-{hash(body) & 0xFFFF:x}"
        defaults = deliverer.headers(event, guid, body) | {"Content-Type": content_type} | signature_headers
        return (await deliverer.post(body, {**defaults, **(headers or {})}))[0]
