"""Workflows and their runs."""

from datetime import UTC, datetime

from sandbox.errors import invalid, not_found
from sandbox.records import Run
from sandbox.rest.core import NEW, Answer, Asked, page, route
from sandbox.serializers import actions as shapes
from sandbox.use_cases import runs

MOST_FILTERED = 1000


@route("GET", "{repo}/actions/workflows", "actions:read")
async def list_workflows(asked: Asked) -> Answer:
    """List the default branch's workflows."""
    found = await runs.list_workflows(asked.state, asked.repository)
    shown = [shapes.workflow(asked.state, asked.repository, one, name) for one, name in found]
    return page(asked, shown, "workflows")


@route("GET", "{repo}/actions/workflows/{workflow}", "actions:read")
async def get_workflow(asked: Asked) -> Answer:
    """Show a workflow by id or file name."""
    one, name = await runs.find_workflow(asked.state, asked.repository, asked.part("workflow"))
    return Answer(shapes.workflow(asked.state, asked.repository, one, name))


async def _switch(asked: Asked, state: str) -> Answer:
    one, _ = await runs.find_workflow(asked.state, asked.repository, asked.part("workflow"))
    one.state = state
    return Answer(status=204)


@route("PUT", "{repo}/actions/workflows/{workflow}/disable", "actions:write")
async def disable_workflow(asked: Asked) -> Answer:
    """Disable a workflow."""
    return await _switch(asked, "disabled_manually")


@route("PUT", "{repo}/actions/workflows/{workflow}/enable", "actions:write")
async def enable_workflow(asked: Asked) -> Answer:
    """Enable a workflow."""
    return await _switch(asked, "active")


@route("POST", "{repo}/actions/workflows/{workflow}/dispatches", "actions:write")
async def dispatch(asked: Asked) -> Answer:
    """Start a workflow. The older API version tells the run only to those who ask for it."""
    inputs, wants = asked.body.get("inputs") or {}, asked.body.get("return_run_details", False)
    if not isinstance(inputs, dict):
        raise invalid("Invalid request.\n\nFor 'properties/inputs', value is not an object.")
    if any(isinstance(value, dict | list) for value in inputs.values()):
        raise invalid("Invalid request.\n\nInputs must be scalars.")
    ref = asked.text("ref")
    run = await runs.dispatch(asked.state, asked.repository, asked.part("workflow"), ref, inputs, asked.actor)
    if asked.version != NEW and wants is not True:
        return Answer(status=204)
    shown = shapes.run(asked.state, asked.repository, run)
    return Answer({"workflow_run_id": run.id, "run_url": shown["url"], "html_url": shown["html_url"]})


def _matches(asked: Asked, run: Run) -> bool:
    wanted = {
        "event": (run.event,),
        "branch": (run.head_branch,),
        "head_sha": (run.head_sha,),
        "status": (run.status, run.conclusion),
        "actor": (run.actor.login,),
    }
    return all(asked.query(name) in (None, *values) for name, values in wanted.items()) and _created(asked, run)


def _created(asked: Asked, run: Run) -> bool:
    text = asked.query("created")
    if text is None:
        return True
    low, dots, high = text.partition("..")
    if dots:
        return (low == "*" or _moment(low) <= run.created_at) and (high == "*" or run.created_at <= _moment(high, True))
    for mark in (">=", "<=", ">", "<"):
        if text.startswith(mark):
            edge, at = _moment(text.removeprefix(mark), mark in ("<=", ">")), run.created_at
            return {">=": at >= edge, "<=": at <= edge, ">": at > edge, "<": at < edge}[mark]
    return _moment(text) <= run.created_at <= _moment(text, True)


def _moment(text: str, end: bool = False) -> datetime:
    """Read a date or a time; the ``end`` of a date is its last second, of a time the end of its second."""
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


def _list(asked: Asked, found: list[Run]) -> Answer:
    filtered = any(asked.query(name) for name in ("event", "branch", "head_sha", "status", "actor", "created"))
    chosen = [run for run in reversed(found) if run.repository == asked.repository.id and _matches(asked, run)]
    listed = chosen[:MOST_FILTERED] if filtered else chosen
    answer = page(asked, listed, "workflow_runs", len(chosen))
    answer.body["workflow_runs"] = [
        shapes.rest_run(asked.state, asked.repository, run) for run in answer.body["workflow_runs"]
    ]
    return answer


@route("GET", "{repo}/actions/runs", "actions:read")
async def list_runs(asked: Asked) -> Answer:
    """List runs, newest first."""
    return _list(asked, asked.state.runs)


@route("GET", "{repo}/actions/workflows/{workflow}/runs", "actions:read")
async def list_workflow_runs(asked: Asked) -> Answer:
    """List a workflow's runs, newest first."""
    one, _ = await runs.find_workflow(asked.state, asked.repository, asked.part("workflow"))
    return _list(asked, [run for run in asked.state.runs if run.workflow_id == one.id])


@route("GET", "{repo}/actions/runs/{run_id}", "actions:read")
async def get_run(asked: Asked) -> Answer:
    """Show a run."""
    return Answer(shapes.rest_run(asked.state, asked.repository, asked.run()))


@route("GET", "{repo}/actions/runs/{run_id}/attempts/{attempt}", "actions:read")
async def get_attempt(asked: Asked) -> Answer:
    """Show an attempt of a run."""
    run, number = asked.run(), asked.number("attempt")
    if not 1 <= number <= run.run_attempt:
        raise not_found()
    shown = shapes.rest_run(asked.state, asked.repository, run)
    if number < run.run_attempt:
        past = run.attempts[number - 1]
        shown |= {"run_attempt": number, "status": past["status"], "conclusion": past["conclusion"]}
    return Answer(shown)


async def _jobs(asked: Asked) -> Answer:
    run = asked.run()
    found = await runs.definition(asked.repository, run.head_sha, run.workflow)
    names = found.jobs if found and found.jobs else ["job"]
    shown = [shapes.job(asked.state, asked.repository, run, name, place) for place, name in enumerate(names)]
    return page(asked, shown, "jobs")


route("GET", "{repo}/actions/runs/{run_id}/jobs", "actions:read")(_jobs)
route("GET", "{repo}/actions/runs/{run_id}/attempts/{attempt}/jobs", "actions:read")(_jobs)


async def _cancel(asked: Asked) -> Answer:
    await runs.cancel(asked.state, asked.run())
    return Answer({}, 202)


async def _rerun(asked: Asked) -> Answer:
    await runs.rerun(asked.state, asked.run())
    return Answer({}, 201)


route("POST", "{repo}/actions/runs/{run_id}/cancel", "actions:write")(_cancel)
route("POST", "{repo}/actions/runs/{run_id}/force-cancel", "actions:write")(_cancel)
route("POST", "{repo}/actions/runs/{run_id}/rerun", "actions:write")(_rerun)
route("POST", "{repo}/actions/runs/{run_id}/rerun-failed-jobs", "actions:write")(_rerun)
