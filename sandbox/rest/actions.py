"""Workflows and their runs."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from sandbox.errors import invalid, not_found
from sandbox.records import Run
from sandbox.rest.core import PAGED, ApiRequest, ApiResponse, paginate, route
from sandbox.serializers import actions as serialize
from sandbox.server import NEWER_VERSION
from sandbox.use_cases import runs

MAX_FILTERED_RUNS = 1000
WITHOUT_PULLS = ("exclude_pull_requests",)  # there are none: every run is dispatched
DISPATCH_KEYS = ("ref", "inputs", "return_run_details")
RUN_FILTERS = ("event", "branch", "head_sha", "status", "actor", "created", "check_suite_id")


@route("GET", "{repo}/actions/workflows", "actions:read", query=PAGED)
async def list_workflows(request: ApiRequest) -> ApiResponse:
    """List the default branch's workflows."""
    workflows = await runs.list_workflows(request.state, request.repository)
    return paginate(
        request,
        workflows,
        lambda found: serialize.workflow(request.state, request.repository, *found),
        "workflows",
    )


@route("GET", "{repo}/actions/workflows/{workflow}", "actions:read")
async def get_workflow(request: ApiRequest) -> ApiResponse:
    """Get a workflow by id or file name."""
    workflow, name = await runs.find_workflow(request.state, request.repository, request.path_param("workflow"))
    return ApiResponse(serialize.workflow(request.state, request.repository, workflow, name))


async def _set_workflow_state(request: ApiRequest, state: str) -> ApiResponse:
    workflow, _ = await runs.find_workflow(request.state, request.repository, request.path_param("workflow"))
    workflow.state = state
    return ApiResponse(status=204)


@route("PUT", "{repo}/actions/workflows/{workflow}/disable", "actions:write")
async def disable_workflow(request: ApiRequest) -> ApiResponse:
    """Disable a workflow."""
    return await _set_workflow_state(request, "disabled_manually")


@route("PUT", "{repo}/actions/workflows/{workflow}/enable", "actions:write")
async def enable_workflow(request: ApiRequest) -> ApiResponse:
    """Enable a workflow."""
    return await _set_workflow_state(request, "active")


@route("POST", "{repo}/actions/workflows/{workflow}/dispatches", "actions:write", fields=DISPATCH_KEYS)
async def dispatch(request: ApiRequest) -> ApiResponse:
    """Dispatch a workflow; the older API version returns the run only on request."""
    inputs, run_details = request.body.get("inputs") or {}, request.state.server.run_details
    _check_keys(request, DISPATCH_KEYS[:2] if run_details == "refused" else DISPATCH_KEYS)
    if not isinstance(inputs, dict):
        raise invalid("Invalid request.\n\nFor 'properties/inputs', value is not an object.")
    if any(isinstance(value, dict | list) for value in inputs.values()):
        raise invalid("Invalid request.\n\nInputs must be scalars.")
    ref = request.require_text("ref")
    run = await runs.dispatch(
        request.state, request.repository, request.path_param("workflow"), ref, inputs, request.actor
    )
    wants_details = request.version == NEWER_VERSION or request.body.get("return_run_details") is True
    if run_details != "returned" or not wants_details:
        return ApiResponse(status=204)
    serialized = serialize.workflow_run(request.state, request.repository, run)
    return ApiResponse({"workflow_run_id": run.id, "run_url": serialized["url"], "html_url": serialized["html_url"]})


def _check_keys(request: ApiRequest, known: Sequence[str]) -> None:
    unknown = ", ".join(f'"{name}"' for name in request.body if name not in known)
    if unknown:
        reason = "are not permitted keys" if "," in unknown else "is not a permitted key"
        raise invalid(f"Invalid request.\n\n{unknown} {reason}.")


def _matches_filters(request: ApiRequest, run: Run) -> bool:
    values_by_filter = {
        "event": (run.event,),
        "branch": (run.head_branch,),
        "head_sha": (run.head_sha,),
        "status": (run.status, run.conclusion),
        "actor": (run.actor.login,),
        "check_suite_id": (str(serialize.check_suite_id(run)),),
    }
    return all(
        request.query_param(name) in (None, *values) for name, values in values_by_filter.items()
    ) and _created_in_range(request, run)


def _created_in_range(request: ApiRequest, run: Run) -> bool:
    text = request.query_param("created")
    if text is None:
        return True
    low, dots, high = text.partition("..")
    if dots:
        return (low == "*" or _parse_time(low) <= run.created_at) and (
            high == "*" or run.created_at <= _parse_time(high, True)
        )
    for operator in (">=", "<=", ">", "<"):
        if text.startswith(operator):
            bound, created = _parse_time(text.removeprefix(operator), operator in ("<=", ">")), run.created_at
            return {">=": created >= bound, "<=": created <= bound, ">": created > bound, "<": created < bound}[
                operator
            ]
    return _parse_time(text) <= run.created_at <= _parse_time(text, True)


