"""Workflow runs."""

from sandbox.acts.errors import as_sandbox_error
from sandbox.lifecycle import Sandbox
from sandbox.records import Run
from sandbox.use_cases import runs


class RunActs(Sandbox):
    """Start, finish and re-run workflow runs."""

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
        with as_sandbox_error():
            await runs.rerun(self.state, self._find_run(run))

    def set_run_seconds(self, seconds: tuple[float, float] | None = None) -> None:
        """Make runs succeed on their own after a time in this range of seconds; with None they wait for `finish`."""
        self.state.run_seconds = seconds
