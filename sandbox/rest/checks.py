"""Check runs and commit statuses."""

from datetime import datetime
from functools import partial
from typing import Any

from sandbox.errors import invalid
from sandbox.events import emit
from sandbox.records import CheckRun, CommitStatus, format_time
from sandbox.rest.commits import resolve
from sandbox.rest.core import PAGED, ApiRequest, ApiResponse, paginate, route
from sandbox.serializers import checks as serialize
from sandbox.serializers import commits

CHECK_STATUSES = ("queued", "in_progress", "completed")
CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out")
CHECK_FIELDS = (
    *("name", "status", "conclusion", "output", "actions"),
    *("external_id", "details_url", "started_at", "completed_at"),
)
CHECK_FILTERS = ("filter", "status", "check_name", "app_id")
STATUS_FIELDS = ("state", "target_url", "description", "context")
STATUS_STATES = ("error", "failure", "pending", "success")
MAX_ACTION_LENGTHS = {"label": 20, "description": 40, "identifier": 20}


def _parse_time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except (TypeError, ValueError):
        raise invalid("Invalid request.\n\nA time is not valid.") from None


def _check_actions(actions: Any) -> None:
    if not isinstance(actions, list) or len(actions) > 3:
        raise invalid("Invalid request.\n\nOnly 3 actions are allowed.")
    for action in actions:
        for name, max_length in MAX_ACTION_LENGTHS.items():
            if not 0 < len(str(action.get(name) or "")) <= max_length:
                raise invalid(f"Invalid request.\n\n{name} must be 1 to {max_length} characters.")


def _update(request: ApiRequest, check: CheckRun) -> None:
    body = request.body
    status, conclusion = body.get("status", check.status), body.get("conclusion", check.conclusion)
    if status not in CHECK_STATUSES or conclusion not in (None, *CONCLUSIONS):
        raise invalid("Invalid request.\n\nNo such status or conclusion.")
    if "conclusion" in body and conclusion:
        status = "completed"
    if status == "completed" and conclusion is None:
        raise invalid('Invalid request.\n\n"conclusion" wasn\'t supplied.')
    output = body.get("output")
    if output is not None and not (isinstance(output, dict) and output.get("title") and output.get("summary")):
        raise invalid('Invalid request.\n\n"summary" and "title" must be supplied.')
    _check_actions(body.get("actions", check.actions))
    check.status, check.conclusion = status, conclusion if status == "completed" else None
    check.name, check.output = str(body.get("name", check.name)), output or check.output
    check.actions = body.get("actions", check.actions)
    check.external_id = str(body.get("external_id", check.external_id))
    check.details_url = body.get("details_url", check.details_url)
    check.started_at = _parse_time(body.get("started_at")) or check.started_at
    if status == "completed":
        check.completed_at = _parse_time(body.get("completed_at")) or check.completed_at or request.state.now()


def _emit(request: ApiRequest, check: CheckRun, action: str) -> None:
    serialized = serialize.webhook_check_run(request.state, request.repository, check)
    emit(request.state, "check_run", request.repository, request.actor, {"action": action, "check_run": serialized})


@route("POST", "{repo}/check-runs", "checks:write", fields=("head_sha", *CHECK_FIELDS))
async def create_check(request: ApiRequest) -> ApiResponse:
    """Create a check run."""
    name, sha = request.require_text("name"), request.require_text("head_sha")
    if sha not in request.repository.history.commits:
        raise invalid(f"No commit found for SHA: {sha}")
    number = next(request.state.ids.checks)
    check = CheckRun(number, name, sha, "queued", None, "", None, request.state.now(), None, {})
    _update(request, check)
    request.repository.checks[number] = check
    _emit(request, check, "completed" if check.status == "completed" else "created")
    return ApiResponse(serialize.check_run(request.state, request.repository, check), 201)


def _find_check(request: ApiRequest) -> CheckRun:
    return request.find(request.repository.checks, "check_id")


@route("GET", "{repo}/check-runs/{check_id}", "checks:read")
async def get_check(request: ApiRequest) -> ApiResponse:
    """Get a check run."""
    return ApiResponse(serialize.check_run(request.state, request.repository, _find_check(request)))


@route("PATCH", "{repo}/check-runs/{check_id}", "checks:write", fields=CHECK_FIELDS)
async def update_check(request: ApiRequest) -> ApiResponse:
    """Update a check run."""
    check = _find_check(request)
    previous_status = check.status
    _update(request, check)
    if check.status == "completed" and previous_status != "completed":
        _emit(request, check, "completed")
    return ApiResponse(serialize.check_run(request.state, request.repository, check))


@route("GET", "{repo}/commits/{ref:.+}/check-runs", "checks:read", query=(*PAGED, *CHECK_FILTERS))
async def list_checks(request: ApiRequest) -> ApiResponse:
    """List a commit's check runs; only the newest of each name unless `filter=all`."""
    sha = resolve(request, request.path_param("ref"))
    checks = [check for check in request.repository.checks.values() if check.head_sha == sha]
    if request.query_param("filter") != "all":
        checks = list({check.name: check for check in checks}.values())
    wanted = {name: request.query_param(name) for name in CHECK_FILTERS}
    checks = [
        check
        for check in checks
        if wanted["status"] in (None, check.status)
        and wanted["check_name"] in (None, check.name)
        and wanted["app_id"] in (None, str(request.state.app_id))
    ]
    serialized = partial(serialize.check_run, request.state, request.repository)
    return paginate(request, checks[::-1], serialized, "check_runs")


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
    if state not in STATUS_STATES or len(body.get("description") or "") > 140:
        raise invalid("Validation Failed", errors=[{"resource": "Status", "code": "custom", "field": "state"}])
    context, number = str(body.get("context") or "default"), next(request.state.ids.others)
    text, url = body.get("description"), body.get("target_url")
    status = CommitStatus(number, sha, state, context, text, url, request.actor, request.state.now())
    request.repository.statuses.append(status)
    _emit_status(request, status)
    return ApiResponse(serialize.status(request.state, request.repository, status), 201)


def _emit_status(request: ApiRequest, status: CommitStatus) -> None:
    serialized = serialize.status(request.state, request.repository, status)
    copied = ("id", "state", "description", "target_url", "context", "avatar_url")
    body = {
        **{name: serialized[name] for name in copied},
        "sha": status.sha,
        "name": request.repository.full_name,
        "commit": commits.commit(request.state, request.repository, status.sha),
        "branches": [],
        "created_at": format_time(status.created_at),
        "updated_at": format_time(status.created_at),
    }
    emit(request.state, "status", request.repository, request.actor, body)
