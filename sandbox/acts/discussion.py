"""Pull requests and comments."""

from collections.abc import Mapping

from sandbox.acts.errors import as_sandbox_error
from sandbox.errors import SandboxError
from sandbox.lifecycle import Sandbox
from sandbox.use_cases import discussion


class DiscussionActs(Sandbox):
    """Open and merge pull requests, and comment."""

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
        with as_sandbox_error():
            person = self.state.account(by)
            return discussion.comment(self.state, self.repository(repo), number, body, person).id

    async def edit_comment(self, comment: int, body: str, by: str = "alice", repo: str | None = None) -> None:
        """Edit a comment's body."""
        repository = self.repository(repo)
        target = discussion.find_comment(repository, comment)
        with as_sandbox_error():
            discussion.edit_comment(self.state, repository, target, body, self.state.account(by))

    async def delete_comment(self, comment: int, by: str = "alice", repo: str | None = None) -> None:
        """Delete a comment."""
        repository = self.repository(repo)
        target = discussion.find_comment(repository, comment)
        discussion.delete_comment(self.state, repository, target, self.state.account(by))

    async def commit_comment(self, sha: str, body: str, by: str = "alice", repo: str | None = None) -> int:
        """Comment on a commit; return the comment's id."""
        with as_sandbox_error():
            full, person = self.resolve(sha, repo), self.state.account(by)
            return discussion.commit_comment(self.state, self.repository(repo), full, body, person).id
