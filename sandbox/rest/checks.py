"""Check runs and their annotations."""

from datetime import datetime
from functools import partial
from typing import Any

from sandbox.errors import ApiError, invalid
from sandbox.records import CheckRun
from sandbox.rest.commits import resolve
from sandbox.rest.core import PAGED, ApiRequest, ApiResponse, paginate, route
from sandbox.serializers import checks as serialize
from sandbox.use_cases.checks import CHECK_STATUSES, CONCLUSIONS, emit_check

CHECK_FIELDS = (
    *("name", "status", "conclusion", "output", "actions"),
    *("external_id", "details_url", "started_at", "completed_at"),
)
CHECK_FILTERS = ("filter", "status", "check_name", "app_id")
MAX_ANNOTATIONS = 50
MAX_OUTPUT_CHARACTERS = 65_535
LEVELS = ("notice", "warning", "failure")
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


def _check_output(output: Any) -> None:
    if not (isinstance(output, dict) and output.get("title") and output.get("summary")):
        raise invalid('Invalid request.\n\n"summary" and "title" must be supplied.')
    for name in ("summary", "text"):
        if len(output.get(name) or "") > MAX_OUTPUT_CHARACTERS:
            raise invalid(f"Invalid request.\n\nOnly {MAX_OUTPUT_CHARACTERS} characters are allowed in {name}.")
    annotations = output.get("annotations") or []
    if not isinstance(annotations, list) or len(annotations) > MAX_ANNOTATIONS:
        raise invalid(f"Invalid request.\n\nOnly {MAX_ANNOTATIONS} items are allowed in annotations.")
    for annotation in annotations:
        _check_annotation(annotation)


def _check_annotation(annotation: Any) -> None:
    required = ("path", "start_line", "end_line", "annotation_level", "message")
    missing = [name for name in required if not (isinstance(annotation, dict) and annotation.get(name))]
    if missing:
        raise invalid(f'Invalid request.\n\n"{missing[0]}" wasn\'t supplied.')
    if annotation["annotation_level"] not in LEVELS:
        raise invalid("Invalid request.\n\nNo such annotation_level.")
    if annotation["start_line"] > annotation["end_line"]:
        raise invalid("Invalid request.\n\nend_line must not be before start_line.")
    columns = annotation.keys() & {"start_column", "end_column"}
    if columns and annotation["start_line"] != annotation["end_line"]:
        raise invalid("Invalid request.\n\nColumns are only allowed for annotations of one line.")


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
    if output is not None:
        _check_output(output)
    _check_actions(body.get("actions", check.actions))
    check.status, check.conclusion = status, conclusion if status == "completed" else None
    check.name, check.output = str(body.get("name", check.name)), output or check.output
    check.annotations += (output or {}).get("annotations") or []
    check.actions = body.get("actions", check.actions)
    check.external_id = str(body.get("external_id", check.external_id))
    check.details_url = body.get("details_url", check.details_url)
    check.started_at = _parse_time(body.get("started_at")) or check.started_at
    if status == "completed":
        check.completed_at = _parse_time(body.get("completed_at")) or check.completed_at or request.state.now()


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
    action = "completed" if check.status == "completed" else "created"
    emit_check(request.state, request.repository, check, action, request.actor)
    return ApiResponse(serialize.check_run(request.state, request.repository, check), 201)


def _find_check(request: ApiRequest) -> CheckRun:
    return request.find(request.repository.checks, "check_id")


@route("GET", "{repo}/check-runs/{check_id}", "checks:read")
async def get_check(request: ApiRequest) -> ApiResponse:
    """Get a check run."""
    return ApiResponse(serialize.check_run(request.state, request.repository, _find_check(request)))


@route("GET", "{repo}/check-runs/{check_id}/annotations", "checks:read", query=PAGED)
async def list_annotations(request: ApiRequest) -> ApiResponse:
    """List a check run's annotations."""
    check = _find_check(request)
    serialized = partial(serialize.annotation, request.state, request.repository, check)
    return paginate(request, check.annotations, serialized)


@route("PATCH", "{repo}/check-runs/{check_id}", "checks:write", fields=CHECK_FIELDS)
async def update_check(request: ApiRequest) -> ApiResponse:
    """Update a check run."""
    check = _find_check(request)
    if check.app is not None:
        sentence = "check run can only be modified by the GitHub App that created it."
        raise ApiError(403, f"Invalid app_id `{check.app.id}` - {sentence}")
    previous_status = check.status
    _update(request, check)
    if check.status == "completed" and previous_status != "completed":
        emit_check(request.state, request.repository, check, "completed", request.actor)
    return ApiResponse(serialize.check_run(request.state, request.repository, check))


@route("GET", "{repo}/commits/{ref:.+}/check-runs", "checks:read", query=(*PAGED, *CHECK_FILTERS))
async def list_checks(request: ApiRequest) -> ApiResponse:
    """List a commit's check runs, newest first; only the newest of each App and name unless `filter=all`."""
    sha = resolve(request, request.path_param("ref"))
    checks = [check for check in request.repository.checks.values() if check.head_sha == sha]
    if request.query_param("filter") != "all":
        newest = {(check.app and check.app.slug, check.name): check.id for check in checks}
        checks = [check for check in checks if check.id in newest.values()]
    wanted = {name: request.query_param(name) for name in CHECK_FILTERS}
    checks = [
        check
        for check in checks
        if wanted["status"] in (None, check.status)
        and wanted["check_name"] in (None, check.name)
        and wanted["app_id"] in (None, str(check.app.id if check.app else request.state.app_id))
    ]
    serialized = partial(serialize.check_run, request.state, request.repository)
    return paginate(request, checks[::-1], serialized, "check_runs")
