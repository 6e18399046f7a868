"""Deployments and their statuses."""

from typing import Any

from sandbox.errors import Refused, invalid, not_found
from sandbox.events import emit
from sandbox.records import Deployment, DeploymentStatus
from sandbox.rest.core import Answer, Asked, page, route
from sandbox.serializers import checks as shapes

STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")


def _find(asked: Asked) -> Deployment:
    number = asked.number("deployment_id")
    if number not in asked.repository.deployments:
        raise not_found()
    return asked.repository.deployments[number]


@route("GET", "{repo}/deployments", "deployments:read")
async def list_deployments(asked: Asked) -> Answer:
    """List deployments, newest first."""
    found = list(asked.repository.deployments.values())[::-1]
    for name in ("sha", "ref", "task", "environment"):
        wanted = asked.query(name)
        found = [one for one in found if wanted in (None, getattr(one, name))]
    return page(asked, [shapes.deployment(asked.state, asked.repository, one) for one in found])


@route("POST", "{repo}/deployments", "deployments:write")
async def create_deployment(asked: Asked) -> Answer:
    """Create a deployment, unless the default settings merge instead (202) or a status stands against it (409)."""
    repository, body, ref = asked.repository, asked.body, asked.text("ref")
    sha = repository.history.find(ref)
    if sha is None:
        raise invalid(f"No ref found for: {ref}")
    if body.get("auto_merge", True) and _is_behind(asked, ref, sha):
        return Answer({"message": f"Auto-merged {repository.default_branch} into {ref} on deployment."}, 202)
    _check_contexts(asked, sha, body.get("required_contexts"))
    environment = str(body.get("environment") or "production")
    one = Deployment(
        id=next(asked.state.numbers.deployments),
        ref=ref,
        sha=sha,
        task=str(body.get("task") or "deploy"),
        environment=environment,
        original_environment=environment,
        description=body.get("description"),
        payload=body.get("payload") or {},
        transient=bool(body.get("transient_environment", False)),
        production=bool(body.get("production_environment", environment == "production")),
        creator=asked.actor,
        created_at=asked.state.now(),
        updated_at=asked.state.now(),
    )
    repository.deployments[one.id] = one
    shown = shapes.deployment(asked.state, repository, one)
    emit(
        asked.state,
        "deployment",
        repository,
        asked.actor,
        {"action": "created", "deployment": shown, "workflow": None, "workflow_run": None},
    )
    return Answer(shown, 201)


def _is_behind(asked: Asked, ref: str, sha: str) -> bool:
    history = asked.repository.history
    tip = history.ref(f"heads/{asked.repository.default_branch}") or sha
    return f"refs/heads/{ref}" in history.refs and tip not in history.ancestors(sha)


def _check_contexts(asked: Asked, sha: str, required: Any) -> None:
    newest = {one.context: one.state for one in asked.repository.statuses if one.sha == sha}
    wanted = list(newest) if required is None else list(required)
    bad = [name for name in wanted if newest.get(name) != "success"]
    if bad:
        contexts = [{"context": name, "state": newest.get(name, "pending")} for name in bad]
        errors = [{"contexts": contexts, "resource": "Deployment", "field": "required_contexts", "code": "invalid"}]
        raise Refused(409, f"Conflict: Commit status checks failed for {asked.body['ref']}.", errors=errors)


@route("GET", "{repo}/deployments/{deployment_id}", "deployments:read")
async def get_deployment(asked: Asked) -> Answer:
    """Show a deployment."""
    return Answer(shapes.deployment(asked.state, asked.repository, _find(asked)))


@route("DELETE", "{repo}/deployments/{deployment_id}", "deployments:write")
async def delete_deployment(asked: Asked) -> Answer:
    """Delete a deployment that is inactive, or the only one."""
    one = _find(asked)
    state = one.statuses[-1].state if one.statuses else "pending"
    if state != "inactive" and len(asked.repository.deployments) > 1:
        raise invalid("We cannot delete an active deployment unless it is the only deployment in a given environment.")
    del asked.repository.deployments[one.id]
    return Answer(status=204)


@route("GET", "{repo}/deployments/{deployment_id}/statuses", "deployments:read")
async def list_statuses(asked: Asked) -> Answer:
    """List a deployment's statuses, newest first."""
    one = _find(asked)
    shown = [shapes.deployment_status(asked.state, asked.repository, one, each) for each in one.statuses[::-1]]
    return page(asked, shown)


@route("GET", "{repo}/deployments/{deployment_id}/statuses/{status_id}", "deployments:read")
async def get_status(asked: Asked) -> Answer:
    """Show one status of a deployment."""
    one, number = _find(asked), asked.number("status_id")
    for each in one.statuses:
        if each.id == number:
            return Answer(shapes.deployment_status(asked.state, asked.repository, one, each))
    raise not_found()


@route("POST", "{repo}/deployments/{deployment_id}/statuses", "deployments:write")
async def create_status(asked: Asked) -> Answer:
    """Say how a deployment stands; a success retires older ones, but never in production."""
    one, body, now = _find(asked), asked.body, asked.state.now()
    if body.get("state") not in STATES or len(body.get("description") or "") > 140:
        field = "state" if body.get("state") not in STATES else "description"
        raise invalid("Validation Failed", errors=[{"resource": "DeploymentStatus", "code": "custom", "field": field}])
    one.environment, one.updated_at = str(body.get("environment") or one.environment), now
    made = DeploymentStatus(
        next(asked.state.numbers.others),
        body["state"],
        asked.actor,
        now,
        description=body.get("description") or "",
        environment=one.environment,
        environment_url=body.get("environment_url") or "",
        log_url=body.get("log_url") or body.get("target_url") or "",
    )
    one.statuses.append(made)
    if made.state == "success" and body.get("auto_inactive", True):
        _retire_others(asked, one)
    shown = shapes.deployment_status(asked.state, asked.repository, one, made)
    _send_status(asked, one, shown)
    return Answer(shown, 201)


def _retire_others(asked: Asked, newest: Deployment) -> None:
    for one in asked.repository.deployments.values():
        same = one.environment == newest.environment and one is not newest
        succeeded = bool(one.statuses) and one.statuses[-1].state == "success"
        if same and succeeded and not one.transient and not one.production:
            number = next(asked.state.numbers.others)
            made = DeploymentStatus(number, "inactive", asked.actor, asked.state.now(), environment=one.environment)
            one.statuses.append(made)


def _send_status(asked: Asked, one: Deployment, shown: dict[str, Any]) -> None:
    body = {
        "action": "created",
        "deployment_status": shown,
        "deployment": shapes.deployment(asked.state, asked.repository, one),
        **dict.fromkeys(("check_run", "workflow", "workflow_run")),
    }
    emit(asked.state, "deployment_status", asked.repository, asked.actor, body)
