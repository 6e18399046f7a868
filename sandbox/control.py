"""The control API: HTTP routes under `/_sandbox/` that call the methods of `GitHub`."""

import dataclasses
import functools
import inspect
import json
import types
import typing
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.accounts import Account
from sandbox.browsers import refusal
from sandbox.errors import SandboxError
from sandbox.records import format_time
from sandbox.rest.headers import CONTROL as PREFIX
from sandbox.rest.headers import is_control

ACTIONS: dict[str, str] = {
    "people": "person",
    "people/rename": "rename_person",
    "people/delete": "delete_person",
    "people/email": "add_email",
    "people/sign-in": "sign_in_as",
    "people/revoke-authorization": "revoke_authorization",
    "teams": "team",
    "teams/delete": "delete_team",
    "teams/members/add": "add_team_member",
    "teams/members/remove": "remove_team_member",
    "pull-requests": "pull_request",
    "pull-requests/merge": "merge",
    "pull-requests/push": "push_to_pull_request",
    "pull-requests/close": "close_pull_request",
    "pull-requests/reopen": "reopen_pull_request",
    "issues": "issue",
    "comments": "comment",
    "comments/edit": "edit_comment",
    "comments/delete": "delete_comment",
    "commit-comments": "commit_comment",
    "commit-comments/edit": "edit_commit_comment",
    "commit-comments/delete": "delete_commit_comment",
    "checks/report": "report_check",
    "checks/click": "click_button",
    "checks/rerequest": "rerequest",
    "statuses/report": "report_status",
    "commits": "commit",
    "branches": "branch",
    "branches/delete": "delete_branch",
    "tags": "tag",
    "tags/several": "tags",
    "tags/delete": "delete_tag",
    "tags/protect": "protect_tags",
    "branches/many": "branches",
    "fork-commits": "fork_commit",
    "runs/start": "start",
    "runs/finish": "finish",
    "runs/finish-job": "finish_job",
    "runs/rerun": "rerun",
    "runs/speed": "set_run_seconds",
    "runs/approve": "approve_deployment",
    "runs/reject": "reject_deployment",
    "runs/bypass": "bypass_protection",
    "runs/dispatch": "dispatch",
    "runs/job-checks": "set_job_checks",
    "runs/on-push": "set_push_runs",
    "environments": "environment",
    "releases": "release",
    "releases/publish": "publish_release",
    "releases/delete": "delete_release",
    "repositories": "add_repository_to_account",
    "repositories/rename": "rename",
    "repositories/transfer": "transfer",
    "repositories/visibility": "set_private",
    "repositories/archive": "archive",
    "repositories/delete": "delete_repository",
    "repositories/block": "block",
    "repositories/workflows-permission": "require_workflows_permission",
    "repositories/execution-protection": "protect_execution",
    "installation/install": "install",
    "installation/uninstall": "uninstall",
    "installation/suspend": "suspend",
    "installation/unsuspend": "unsuspend",
    "installation/add": "add_repository",
    "installation/remove": "remove_repository",
    "installation/permission": "set_permission",
    "tokens/expire": "expire_tokens",
    "clock/advance": "advance",
    "clock/skew": "skew",
    "server/run-details": "server.set_run_details",
    "server/front-page": "server.set_front_page",
    "deliveries/redeliver": "redeliver",
    "deliveries/send": "send",
    "ping": "ping",
    "settle": "settle",
    "calls/forget": "forget_calls",
    "faults/webhooks": "faults.webhooks",
    "faults/hold": "faults.hold",
    "faults/release": "faults.release",
    "faults/fail": "faults.fail",
    "faults/refuse": "faults.refuse",
    "faults/lose-run": "faults.lose_run",
    "faults/lag-tokens": "faults.lag_tokens",
    "faults/limit": "faults.limit",
    "faults/time-out": "faults.time_out",
    "faults/slow": "faults.slow",
    "faults/garbage": "faults.garbage",
    "faults/lose-answer": "faults.lose_answer",
    "faults/wrong-head-sha": "faults.wrong_head_sha",
    "faults/omit-deployment": "faults.omit_deployment",
    "faults/down": "faults.down",
    "faults/up": "faults.up",
    "faults/clear": "faults.clear",
}
"""POST routes: each path with the method that it calls."""

VIEWS: dict[str, str] = {
    "runs": "runs",
    "gate-reports": "gate_reports",
    "dispatches": "dispatches",
    "calls": "calls",
    "unknown-routes": "unknown_routes",
    "comments": "comments",
    "commit-comments": "commit_comments",
    "check-runs": "check_runs",
    "resolve": "resolve",
    "deliveries": "deliveries",
}
"""GET routes: each path with the attribute or method whose value it returns; query parameters become arguments."""

GITHUB: web.AppKey[object] = web.AppKey("github", object)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TYPE_NAMES = {str: "a string", int: "an integer", float: "a number", bool: "true or false", types.NoneType: "null"}


