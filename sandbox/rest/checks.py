"""Check runs and commit statuses."""

from datetime import datetime
from typing import Any

from sandbox.errors import invalid, not_found
from sandbox.events import emit
from sandbox.records import CheckRun, CommitStatus, stamp
from sandbox.rest.commits import resolve
from sandbox.rest.core import Answer, Asked, page, route
from sandbox.serializers import checks as shapes
from sandbox.serializers import commits

STATUSES = ("queued", "in_progress", "completed")
CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out")
STATES = ("error", "failure", "pending", "success")
LIMITS = {"label": 20, "description": 40, "identifier": 20}


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except (TypeError, ValueError):
        raise invalid("Invalid request.\n\nA time is not valid.") from None


def _check_actions(actions: Any) -> None:
    if not isinstance(actions, list) or len(actions) > 3:
        raise invalid("Invalid request.\n\nOnly 3 actions are allowed.")
    for one in actions:
        for name, longest in LIMITS.items():
            if not 0 < len(str(one.get(name) or "")) <= longest:
                raise invalid(f"Invalid request.\n\n{name} must be 1 to {longest} characters.")


def _apply(asked: Asked, one: CheckRun) -> None:
    body = asked.body
    status, conclusion = body.get("status", one.status), body.get("conclusion", one.conclusion)
    if status not in STATUSES or conclusion not in (None, *CONCLUSIONS):
        raise invalid("Invalid request.\n\nNo such status or conclusion.")
    if "conclusion" in body and conclusion:
        status = "completed"
    if status == "completed" and conclusion is None:
        raise invalid('Invalid request.\n\n"conclusion" wasn\'t supplied.')
    output = body.get("output")
    if output is not None and not (isinstance(output, dict) and output.get("title") and output.get("summary")):
        raise invalid('Invalid request.\n\n"summary" and "title" must be supplied.')
    _check_actions(body.get("actions", one.actions))
    one.status, one.conclusion = status, conclusion if status == "completed" else None
    one.name, one.output = str(body.get("name", one.name)), output or one.output
    one.actions = body.get("actions", one.actions)
    one.external_id = str(body.get("external_id", one.external_id))
    one.details_url = body.get("details_url", one.details_url)
    one.started_at = _moment(body.get("started_at")) or one.started_at
    if status == "completed":
        one.completed_at = _moment(body.get("completed_at")) or one.completed_at or asked.state.now()


def _send(asked: Asked, one: CheckRun, action: str) -> None:
    shown = shapes.hook_check_run(asked.state, asked.repository, one)
    emit(asked.state, "check_run", asked.repository, asked.actor, {"action": action, "check_run": shown})


@route("POST", "{repo}/check-runs", "checks:write")
async def create_check(asked: Asked) -> Answer:
    """Create a check run."""
    name, sha = asked.text("name"), asked.text("head_sha")
    if sha not in asked.repository.history.commits:
        raise invalid(f"No commit found for SHA: {sha}")
    number = next(asked.state.numbers.checks)
    one = CheckRun(number, name, sha, "queued", None, "", None, asked.state.now(), None, {})
    _apply(asked, one)
    asked.repository.checks[number] = one
    _send(asked, one, "completed" if one.status == "completed" else "created")
    return Answer(shapes.check_run(asked.state, asked.repository, one), 201)


def _find(asked: Asked) -> CheckRun:
    number = asked.number("check_id")
    if number not in asked.repository.checks:
        raise not_found()
    return asked.repository.checks[number]


@route("GET", "{repo}/check-runs/{check_id}", "checks:read")
async def get_check(asked: Asked) -> Answer:
    """Show a check run."""
    return Answer(shapes.check_run(asked.state, asked.repository, _find(asked)))


@route("PATCH", "{repo}/check-runs/{check_id}", "checks:write")
async def update_check(asked: Asked) -> Answer:
    """Update a check run."""
    one = _find(asked)
    was = one.status
    _apply(asked, one)
    if one.status == "completed" and was != "completed":
        _send(asked, one, "completed")
    return Answer(shapes.check_run(asked.state, asked.repository, one))


@route("GET", "{repo}/commits/{ref:.+}/check-runs", "checks:read")
async def list_checks(asked: Asked) -> Answer:
    """List a commit's check runs; only the newest of each name unless all are asked for."""
    sha = resolve(asked, asked.part("ref"))
    found = [one for one in asked.repository.checks.values() if one.head_sha == sha]
    if asked.query("filter") != "all":
        found = list({one.name: one for one in found}.values())
    for name in ("status", "check_name"):
        wanted = asked.query(name)
        found = [one for one in found if wanted in (None, one.status if name == "status" else one.name)]
    return page(asked, [shapes.check_run(asked.state, asked.repository, one) for one in found[::-1]], "check_runs")


def _statuses(asked: Asked, sha: str) -> list[CommitStatus]:
    return [one for one in reversed(asked.repository.statuses) if one.sha == sha]


@route("GET", "{repo}/commits/{ref:.+}/status", "statuses:read")
async def combined_status(asked: Asked) -> Answer:
    """Show the combined status: the newest of each context."""
    sha = resolve(asked, asked.part("ref"))
    newest = {one.context.lower(): one for one in reversed(_statuses(asked, sha))}
    return Answer(shapes.combined_status(asked.state, asked.repository, sha, list(newest.values())))


@route("GET", "{repo}/commits/{ref:.+}/statuses", "statuses:read")
async def list_statuses(asked: Asked) -> Answer:
    """List a commit's statuses, newest first."""
    found = _statuses(asked, resolve(asked, asked.part("ref")))
    return page(asked, [shapes.status(asked.state, asked.repository, one) for one in found])


@route("GET", "{repo}/statuses/{ref:.+}", "statuses:read")
async def list_statuses_by_ref(asked: Asked) -> Answer:
    """List a commit's statuses, newest first."""
    return await list_statuses(asked)


@route("POST", "{repo}/statuses/{sha}", "statuses:write")
async def create_status(asked: Asked) -> Answer:
    """Put a status on a commit."""
    sha, state, body = asked.part("sha"), asked.body.get("state"), asked.body
    if sha not in asked.repository.history.commits:
        raise invalid(f"No commit found for SHA: {sha}")
    if state not in STATES or len(body.get("description") or "") > 140:
        raise invalid("Validation Failed", errors=[{"resource": "Status", "code": "custom", "field": "state"}])
    context, number = str(body.get("context") or "default"), next(asked.state.numbers.others)
    text, url = body.get("description"), body.get("target_url")
    one = CommitStatus(number, sha, state, context, text, url, asked.actor, asked.state.now())
    asked.repository.statuses.append(one)
    _send_status(asked, one)
    return Answer(shapes.status(asked.state, asked.repository, one), 201)


def _send_status(asked: Asked, one: CommitStatus) -> None:
    shown = shapes.status(asked.state, asked.repository, one)
    kept = ("id", "state", "description", "target_url", "context", "avatar_url")
    body = {
        **{name: shown[name] for name in kept},
        "sha": one.sha,
        "name": asked.repository.full_name,
        "commit": commits.commit(asked.state, asked.repository, one.sha),
        "branches": [],
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
    }
    emit(asked.state, "status", asked.repository, asked.actor, body)
