"""Workflows, runs and jobs as JSON."""

from sandbox.records import Repository, Run, Workflow, stamp
from sandbox.serializers.accounts import Json, minimal_repository, node, repository_url, user
from sandbox.state import State


def workflow(state: State, repository: Repository, one: Workflow, name: str) -> Json:
    """Show a workflow."""
    file = one.path.rsplit("/", 1)[-1]
    html = f"{state.html_url}/{repository.full_name}"
    return {
        "id": one.id,
        "node_id": node("W", one.id),
        "name": name,
        "path": one.path,
        "state": one.state,
        "created_at": stamp(repository.created_at),
        "updated_at": stamp(repository.created_at),
        "url": f"{repository_url(state, repository)}/actions/workflows/{one.id}",
        "html_url": f"{html}/blob/{repository.default_branch}/{one.path}",
        "badge_url": f"{html}/workflows/{file}/badge.svg",
    }


def _head_commit(repository: Repository, sha: str) -> Json | None:
    one = repository.history.commits.get(sha)
    if one is None:
        return None
    return {
        "id": sha,
        "tree_id": one.tree,
        "message": one.message,
        "timestamp": stamp(one.committer.at),
        "author": {"name": one.author.name, "email": one.author.email},
        "committer": {"name": one.committer.name, "email": one.committer.email},
    }


def _run_links(state: State, repository: Repository, run: Run) -> Json:
    url = f"{repository_url(state, repository)}/actions/runs/{run.id}"
    suite = run.id + 1
    previous = f"{url}/attempts/{run.run_attempt - 1}" if run.run_attempt > 1 else None
    return {
        "url": url,
        "html_url": f"{state.html_url}/{repository.full_name}/actions/runs/{run.id}",
        **{f"{name}_url": f"{url}/{name}" for name in ("jobs", "logs", "artifacts", "cancel", "rerun")},
        "check_suite_id": suite,
        "check_suite_node_id": node("CS", suite),
        "check_suite_url": f"{repository_url(state, repository)}/check-suites/{suite}",
        "workflow_url": f"{repository_url(state, repository)}/actions/workflows/{run.workflow_id}",
        "previous_attempt_url": previous,
    }


def run(state: State, repository: Repository, one: Run) -> Json:
    """Show a run as webhooks do; over REST its path also says at which ref."""
    return {
        "id": one.id,
        "name": one.workflow_name,
        "node_id": node("WFR", one.id),
        "head_branch": one.head_branch,
        "head_sha": one.head_sha,
        "path": one.workflow,
        "display_title": one.display_title,
        "run_number": sum(each.workflow_id == one.workflow_id and each.ordinal <= one.ordinal for each in state.runs),
        "run_attempt": one.run_attempt,
        "event": one.event,
        "status": one.status,
        "conclusion": one.conclusion,
        "workflow_id": one.workflow_id,
        "pull_requests": [],
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "run_started_at": stamp(one.started_at),
        "actor": user(state, one.actor),
        "triggering_actor": user(state, one.actor),
        "referenced_workflows": [],
        **_run_links(state, repository, one),
        "head_commit": _head_commit(repository, one.head_sha),
        "repository": minimal_repository(state, repository),
        "head_repository": minimal_repository(state, repository),
    }


def rest_run(state: State, repository: Repository, one: Run) -> Json:
    """Show a run as REST does: the path carries the ref."""
    return {**run(state, repository, one), "path": f"{one.workflow}@{one.head_branch}"}


def job(state: State, repository: Repository, one: Run, name: str, place: int) -> Json:
    """Show one job of a run; it goes as the run goes."""
    number = one.id * 2 + place + 100_000_000 * one.run_attempt
    url = repository_url(state, repository)
    done = stamp(one.updated_at) if one.status == "completed" else None
    return {
        "id": number,
        "run_id": one.id,
        "run_url": f"{url}/actions/runs/{one.id}",
        "run_attempt": one.run_attempt,
        "node_id": node("CR", number),
        "head_sha": one.head_sha,
        "head_branch": one.head_branch,
        "url": f"{url}/actions/jobs/{number}",
        "html_url": f"{state.html_url}/{repository.full_name}/actions/runs/{one.id}/job/{number}",
        "status": one.status,
        "conclusion": one.conclusion,
        "created_at": stamp(one.created_at),
        "started_at": stamp(one.started_at),
        "completed_at": done,
        "name": name,
        "workflow_name": one.workflow_name,
        "steps": [],
        "check_run_url": f"{url}/check-runs/{number}",
        "labels": ["ubuntu-latest"],
        "runner_id": 1,
        "runner_name": "GitHub Actions 1",
        "runner_group_id": 0,
        "runner_group_name": "GitHub Actions",
    }
