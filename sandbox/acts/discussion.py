"""Pull requests, issues and comments."""

from collections.abc import Mapping

from sandbox.acts.errors import as_sandbox_error
from sandbox.errors import SandboxError
from sandbox.lifecycle import Sandbox
from sandbox.records import PullRequest
from sandbox.use_cases import discussion, refs


class DiscussionActs(Sandbox):
    """Open, merge and close pull requests, open issues, and comment."""

    async def pull_request(
        self,
        title: str = "Change something",
        *,
        by: str = "alice",
        files: Mapping[str, str | None] | None = None,
        body: str | None = None,
        fork: bool = False,
        repo: str | None = None,
    ) -> int:
        """Open a pull request from a new branch with one commit, with `fork` from a fork's; return its number."""
        new = discussion.NewPullRequest(title, files, body, fork)
        pull = await discussion.open_pull_request(self.state, self.repository(repo), new, self.state.account(by))
        return pull.number

    async def push_to_pull_request(
        self,
        number: int,
        message: str = "Change more",
        *,
        by: str = "alice",
        files: Mapping[str, str | None] | None = None,
        repo: str | None = None,
    ) -> None:
        """Push a commit to the branch of a pull request."""
        change = refs.NewCommit(message, self.state.account(by), files)
        await discussion.push_to_pull_request(self.state, self.repository(repo), self._pull(number, repo), change)

    async def merge(self, number: int, by: str = "alice", repo: str | None = None, *, method: str = "squash") -> str:
        """Merge a pull request by `merge`, `squash` or `rebase`; return the SHA of the commit by which it landed."""
        pull = self._pull(number, repo)
        return await discussion.merge(self.state, self.repository(repo), pull, self.state.account(by), method)

    async def close_pull_request(self, number: int, by: str = "alice", repo: str | None = None) -> None:
        """Close a pull request without merging it."""
        discussion.close(self.state, self.repository(repo), self._pull(number, repo), self.state.account(by))

    async def reopen_pull_request(self, number: int, by: str = "alice", repo: str | None = None) -> None:
        """Open a closed pull request again."""
        discussion.reopen(self.state, self.repository(repo), self._pull(number, repo), self.state.account(by))

    def _pull(self, number: int, repo: str | None) -> PullRequest:
        repository = self.repository(repo)
        if number not in repository.pulls:
            raise SandboxError(f"No pull request {number} in {repository.full_name}.")
        return repository.pulls[number]

    async def issue(
        self, title: str = "Something is wrong", *, by: str = "alice", body: str | None = None, repo: str | None = None
    ) -> int:
        """Open an issue that is not a pull request; return its number."""
        return discussion.open_issue(self.state, self.repository(repo), title, self.state.account(by), body).number

    async def comment(self, number: int, body: str, by: str = "alice", repo: str | None = None) -> int:
        """Comment on an issue or pull request; return the comment's id."""
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

    async def edit_commit_comment(self, comment: int, body: str, repo: str | None = None) -> None:
        """Edit the body of a commit's comment; GitHub sends no event."""
        target = discussion.find_commit_comment(self.repository(repo), comment)
        with as_sandbox_error():
            discussion.edit_commit_comment(self.state, target, body)

    async def delete_commit_comment(self, comment: int, repo: str | None = None) -> None:
        """Delete a commit's comment; GitHub sends no event."""
        repository = self.repository(repo)
        del repository.commit_comments[discussion.find_commit_comment(repository, comment).id]
