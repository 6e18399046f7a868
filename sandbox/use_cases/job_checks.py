"""The check runs of the jobs of runs, which belong to GitHub Actions."""

from sandbox.records import CheckRun, Repository, Run
from sandbox.serializers import actions
from sandbox.state import State
from sandbox.use_cases.checks import emit_check


def report(state: State, repository: Repository, run: Run) -> None:
    """Give the check runs of a run's jobs the status of the run, and create those that are missing."""
    if not state.job_checks:
        return
    for index, name in enumerate(run.jobs):
        number = actions.job_id(run, index)
        is_new = number not in repository.checks
        if is_new:
            page = f"{state.html_url}/{repository.full_name}/actions/runs/{run.id}/job/{number}"
            check = CheckRun(number, name, run.head_sha, "queued", None, "", page, state.now(), None, {})
            check.app, check.suite = state.other_app("github-actions"), actions.check_suite_id(run)
            repository.checks[number] = check
        _update(state, repository, run, repository.checks[number], is_new)


def _update(state: State, repository: Repository, run: Run, check: CheckRun, is_new: bool) -> None:
    was_completed = check.status == "completed"
    check.status, check.conclusion = actions.job_state(run, check.name)
    ends = check.status == "completed" and not was_completed
    if ends:
        check.completed_at = state.now()
    if is_new or ends:
        emit_check(state, repository, check, "completed" if ends else "created", state.actions_bot)
