"""Check runs, commit statuses and deployments as JSON."""

from sandbox.records import CheckRun, CommitStatus, Deployment, DeploymentStatus, Repository, stamp
from sandbox.serializers.accounts import Json, app, minimal_repository, node, repository_url, user
from sandbox.state import State


def check_run(state: State, repository: Repository, one: CheckRun) -> Json:
    """Show a check run."""
    url = f"{repository_url(state, repository)}/check-runs/{one.id}"
    html = f"{state.html_url}/{repository.full_name}/runs/{one.id}"
    output = {name: one.output.get(name) for name in ("title", "summary", "text")}
    count = len(one.output.get("annotations") or [])
    return {
        "id": one.id,
        "node_id": node("CR", one.id),
        "head_sha": one.head_sha,
        "external_id": one.external_id,
        "url": url,
        "html_url": html,
        "details_url": one.details_url or html,
        "status": one.status,
        "conclusion": one.conclusion,
        "started_at": stamp(one.started_at),
        "completed_at": stamp(one.completed_at),
        "output": {**output, "annotations_count": count, "annotations_url": f"{url}/annotations"},
        "name": one.name,
        "check_suite": {"id": suite_id(one.head_sha)},
        "app": app(state),
        "pull_requests": [],
    }


def suite_id(sha: str) -> int:
    """Give the id of the App's check suite for a commit."""
    return 49_000_000_000 + int(sha[:7], 16)


def hook_check_run(state: State, repository: Repository, one: CheckRun) -> Json:
    """Show a check run as its webhooks do: with its suite in full."""
    url = f"{repository_url(state, repository)}/check-suites/{suite_id(one.head_sha)}"
    suite = {
        "id": suite_id(one.head_sha),
        "node_id": node("CS", suite_id(one.head_sha)),
        "head_branch": repository.default_branch,
        "head_sha": one.head_sha,
        "status": one.status,
        "conclusion": one.conclusion,
        "url": url,
        "before": None,
        "after": None,
        "pull_requests": [],
        "app": app(state),
        "created_at": stamp(one.started_at) or stamp(state.now()),
        "updated_at": stamp(state.now()),
    }
    return {**check_run(state, repository, one), "check_suite": suite}


def status(state: State, repository: Repository, one: CommitStatus) -> Json:
    """Show a commit status."""
    return {
        "url": f"{repository_url(state, repository)}/statuses/{one.sha}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{one.creator.id}?v=4",
        "id": one.id,
        "node_id": node("SC", one.id),
        "state": one.state,
        "description": one.description,
        "target_url": one.target_url,
        "context": one.context,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
        "creator": user(state, one.creator),
    }


def combined_status(state: State, repository: Repository, sha: str, shown: list[CommitStatus]) -> Json:
    """Show the combined status: pending when there is none, and blind to check runs."""
    states = {one.state for one in shown}
    word = "failure" if states & {"failure", "error"} else "pending" if "pending" in states or not states else "success"
    url = f"{repository_url(state, repository)}/commits/{sha}"
    statuses = []
    for one in shown:
        body = status(state, repository, one)
        del body["creator"]
        statuses.append({**body, "required": False})
    return {
        "state": word,
        "statuses": statuses,
        "sha": sha,
        "total_count": len(shown),
        "repository": minimal_repository(state, repository),
        "commit_url": url,
        "url": f"{url}/status",
    }


def deployment(state: State, repository: Repository, one: Deployment) -> Json:
    """Show a deployment."""
    base = repository_url(state, repository)
    url = f"{base}/deployments/{one.id}"
    return {
        "url": url,
        "id": one.id,
        "node_id": node("DE", one.id),
        "sha": one.sha,
        "ref": one.ref,
        "task": one.task,
        "payload": one.payload,
        "environment": one.environment,
        "original_environment": one.original_environment,
        "description": one.description,
        "creator": user(state, one.creator),
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "statuses_url": f"{url}/statuses",
        "repository_url": base,
        "transient_environment": one.transient,
        "production_environment": one.production,
        "performed_via_github_app": None,
    }


def deployment_status(state: State, repository: Repository, of: Deployment, one: DeploymentStatus) -> Json:
    """Show a deployment's status."""
    base = repository_url(state, repository)
    url = f"{base}/deployments/{of.id}"
    return {
        "url": f"{url}/statuses/{one.id}",
        "id": one.id,
        "node_id": node("DES", one.id),
        "state": one.state,
        "creator": user(state, one.creator),
        "description": one.description,
        "environment": one.environment,
        "target_url": one.log_url,
        "log_url": one.log_url,
        "environment_url": one.environment_url,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
        "deployment_url": url,
        "repository_url": base,
        "performed_via_github_app": None,
    }
