"""Environments, and the deployments that wait for their protection."""

from functools import partial

from sandbox.errors import invalid, not_found
from sandbox.records import Environment, GateReport
from sandbox.rest.core import PAGED, ApiRequest, ApiResponse, paginate, route
from sandbox.serializers import environments as serialize
from sandbox.use_cases import environments, runs

MAX_COMMENT_CHARACTERS = 1_024
REVIEW_FIELDS = ("environment_name", "state", "comment")
GATE = "{repo}/actions/runs/{run_id}/deployment_protection_rule"


def _find_environment(request: ApiRequest) -> Environment:
    found = request.repository.environments.get(request.path_param("environment_name").lower())
    if found is None:
        raise not_found()
    return found


@route("GET", "{repo}/environments", "actions:read", query=PAGED)
async def list_environments(request: ApiRequest) -> ApiResponse:
    """List environments."""
    found = list(request.repository.environments.values())
    return paginate(request, found, partial(serialize.environment, request.state, request.repository), "environments")


@route("GET", "{repo}/environments/{environment_name}", "actions:read")
async def get_environment(request: ApiRequest) -> ApiResponse:
    """Get an environment."""
    return ApiResponse(serialize.environment(request.state, request.repository, _find_environment(request)))


@route("GET", "{repo}/environments/{environment_name}/deployment_protection_rules", "actions:read")
async def list_protection_rules(request: ApiRequest) -> ApiResponse:
    """List the custom protection rules that are enabled on an environment: the App's, or none."""
    found = _find_environment(request)
    rules = [serialize.protection_rule(request.state, found)] if found.rule else []
    return ApiResponse({"total_count": len(rules), "custom_deployment_protection_rules": rules})


@route("GET", "{repo}/actions/runs/{run_id}/pending_deployments", "actions:read")
async def list_pending_deployments(request: ApiRequest) -> ApiResponse:
    """List the deployments of a run that wait for the protection of their environments."""
    run = request.find_run()
    jobs = environments.waiting_jobs(run)
    serialized = partial(serialize.pending_deployment, request.state, request.repository, run)
    return ApiResponse([serialized(job) for job in jobs])


@route("POST", GATE, "deployments:write", fields=REVIEW_FIELDS)
async def review_deployment(request: ApiRequest) -> ApiResponse:
    """Approve or reject a deployment as its custom protection rule, or without a state report on it."""
    run, name = request.find_run(), request.require_text("environment_name")
    verdict, comment = request.body.get("state"), request.body.get("comment") or ""
    if verdict not in (None, "approved", "rejected"):
        raise invalid("Invalid request.\n\nstate must be approved or rejected.")
    if not isinstance(comment, str) or len(comment) > MAX_COMMENT_CHARACTERS:
        raise invalid(f"Invalid request.\n\nOnly {MAX_COMMENT_CHARACTERS} characters are allowed in comment.")
    if verdict is None and not comment:
        raise invalid('Invalid request.\n\n"comment" wasn\'t supplied.')
    job = environments.add_report(run, GateReport(name, verdict, comment))
    if verdict is not None:
        await runs.review(request.state, run, job, "rule", verdict)
    return ApiResponse(status=204)
