"""Deployments and their statuses, made through the API and by the jobs of workflows."""

from typing import Any

from sandbox.accounts import Account
from sandbox.events import emit
from sandbox.records import Deployment, DeploymentStatus, Repository, Run
from sandbox.serializers import actions
from sandbox.serializers import checks as serialize
from sandbox.serializers.accounts import Json
from sandbox.state import State


def create(state: State, repository: Repository, deployment: Deployment, run: Run | None = None) -> None:
    """Add a deployment and send its event, with the run that made it, if any."""
    repository.deployments[deployment.id] = deployment
    serialized = serialize.deployment(state, repository, deployment)
    body = {"action": "created", "deployment": serialized, **_origin(state, repository, run)}
    emit(state, "deployment", repository, deployment.creator, body)


def create_for_job(state: State, repository: Repository, run: Run, environment: str) -> Deployment:
    """Create the deployment of a job that uses an environment."""
    now = state.now()
    deployment = Deployment(
        id=next(state.ids.deployments),
        ref=run.head_branch,
        sha=run.head_sha,
        task="deploy",
        environment=environment,
        original_environment=environment,
        description=None,
        payload={},
        transient=False,
        production=environment == "production",
        creator=state.actions_bot,
        created_at=now,
        updated_at=now,
    )
    create(state, repository, deployment, run)
    return deployment


def _origin(state: State, repository: Repository, run: Run | None) -> Json:
    if run is None:
        return {"workflow": None, "workflow_run": None}
    serialized = actions.workflow_run(state, repository, run)
    missing = ("head_commit", "previous_attempt_url")
    workflow = repository.workflows[run.workflow]
    return {
        "workflow": actions.workflow(state, repository, workflow, run.workflow_name),
        "workflow_run": {name: value for name, value in serialized.items() if name not in missing},
    }


def add_status(
    state: State,
    repository: Repository,
    deployment: Deployment,
    body: dict[str, Any],
    by: Account,
    run: Run | None = None,
) -> DeploymentStatus:
    """Add a status with the fields of a request's body; a success makes older ones inactive, except in production."""
    now = state.now()
    deployment.environment, deployment.updated_at = str(body.get("environment") or deployment.environment), now
    status = DeploymentStatus(
        next(state.ids.others),
        body["state"],
        by,
        now,
        description=body.get("description") or "",
        environment=deployment.environment,
        environment_url=body.get("environment_url") or "",
        log_url=body.get("log_url") or body.get("target_url") or "",
    )
    deployment.statuses.append(status)
    if status.state == "success" and body.get("auto_inactive", True):
        _deactivate_others(state, repository, deployment, by)
    payload = {
        "action": "created",
        "deployment_status": serialize.deployment_status(state, repository, deployment, status),
        "deployment": serialize.deployment(state, repository, deployment),
        "check_run": None,
        **_origin(state, repository, run),
    }
    emit(state, "deployment_status", repository, by, payload)
    return status


def _deactivate_others(state: State, repository: Repository, newest: Deployment, by: Account) -> None:
    for deployment in repository.deployments.values():
        same = deployment.environment == newest.environment and deployment is not newest
        succeeded = bool(deployment.statuses) and deployment.statuses[-1].state == "success"
        if same and succeeded and not deployment.transient and not deployment.production:
            number = next(state.ids.others)
            status = DeploymentStatus(number, "inactive", by, state.now(), environment=deployment.environment)
            deployment.statuses.append(status)
