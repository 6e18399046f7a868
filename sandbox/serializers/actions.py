"""Workflows, runs and jobs as JSON."""

from sandbox.records import Repository, Run, Workflow, format_time
from sandbox.serializers.accounts import Json, minimal_repository, node_id, repository_url, user
from sandbox.state import State

STEPS = ("Set up job", "Run the work")
"""The steps of every job."""


def workflow(state: State, repository: Repository, workflow: Workflow, name: str) -> Json:
    """Serialize a workflow."""
    file = workflow.path.rsplit("/", 1)[-1]
    html = f"{state.html_url}/{repository.full_name}"
    return {
        "id": workflow.id,
        "node_id": node_id("W", workflow.id),
        "name": name,
        "path": workflow.path,
        "state": workflow.state,
        "created_at": format_time(repository.created_at),
        "updated_at": format_time(repository.created_at),
        "url": f"{repository_url(state, repository)}/actions/workflows/{workflow.id}",
        "html_url": f"{html}/blob/{repository.default_branch}/{workflow.path}",
        "badge_url": f"{html}/workflows/{file}/badge.svg",
    }


def _head_commit(repository: Repository, sha: str) -> Json | None:
    commit = repository.history.commits.get(sha)
    if commit is None:
        return None
    return {
        "id": sha,
        "tree_id": commit.tree,
        "message": commit.message,
        "timestamp": format_time(commit.committer.at),
        "author": {"name": commit.author.name, "email": commit.author.email},
        "committer": {"name": commit.committer.name, "email": commit.committer.email},
    }


def check_suite_id(run: Run) -> int:
    """Return the id of a run's check suite."""
    return run.id + 1


def _run_links(state: State, repository: Repository, run: Run) -> Json:
    url = f"{repository_url(state, repository)}/actions/runs/{run.id}"
    suite = check_suite_id(run)
    previous = f"{url}/attempts/{run.run_attempt - 1}" if run.run_attempt > 1 else None
    return {
        "url": url,
        "html_url": f"{state.html_url}/{repository.full_name}/actions/runs/{run.id}",
        **{f"{name}_url": f"{url}/{name}" for name in ("jobs", "logs", "artifacts", "cancel", "rerun")},
        "check_suite_id": suite,
        "check_suite_node_id": node_id("CS", suite),
        "check_suite_url": f"{repository_url(state, repository)}/check-suites/{suite}",
        "workflow_url": f"{repository_url(state, repository)}/actions/workflows/{run.workflow_id}",
        "previous_attempt_url": previous,
    }


def workflow_run(state: State, repository: Repository, run: Run) -> Json:
    """Serialize a run as in webhooks."""
    return {
        "id": run.id,
        "name": run.workflow_name,
        "node_id": node_id("WFR", run.id),
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
        "path": run.workflow,
        "display_title": run.display_title,
        "run_number": sum(
            other.workflow_id == run.workflow_id and other.ordinal <= run.ordinal for other in state.runs
        ),
        "run_attempt": run.run_attempt,
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion,
        "workflow_id": run.workflow_id,
        "pull_requests": [],
        "created_at": format_time(run.created_at),
        "updated_at": format_time(run.updated_at),
        "run_started_at": format_time(run.started_at),
        "actor": user(state, run.actor),
        "triggering_actor": user(state, run.triggering_actor),
        "referenced_workflows": [],
        **_run_links(state, repository, run),
        "head_commit": _head_commit(repository, run.head_sha),
        "repository": minimal_repository(state, repository),
        "head_repository": minimal_repository(state, repository),
    }


def rest_workflow_run(state: State, repository: Repository, run: Run) -> Json:
    """Serialize a run as in REST responses, where `path` includes the ref."""
    return {**workflow_run(state, repository, run), "path": f"{run.workflow}@{run.head_branch}"}


def job_id(run: Run, index: int) -> int:
    """Return the id of a job of a run's attempt, and of its check run."""
    return run.id * 2 + index + 100_000_000 * run.run_attempt


def job_state(run: Run, name: str) -> tuple[str, str | None]:
    """Return the status and conclusion of a job: those of its run, unless it has finished before."""
    return ("completed", "success") if name in run.finished_jobs else (run.status, run.conclusion)


def _step(run: Run, status: str, conclusion: str | None, number: int) -> Json:
    """Serialize a step of a job: the last one is under way, or ends the job."""
    is_over = status == "completed" or (status == "in_progress" and number < len(STEPS))
    has_begun = status in ("completed", "in_progress")
    ended = conclusion if number == len(STEPS) and status == "completed" else "success"
    return {
        "name": STEPS[number - 1],
        "status": "completed" if is_over else status if has_begun else "queued",
        "conclusion": ended if is_over else None,
        "number": number,
        "started_at": format_time(run.started_at) if has_begun else None,
        "completed_at": format_time(run.updated_at) if is_over else None,
    }


def job(state: State, repository: Repository, run: Run, name: str, index: int) -> Json:
    """Serialize a job."""
    status, conclusion = job_state(run, name)
    number = job_id(run, index)
    url = repository_url(state, repository)
    done = format_time(run.updated_at) if status == "completed" else None
    return {
        "id": number,
        "run_id": run.id,
        "run_url": f"{url}/actions/runs/{run.id}",
        "run_attempt": run.run_attempt,
        "node_id": node_id("CR", number),
        "head_sha": run.head_sha,
        "head_branch": run.head_branch,
        "url": f"{url}/actions/jobs/{number}",
        "html_url": f"{state.html_url}/{repository.full_name}/actions/runs/{run.id}/job/{number}",
        "status": status,
        "conclusion": conclusion,
        "created_at": format_time(run.created_at),
        "started_at": format_time(run.started_at),
        "completed_at": done,
        "name": name,
        "workflow_name": run.workflow_name,
        "steps": [_step(run, status, conclusion, number) for number in range(1, len(STEPS) + 1)],
        "check_run_url": f"{url}/check-runs/{number}",
        "labels": ["ubuntu-latest"],
        "runner_id": 1,
        "runner_name": "GitHub Actions 1",
        "runner_group_id": 0,
        "runner_group_name": "GitHub Actions",
    }
