"""Commit statuses."""

from functools import partial

from sandbox.errors import invalid
from sandbox.records import CommitStatus
from sandbox.rest.commits import resolve
from sandbox.rest.core import PAGED, ApiRequest, ApiResponse, paginate, route
from sandbox.serializers import checks as serialize
from sandbox.use_cases import checks

STATUS_FIELDS = ("state", "target_url", "description", "context")


def _statuses_of(request: ApiRequest, sha: str) -> list[CommitStatus]:
    return [status for status in reversed(request.repository.statuses) if status.sha == sha]


@route("GET", "{repo}/commits/{ref:.+}/status", "statuses:read", query=PAGED)
async def combined_status(request: ApiRequest) -> ApiResponse:
    """Get the combined status, computed from the newest status of each context."""
    sha = resolve(request, request.path_param("ref"))
    newest = list({status.context.lower(): status for status in reversed(_statuses_of(request, sha))}.values())
    body = serialize.combined_status(request.state, request.repository, sha, newest)
    page = paginate(request, body["statuses"], dict)
    return ApiResponse({**body, "statuses": page.body}, headers=page.headers)


@route("GET", "{repo}/commits/{ref:.+}/statuses", "statuses:read", query=PAGED)
async def list_statuses(request: ApiRequest) -> ApiResponse:
    """List a commit's statuses, newest first."""
    statuses = _statuses_of(request, resolve(request, request.path_param("ref")))
    return paginate(request, statuses, partial(serialize.status, request.state, request.repository))


@route("POST", "{repo}/statuses/{sha}", "statuses:write", fields=STATUS_FIELDS)
async def create_status(request: ApiRequest) -> ApiResponse:
    """Create a commit status."""
    sha, state, body = request.path_param("sha"), request.body.get("state"), request.body
    if sha not in request.repository.history.commits:
        raise invalid(f"No commit found for SHA: {sha}")
    if state not in checks.STATUS_STATES or len(body.get("description") or "") > 140:
        raise invalid("Validation Failed", errors=[{"resource": "Status", "code": "custom", "field": "state"}])
    status = checks.add_status(request.state, request.repository, sha, body, request.actor)
    return ApiResponse(serialize.status(request.state, request.repository, status), 201)
