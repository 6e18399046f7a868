"""Workflow runs, and the environments that their jobs deploy to."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.acts.errors import as_sandbox_error
from sandbox.lifecycle import Sandbox
from sandbox.records import Environment, Run
from sandbox.use_cases import environments, runs


class RunActs(Sandbox):
    """Start, finish and re-run workflow runs; define environments, and approve deployments."""

    def _find_run(self, run: int | Run) -> Run:
        return run if isinstance(run, Run) else self.state.run(run)

    async def start(self, run: int | Run = 1) -> None:
        """Start a queued run."""
        await runs.start(self.state, self._find_run(run))

    async def finish(self, run: int | Run = 1, conclusion: str = "success", delivery: str | None = None) -> None:
        """Complete a run; if it is already completed, only send the event again. `delivery` sets the event's GUID."""
        await runs.finish(self.state, self._find_run(run), conclusion, delivery)

    async def finish_job(self, job: str, run: int | Run = 1, conclusion: str = "success") -> None:
        """Complete a job of a run in progress: those that need it begin, or wait for their environments."""
        await runs.finish_job(self.state, self._find_run(run), job, conclusion)

    async def rerun(self, run: int | Run = 1, by: str | None = None) -> None:
        """Re-run a completed run: its id stays the same, and no `requested` event is sent.

        `by` is then who triggered it; by default that stays who did so before.
        """
        with as_sandbox_error():
            await runs.rerun(self.state, self._find_run(run), None if by is None else self.state.account(by))

    async def dispatch(
        self,
        workflow: str,
        ref: str = "main",
        inputs: Mapping[str, str] | None = None,
        *,
        by: str = "alice",
        repo: str | None = None,
    ) -> int:
        """Run a workflow by hand, as a person does on GitHub's pages; return the ordinal of the run."""
        repository, account = self.repository(repo), self.state.account(by)
        with as_sandbox_error():
            run = await runs.dispatch(self.state, repository, workflow, ref, inputs or {}, account)
        return run.ordinal

    def set_job_checks(self, enabled: bool = True) -> None:
        """Report the jobs of runs as check runs of GitHub Actions, as GitHub does; by default they have none."""
        self.state.job_checks = enabled

    def set_push_runs(self, enabled: bool = True) -> None:
        """Make pushes run the workflows with `on: push`, as GitHub does; by default only dispatches start runs."""
        self.state.push_listeners = [functools.partial(runs.run_for_push, self.state)] if enabled else []

    def set_run_seconds(self, seconds: tuple[float, float] | None = None) -> None:
        """Make runs succeed on their own after a time in this range of seconds; with None they wait for `finish`."""
        self.state.run_seconds = seconds

    # Environments

    def environment(
        self,
        name: str,
        *,
        reviewers: Sequence[str] = (),
        teams: Sequence[str] = (),
        rule: bool = False,
        prevent_self_review: bool = False,
        repo: str | None = None,
    ) -> Environment:
        """Create or change an environment: its required reviewers, and whether the App's protection rule is enabled."""
        repository = self.repository(repo)
        environment = environments.get_or_create(self.state, repository, name)
        environment.reviewers = environments.reviewers(self.state, repository.owner, reviewers, teams)
        environment.rule, environment.prevent_self_review = rule, prevent_self_review
        return environment

    async def approve_deployment(self, run: int | Run = 1, by: str = "alice", environment: str | None = None) -> None:
        """Approve a run's waiting deployment as one of its required reviewers."""
        await self._review(run, by, environment, "approved")

    async def reject_deployment(self, run: int | Run = 1, by: str = "alice", environment: str | None = None) -> None:
        """Reject a run's waiting deployment as one of its required reviewers; the run fails."""
        await self._review(run, by, environment, "rejected")

    async def _review(self, run: int | Run, by: str, name: str | None, verdict: str) -> None:
        found, account = self._find_run(run), self.state.account(by)
        job = environments.find_job(found, name)
        repository = self.state.repositories[found.repository]
        environment = environments.get_or_create(self.state, repository, job.use.name)
        environments.check_reviewer(self.state, environment, found, account)
        await runs.review(self.state, found, job, "reviewers", verdict)

    async def bypass_protection(self, run: int | Run = 1, environment: str | None = None) -> None:
        """Start a run's waiting deployment without the approvals that it needs, as administrators may."""
        found = self._find_run(run)
        job = environments.find_job(found, environment)
        for what in sorted(job.awaiting):
            await runs.review(self.state, found, job, what, "approved")

    def gate_reports(self, run: int = 1) -> list[dict[str, Any]]:
        """List what the App has reported about the deployments of a run's latest attempt, oldest first."""
        reports = [report for job in self._find_run(run).environment_jobs for report in job.reports]
        return [{"environment": each.environment, "state": each.state, "comment": each.comment} for each in reports]
