"""Check runs and commit statuses of other Apps, and the buttons of the App's own check runs."""

from sandbox.errors import SandboxError
from sandbox.lifecycle import Sandbox
from sandbox.records import CheckRun
from sandbox.use_cases import checks


class CheckActs(Sandbox):
    """Report checks and statuses as other Apps, and click the buttons of check runs."""

    async def report_check(
        self,
        name: str,
        sha: str = "main",
        conclusion: str | None = "success",
        *,
        app: str = "ci-bot",
        repo: str | None = None,
    ) -> int:
        """Report a check run of another App, by its slug; return the check run's id.

        Without a conclusion, or with `queued` or `in_progress`, it is unfinished; the next report of that name on the
        same commit completes it. `github-actions` stands for the jobs of Actions.
        """
        repository = self.repository(repo)
        return checks.report_check(self.state, repository, name, self.resolve(sha, repo), conclusion, app).id

    async def report_status(
        self,
        context: str,
        sha: str = "main",
        state: str = "success",
        *,
        by: str = "ci-bot[bot]",
        repo: str | None = None,
    ) -> int:
        """Report a commit status as another App's bot, or as a person; return its id."""
        if state not in checks.STATUS_STATES:
            raise SandboxError(f"{state} is not a state: use one of {', '.join(checks.STATUS_STATES)}.")
        body, account = {"state": state, "context": context}, self.state.account(by)
        return checks.add_status(self.state, self.repository(repo), self.resolve(sha, repo), body, account).id

    def check_runs(self, sha: str = "main", repo: str | None = None) -> list[CheckRun]:
        """List all check runs of a commit, oldest first."""
        full = self.resolve(sha, repo)
        return [check for check in self.repository(repo).checks.values() if check.head_sha == full]

    async def click_button(self, check: int, identifier: str, by: str = "alice", repo: str | None = None) -> None:
        """Click a button of one of the App's check runs."""
        repository = self.repository(repo)
        found = checks.find_check(repository, check)
        checks.click_button(self.state, repository, found, identifier, self.state.account(by))

    async def rerequest(self, check: int, by: str = "alice", repo: str | None = None) -> None:
        """Request a check run again."""
        repository = self.repository(repo)
        checks.rerequest(self.state, repository, checks.find_check(repository, check), self.state.account(by))
