"""Check runs, commit statuses and deployments as JSON."""

from sandbox.records import CheckRun, CommitStatus, Deployment, DeploymentStatus, Repository, format_time
from sandbox.serializers.accounts import Json, app, minimal_repository, node_id, other_app, repository_url, user
from sandbox.state import State


def check_run(state: State, repository: Repository, check: CheckRun) -> Json:
    """Serialize a check run."""
    url = f"{repository_url(state, repository)}/check-runs/{check.id}"
    html = f"{state.html_url}/{repository.full_name}/runs/{check.id}"
    output = {name: check.output.get(name) for name in ("title", "summary", "text")}
    return {
        "id": check.id,
        "node_id": node_id("CR", check.id),
        "head_sha": check.head_sha,
        "external_id": check.external_id,
        "url": url,
        "html_url": html,
        "details_url": check.details_url or html,
        "status": check.status,
        "conclusion": check.conclusion,
        "started_at": format_time(check.started_at),
        "completed_at": format_time(check.completed_at),
        "output": {**output, "annotations_count": len(check.annotations), "annotations_url": f"{url}/annotations"},
        "name": check.name,
        "check_suite": {"id": check_suite_id(check)},
        "app": _app(state, check),
        "pull_requests": [],
    }


def _app(state: State, check: CheckRun) -> Json:
    return other_app(state, check.app) if check.app else app(state)


def check_suite_id(check: CheckRun) -> int:
    """Return the id of a check run's suite: one for each App and commit, and for each run of Actions."""
    if check.suite is not None:
        return check.suite
    return 49_000_000_000 + int(check.head_sha[:7], 16) + (check.app.id << 29 if check.app else 0)


def annotation(state: State, repository: Repository, check: CheckRun, annotation: Json) -> Json:
    """Serialize an annotation of a check run."""
    optional = ("start_column", "end_column", "title", "raw_details")
    required = ("path", "start_line", "end_line", "annotation_level", "message")
    blob = f"{state.html_url}/{repository.full_name}/blob/{check.head_sha}/{annotation['path']}"
    return {
        **{name: annotation[name] for name in required},
        **{name: annotation.get(name) for name in optional},
        "blob_href": blob,
    }


def webhook_check_run(state: State, repository: Repository, check: CheckRun) -> Json:
    """Serialize a check run as in webhooks, with its full check suite."""
    number = check_suite_id(check)
    url = f"{repository_url(state, repository)}/check-suites/{number}"
    suite = {
        "id": number,
        "node_id": node_id("CS", number),
        "head_branch": repository.default_branch,
        "head_sha": check.head_sha,
        "status": check.status,
        "conclusion": check.conclusion,
        "url": url,
        "before": None,
        "after": None,
        "pull_requests": [],
        "app": _app(state, check),
        "created_at": format_time(check.started_at) or format_time(state.now()),
        "updated_at": format_time(state.now()),
    }
    return {**check_run(state, repository, check), "check_suite": suite}


def status(state: State, repository: Repository, commit_status: CommitStatus) -> Json:
    """Serialize a commit status."""
    return {
        "url": f"{repository_url(state, repository)}/statuses/{commit_status.sha}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{commit_status.creator.id}?v=4",
        "id": commit_status.id,
        "node_id": node_id("SC", commit_status.id),
        "state": commit_status.state,
        "description": commit_status.description,
        "target_url": commit_status.target_url,
        "context": commit_status.context,
        "created_at": format_time(commit_status.created_at),
        "updated_at": format_time(commit_status.created_at),
        "creator": user(state, commit_status.creator),
    }


def combined_status(state: State, repository: Repository, sha: str, commit_statuses: list[CommitStatus]) -> Json:
    """Serialize the combined status: pending without statuses, and independent of check runs."""
    states = {commit_status.state for commit_status in commit_statuses}
    combined = (
        "failure" if states & {"failure", "error"} else "pending" if "pending" in states or not states else "success"
    )
    url = f"{repository_url(state, repository)}/commits/{sha}"
    statuses = []
    for commit_status in commit_statuses:
        body = status(state, repository, commit_status)
        del body["creator"]
        statuses.append({**body, "required": False})
    return {
        "state": combined,
        "statuses": statuses,
        "sha": sha,
        "total_count": len(commit_statuses),
        "repository": minimal_repository(state, repository),
        "commit_url": url,
        "url": f"{url}/status",
    }


def deployment(state: State, repository: Repository, deployment: Deployment) -> Json:
    """Serialize a deployment."""
    base = repository_url(state, repository)
    url = f"{base}/deployments/{deployment.id}"
    return {
        "url": url,
        "id": deployment.id,
        "node_id": node_id("DE", deployment.id),
        "sha": deployment.sha,
        "ref": deployment.ref,
        "task": deployment.task,
        "payload": deployment.payload,
        "environment": deployment.environment,
        "original_environment": deployment.original_environment,
        "description": deployment.description,
        "creator": user(state, deployment.creator),
        "created_at": format_time(deployment.created_at),
        "updated_at": format_time(deployment.updated_at),
        "statuses_url": f"{url}/statuses",
        "repository_url": base,
        "transient_environment": deployment.transient,
        "production_environment": deployment.production,
        "performed_via_github_app": None,
    }


def deployment_status(
    state: State, repository: Repository, deployment: Deployment, deployment_status: DeploymentStatus
) -> Json:
    """Serialize a deployment status."""
    base = repository_url(state, repository)
    url = f"{base}/deployments/{deployment.id}"
    return {
        "url": f"{url}/statuses/{deployment_status.id}",
        "id": deployment_status.id,
        "node_id": node_id("DES", deployment_status.id),
        "state": deployment_status.state,
        "creator": user(state, deployment_status.creator),
        "description": deployment_status.description,
        "environment": deployment_status.environment,
        "target_url": deployment_status.log_url,
        "log_url": deployment_status.log_url,
        "environment_url": deployment_status.environment_url,
        "created_at": format_time(deployment_status.created_at),
        "updated_at": format_time(deployment_status.created_at),
        "deployment_url": url,
        "repository_url": base,
        "performed_via_github_app": None,
    }