def _parse_time(text: str, end: bool = False) -> datetime:
    """Parse a date or a time; with `end`, return the last moment of that day or of that second."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise invalid("Invalid created parameter") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if not end:
        return at
    if len(text) > len("2026-01-01"):
        return at.replace(microsecond=999_999)
    return at.replace(hour=23, minute=59, second=59, microsecond=999_999)


def _list_matching(request: ApiRequest, candidates: list[Run]) -> ApiResponse:
    filtered = any(request.query_param(name) for name in RUN_FILTERS)
    matching = [
        run
        for run in reversed(candidates)
        if run.repository == request.repository.id and _matches_filters(request, run)
    ]
    shown = matching[:MAX_FILTERED_RUNS] if filtered else matching
    serialized = partial(serialize.rest_workflow_run, request.state, request.repository)
    return paginate(request, shown, serialized, "workflow_runs", total_count=len(matching))


@route("GET", "{repo}/actions/runs", "actions:read", query=(*PAGED, *RUN_FILTERS, *WITHOUT_PULLS))
async def list_runs(request: ApiRequest) -> ApiResponse:
    """List runs, newest first."""
    return _list_matching(request, request.state.runs)


@route("GET", "{repo}/actions/workflows/{workflow}/runs", "actions:read", query=(*PAGED, *RUN_FILTERS, *WITHOUT_PULLS))
async def list_workflow_runs(request: ApiRequest) -> ApiResponse:
    """List a workflow's runs, newest first."""
    workflow, _ = await runs.find_workflow(request.state, request.repository, request.path_param("workflow"))
    return _list_matching(request, [run for run in request.state.runs if run.workflow_id == workflow.id])


@route("GET", "{repo}/actions/runs/{run_id}", "actions:read", query=WITHOUT_PULLS)
async def get_run(request: ApiRequest) -> ApiResponse:
    """Get a run."""
    return ApiResponse(serialize.rest_workflow_run(request.state, request.repository, request.find_run()))


@route("GET", "{repo}/actions/runs/{run_id}/attempts/{attempt}", "actions:read", query=WITHOUT_PULLS)
async def get_attempt(request: ApiRequest) -> ApiResponse:
    """Get an attempt of a run."""
    run = _at_attempt(request.find_run(), request.int_param("attempt"))
    return ApiResponse(serialize.rest_workflow_run(request.state, request.repository, run))


def _at_attempt(run: Run, number: int) -> Run:
    """The run as it was at the end of an attempt; 404 for an attempt that was not made."""
    if not 1 <= number <= run.run_attempt:
        raise not_found()
    return run if number == run.run_attempt else replace(run, run_attempt=number, **run.attempts[number - 1])


async def _list_jobs(request: ApiRequest, attempts: Sequence[Run]) -> ApiResponse:
    run = attempts[0]
    definition = await runs.read_definition(request.repository, run.head_sha, run.workflow)
    names = definition.jobs if definition and definition.jobs else ["job"]
    jobs = [(attempt, name, index) for attempt in attempts for index, name in enumerate(names)]
    return paginate(request, jobs, lambda job: serialize.job(request.state, request.repository, *job), "jobs")


@route("GET", "{repo}/actions/runs/{run_id}/jobs", "actions:read", query=(*PAGED, "filter"))
async def list_jobs(request: ApiRequest) -> ApiResponse:
    """List the jobs of a run's latest attempt, or with `filter=all` of all attempts."""
    run = request.find_run()
    first = 1 if request.query_param("filter") == "all" else run.run_attempt
    return await _list_jobs(request, [_at_attempt(run, number) for number in range(first, run.run_attempt + 1)])


@route("GET", "{repo}/actions/runs/{run_id}/attempts/{attempt}/jobs", "actions:read", query=PAGED)
async def list_attempt_jobs(request: ApiRequest) -> ApiResponse:
    """List the jobs of an attempt of a run."""
    return await _list_jobs(request, [_at_attempt(request.find_run(), request.int_param("attempt"))])


async def _cancel(request: ApiRequest) -> ApiResponse:
    await runs.cancel(request.state, request.find_run())
    return ApiResponse({}, 202)


async def _rerun(request: ApiRequest) -> ApiResponse:
    await runs.rerun(request.state, request.find_run(), request.actor)
    return ApiResponse({}, 201)


route("POST", "{repo}/actions/runs/{run_id}/cancel", "actions:write")(_cancel)
route("POST", "{repo}/actions/runs/{run_id}/force-cancel", "actions:write")(_cancel)
route("POST", "{repo}/actions/runs/{run_id}/rerun", "actions:write")(_rerun)
route("POST", "{repo}/actions/runs/{run_id}/rerun-failed-jobs", "actions:write")(_rerun)
