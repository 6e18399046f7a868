"""The Python API of the sandbox: the actions of people and of GitHub."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from sandbox.acts.app import AppActs
from sandbox.acts.checks import CheckActs
from sandbox.acts.discussion import DiscussionActs
from sandbox.acts.errors import as_sandbox_error
from sandbox.acts.people import PeopleActs
from sandbox.acts.releases import ReleaseActs
from sandbox.acts.repositories import RepositoryActs
from sandbox.acts.runs import RunActs
from sandbox.acts.webhooks import WebhookActs
from sandbox.control import add_control
from sandbox.errors import SandboxError
from sandbox.state import State
from sandbox.use_cases import refs


def _name_and_email(author: str | None) -> tuple[str, str] | None:
    if author is None:
        return None
    found = re.fullmatch(r"([^<>]+) <([^<>]+)>", author)
    if found is None:
        raise SandboxError(f"{author} is not an author: write Name <name@example.com>.")
    return found[1], found[2]


class GitHub(AppActs, PeopleActs, DiscussionActs, CheckActs, ReleaseActs, RunActs, RepositoryActs, WebhookActs):
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
        *,
        author: str | None = None,
        repo: str | None = None,
    ) -> str:
        """Push a commit to a branch; a file that is None is removed.

        `author` is a name and an e-mail address, such as `Carol <carol@example.com>`; by default, who pushes it.
        """
        state = self.state
        change = refs.NewCommit(message, state.account(by), files, _name_and_email(author))
        return await refs.commit(state, self.repository(repo), branch, change)

    async def branch(self, name: str, at: str = "main", by: str = "alice", repo: str | None = None) -> None:
        """Push a new branch."""
        await self._create_ref(f"refs/heads/{name}", self.resolve(at, repo), by, repo)

    async def branches(self, count: int, prefix: str = "branch-", at: str = "main", repo: str | None = None) -> None:
        """Add many branches, `branch-00001` and so on, as if they were always there: no events are sent."""
        names = [f"refs/heads/{prefix}{number:05}" for number in range(1, count + 1)]
        with as_sandbox_error():
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
        tagger: str | None = None,
        age: float = 0,
        repo: str | None = None,
    ) -> str:
        """Push a tag and return the SHA that its ref points at (that of the tag object when annotated).

        `tagger` is a name and an e-mail address, such as `Carol <carol@example.com>`; by default, who pushes the tag.
        `age` is how many seconds ago the tag object was made.
        """
        repository, person, sha = self.repository(repo), self.state.account(by), self.resolve(at, repo)
        if annotated:
            signature, given = self.state.signature(person), _name_and_email(tagger)
            if given:
                signature = replace(signature, name=given[0], email=given[1])
            signature = replace(signature, at=signature.at - timedelta(seconds=age))
            sha = (await refs.write_tag(repository, name, sha, message or name, signature)).sha
        if move and f"refs/tags/{name}" in repository.history.refs:
            await refs.move_ref(self.state, repository, f"refs/tags/{name}", sha, person, force=True)
        else:
            await self._create_ref(f"refs/tags/{name}", sha, by, repo)
        return sha

    async def tags(self, names: Sequence[str], at: str = "main", by: str = "alice", repo: str | None = None) -> None:
        """Push several tags at once; GitHub sends no events for more than three."""
        sha = self.resolve(at, repo)
        with as_sandbox_error():
            await refs.create_tags(self.state, self.repository(repo), dict.fromkeys(names, sha), self.state.account(by))

    async def delete_tag(self, name: str, by: str = "alice", repo: str | None = None) -> None:
        """Delete a tag."""
        await self._delete_ref(f"refs/tags/{name}", by, repo)

    async def fork_commit(self, message: str = "Sneak in", by: str = "mallory", repo: str | None = None) -> str:
        """Write a commit that exists only in a fork, but resolves through this repository."""
        change = refs.NewCommit(message, self.state.account(by))
        return await refs.fork_commit(self.state, self.repository(repo), change)

    async def _create_ref(self, ref: str, sha: str, by: str, repo: str | None) -> None:
        with as_sandbox_error():
            await refs.create_ref(self.state, self.repository(repo), ref, sha, self.state.account(by))

    async def _delete_ref(self, ref: str, by: str, repo: str | None) -> None:
        with as_sandbox_error():
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