def add_control(app: web.Application, github: object, host_names: Collection[str]) -> None:
    """Add the control routes to the sandbox's application; they are served under IP addresses and these names."""

    @web.middleware
    async def keep_web_pages_away(request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = refusal(request, host_names) if is_control(request) else None
        return refused or await handler(request)

    app.middlewares.append(keep_web_pages_away)
    app[GITHUB] = github
    for resource in _resources():
        app.router.register_resource(resource)


@functools.cache
def _resources() -> Sequence[web.AbstractResource]:
    """The routes, which all sandboxes of a process share."""
    router = web.UrlDispatcher()
    router.add_get(f"{PREFIX}/", _index)
    router.add_get(f"{PREFIX}/web/{{path:.*}}", _placeholder_page)
    for path, name in ACTIONS.items():
        router.add_post(f"{PREFIX}/{path}", functools.partial(_handle_action, name))
    for path, name in VIEWS.items():
        router.add_get(f"{PREFIX}/{path}", functools.partial(_handle_view, name))
    return tuple(router.resources())


async def _placeholder_page(request: web.Request) -> web.Response:
    return web.Response(text=f"On GitHub, this would be the page /{request.match_info['path']}.\n")


def _resolve(github: object, name: str) -> Any:
    return functools.reduce(getattr, name.split("."), github)


def _parameters(method: Callable[..., Any]) -> dict[str, tuple[inspect.Parameter, Any]]:
    hints = typing.get_type_hints(method)
    return {name: (parameter, hints[name]) for name, parameter in inspect.signature(method).parameters.items()}


async def _index(request: web.Request) -> web.Response:
    github = request.app[GITHUB]
    routes = [_describe(f"POST {PREFIX}/{path}", _resolve(github, name)) for path, name in ACTIONS.items()]
    for path, name in VIEWS.items():
        view = _resolve(github, name)
        description = _describe("", view) if callable(view) else {"does": inspect.getdoc(getattr(type(github), name))}
        routes.append({**description, "route": f"GET {PREFIX}/{path}"})
    return web.json_response({"routes": routes})


def _describe(route: str, method: Callable[..., Any]) -> dict[str, Any]:
    fields = _parameters(method)
    required = [name for name, (parameter, _) in fields.items() if parameter.default is inspect.Parameter.empty]
    optional = {name: parameter.default for name, (parameter, _) in fields.items() if name not in required}
    return {"route": route, "does": inspect.getdoc(method), "needs": required, "may": optional}


async def _handle_action(name: str, request: web.Request) -> web.Response:
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError:
        return _bad_request("The body is not JSON.")
    return await _call(_resolve(request.app[GITHUB], name), body)


async def _handle_view(name: str, request: web.Request) -> web.Response:
    view = _resolve(request.app[GITHUB], name)
    if not callable(view):
        return web.json_response({"result": _to_json(view)})
    query = {
        key: int(value) if value.isdecimal() and key in ("number", "run") else value
        for key, value in request.query.items()
    }
    return await _call(view, query)


async def _call(method: Callable[..., Any], body: Any) -> web.Response:
    problem = _validate(method, body)
    if problem:
        return _bad_request(problem)
    arguments = {name: _convert(name, value) for name, value in body.items()}
    try:
        result = method(**arguments)
        if isinstance(result, Awaitable):
            result = await result
    except (SandboxError, ValueError) as error:
        return web.json_response({"error": str(error)}, status=422)
    return web.json_response({"result": _to_json(result)})


def _convert(name: str, value: Any) -> Any:
    if name == "source":
        return Path(value)
    return tuple(value) if name in ("seconds", "delay") and isinstance(value, list) else value


def _bad_request(message: str) -> web.Response:
    return web.json_response({"error": message}, status=400)


def _validate(method: Callable[..., Any], body: Any) -> str | None:
    if not isinstance(body, dict):
        return "The body must be a JSON object."
    fields = _parameters(method)
    for name, value in body.items():
        if name not in fields:
            return f"Unknown field {name!r}; known fields: {', '.join(fields) or 'none'}."
        if not _matches_type(value, fields[name][1]):
            return f"The field {name!r} must be {_describe_type(fields[name][1])}."
    for name, (parameter, _) in fields.items():
        if name not in body and parameter.default is inspect.Parameter.empty:
            return f"The field {name!r} is missing."
    return None


def _matches_type(value: Any, expected: Any) -> bool:
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if expected is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_matches_type(value, alternative) for alternative in arguments)
    if origin is tuple:
        return isinstance(value, list) and len(value) == len(arguments) and all(map(_matches_type, value, arguments))
    if origin is Sequence:
        return isinstance(value, list) and all(_matches_type(item, arguments[0]) for item in value)
    if origin is Mapping:
        return isinstance(value, dict) and all(_matches_type(item, arguments[1]) for item in value.values())
    if expected is Path:
        return isinstance(value, str)
    if expected in (int, float):
        return isinstance(value, int | float if expected is float else int) and not isinstance(value, bool)
    return isinstance(expected, type) and isinstance(value, expected)


def _describe_type(expected: Any) -> str:
    origin, alternatives = typing.get_origin(expected), typing.get_args(expected)
    if origin in (typing.Union, types.UnionType):
        known = [item for item in alternatives if item in TYPE_NAMES or typing.get_origin(item)]
        return " or ".join(dict.fromkeys(map(_describe_type, known)))
    if origin in (tuple, Sequence):
        return "a list"
    return "an object" if origin is Mapping else TYPE_NAMES.get(expected, "a string")


def _to_json(value: Any) -> Any:
    """Convert records to JSON values, leaving out bodies and headers, which are too large to read."""
    if isinstance(value, Account):
        return value.login
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: _to_json(getattr(value, name)) for name in names if name not in ("body", "headers")}
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, dict):
        return {str(key): _to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_to_json(item) for item in value]
    return value
