"""Deployments and their statuses."""

from functools import partial
from typing import Any

from sandbox.errors import ApiError, invalid, not_found
from sandbox.records import Deployment
from sandbox.rest.core import PAGED, ApiRequest, ApiResponse, paginate, route
from sandbox.serializers import checks as serialize
from sandbox.use_cases import deployments

FILTERS = ("sha", "ref", "task", "environment")
FIELDS = (
    *("ref", "task", "auto_merge", "required_contexts", "payload", "environment"),
    *("description", "transient_environment", "production_environment"),
)
STATUS_FIELDS = (
    *("state", "target_url", "log_url", "description"),
    *("environment", "environment_url", "auto_inactive"),
)
STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")


def _find_deployment(request: ApiRequest) -> Deployment:
    return request.find(request.repository.deployments, "deployment_id")


@route("GET", "{repo}/deployments", "deployments:read", query=(*PAGED, *FILTERS))
async def list_deployments(request: ApiRequest) -> ApiResponse:
    """List deployments, newest first."""
    found = list(request.repository.deployments.values())[::-1]
    for name in FILTERS:
        value = request.query_param(name)
        found = [deployment for deployment in found if value in (None, getattr(deployment, name))]
    return paginate(request, found, partial(serialize.deployment, request.state, request.repository))


@route("POST", "{repo}/deployments", "deployments:write", fields=FIELDS)
async def create_deployment(request: ApiRequest) -> ApiResponse:
    """Create a deployment.

    With `auto_merge`, the default, GitHub merges the default branch into an outdated branch instead (202).
    Required commit statuses that did not succeed prevent it (409).
    """
    repository, body, ref = request.repository, request.body, request.require_text("ref")
    sha = repository.history.resolve(ref)
    if sha is None:
        raise invalid(f"No ref found for: {ref}")
    if body.get("auto_merge", True) and _is_behind(request, ref, sha):
        return ApiResponse({"message": f"Auto-merged {repository.default_branch} into {ref} on deployment."}, 202)
    _check_contexts(request, sha, body.get("required_contexts"))
    environment = str(body.get("environment") or "production")
    deployment = Deployment(
        id=next(request.state.ids.deployments),
        ref=ref,
        sha=sha,
        task=str(body.get("task") or "deploy"),
        environment=environment,
        original_environment=environment,
        description=body.get("description"),
        payload=body.get("payload") or {},
        transient=bool(body.get("transient_environment", False)),
        production=bool(body.get("production_environment", environment == "production")),
        creator=request.actor,
        created_at=request.state.now(),
        updated_at=request.state.now(),
    )
    deployments.create(request.state, repository, deployment)
    return ApiResponse(serialize.deployment(request.state, repository, deployment), 201)


def _is_behind(request: ApiRequest, ref: str, sha: str) -> bool:
    history = request.repository.history
    head = history.resolve_ref(f"heads/{request.repository.default_branch}") or sha
    return f"refs/heads/{ref}" in history.refs and head not in history.ancestors(sha)


def _check_contexts(request: ApiRequest, sha: str, required: Any) -> None:
    newest = {status.context: status.state for status in request.repository.statuses if status.sha == sha}
    names = list(newest) if required is None else list(required)
    failing = [name for name in names if newest.get(name) != "success"]
    if failing:
        contexts = [{"context": name, "state": newest.get(name, "pending")} for name in failing]
        errors = [{"contexts": contexts, "resource": "Deployment", "field": "required_contexts", "code": "invalid"}]
        raise ApiError(409, f"Conflict: Commit status checks failed for {request.body['ref']}.", errors=errors)


@route("GET", "{repo}/deployments/{deployment_id}", "deployments:read")
async def get_deployment(request: ApiRequest) -> ApiResponse:
    """Get a deployment."""
    return ApiResponse(serialize.deployment(request.state, request.repository, _find_deployment(request)))


@route("DELETE", "{repo}/deployments/{deployment_id}", "deployments:write")
async def delete_deployment(request: ApiRequest) -> ApiResponse:
    """Delete a deployment that is inactive or the only one."""
    deployment = _find_deployment(request)
    state = deployment.statuses[-1].state if deployment.statuses else "pending"
    if state != "inactive" and len(request.repository.deployments) > 1:
        raise invalid("We cannot delete an active deployment unless it is the only deployment in a given environment.")
    del request.repository.deployments[deployment.id]
    return ApiResponse(status=204)


@route("GET", "{repo}/deployments/{deployment_id}/statuses", "deployments:read", query=PAGED)
async def list_statuses(request: ApiRequest) -> ApiResponse:
    """List a deployment's statuses, newest first."""
    deployment = _find_deployment(request)
    serialized = partial(serialize.deployment_status, request.state, request.repository, deployment)
    return paginate(request, deployment.statuses[::-1], serialized)


@route("GET", "{repo}/deployments/{deployment_id}/statuses/{status_id}", "deployments:read")
async def get_status(request: ApiRequest) -> ApiResponse:
    """Get a deployment status."""
    deployment, status_id = _find_deployment(request), request.int_param("status_id")
    for status in deployment.statuses:
        if status.id == status_id:
            return ApiResponse(serialize.deployment_status(request.state, request.repository, deployment, status))
    raise not_found()


@route("POST", "{repo}/deployments/{deployment_id}/statuses", "deployments:write", fields=STATUS_FIELDS)
async def create_status(request: ApiRequest) -> ApiResponse:
    """Create a deployment status; a success makes older ones inactive, except in production."""
    deployment, body = _find_deployment(request), request.body
    if body.get("state") not in STATES or len(body.get("description") or "") > 140:
        field = "state" if body.get("state") not in STATES else "description"
        raise invalid("Validation Failed", errors=[{"resource": "DeploymentStatus", "code": "custom", "field": field}])
    status = deployments.add_status(request.state, request.repository, deployment, body, request.actor)
    return ApiResponse(serialize.deployment_status(request.state, request.repository, deployment, status), 201)
