"""The control surface: HTTP under ``/_sandbox/`` that calls the same methods as Python does."""

import dataclasses
import functools
import inspect
import json
import types
import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.errors import SandboxError
from sandbox.records import Person, stamp

PREFIX = "/_sandbox"

ACTS: dict[str, str] = {
    "people": "person",
    "pull-requests": "pull_request",
    "pull-requests/merge": "merge",
    "comments": "comment",
    "comments/edit": "edit_comment",
    "comments/delete": "delete_comment",
    "commit-comments": "commit_comment",
    "commits": "commit",
    "branches": "branch",
    "branches/delete": "delete_branch",
    "tags": "tag",
    "tags/several": "tags",
    "tags/delete": "delete_tag",
    "tags/protect": "protect_tags",
    "fork-commits": "fork_commit",
    "runs/start": "start",
    "runs/finish": "finish",
    "runs/rerun": "rerun",
    "runs/speed": "set_run_seconds",
    "repositories": "add_repository_to_account",
    "repositories/rename": "rename",
    "repositories/transfer": "transfer",
    "repositories/visibility": "set_private",
    "repositories/archive": "archive",
    "repositories/delete": "delete_repository",
    "repositories/block": "block",
    "repositories/workflows-permission": "require_workflows_permission",
    "installation/install": "install",
    "installation/uninstall": "uninstall",
    "installation/suspend": "suspend",
    "installation/unsuspend": "unsuspend",
    "installation/add": "add_repository",
    "installation/remove": "remove_repository",
    "tokens/expire": "expire_tokens",
    "clock/advance": "advance",
    "deliveries/redeliver": "redeliver",
    "deliveries/send": "send",
    "ping": "ping",
    "settle": "settle",
    "calls/forget": "forget_calls",
    "faults/webhooks": "faults.webhooks",
    "faults/hold": "faults.hold",
    "faults/release": "faults.release",
    "faults/fail": "faults.fail",
    "faults/limit": "faults.limit",
    "faults/time-out": "faults.time_out",
    "faults/slow": "faults.slow",
    "faults/garbage": "faults.garbage",
    "faults/lose-answer": "faults.lose_answer",
    "faults/wrong-head-sha": "faults.wrong_head_sha",
    "faults/down": "faults.down",
    "faults/up": "faults.up",
    "faults/clear": "faults.clear",
}
"""POST routes: what each path calls."""

SIGHTS: dict[str, str] = {
    "runs": "runs",
    "dispatches": "dispatches",
    "calls": "calls",
    "unknown-routes": "unknown_routes",
    "comments": "comments",
    "commit-comments": "commit_comments",
    "resolve": "resolve",
    "deliveries": "deliveries",
}
"""GET routes: what each path shows; those with parameters take them from the query."""

WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", types.NoneType: "null"}


def add_control(app: web.Application, github: object) -> None:
    """Add every control route to the sandbox's application."""
    app.router.add_get(f"{PREFIX}/", functools.partial(_index, github))
    app.router.add_get(f"{PREFIX}/web/{{path:.*}}", _web)
    for path, name in ACTS.items():
        app.router.add_post(f"{PREFIX}/{path}", functools.partial(_act, github, name))
    for path, name in SIGHTS.items():
        app.router.add_get(f"{PREFIX}/{path}", functools.partial(_see, github, name))


async def _web(request: web.Request) -> web.Response:
    return web.Response(text=f"On GitHub, this would be the page of /{request.match_info['path']}.\n")


def _find(github: object, name: str) -> Any:
    return functools.reduce(getattr, name.split("."), github)


def _fields(method: Callable[..., Any]) -> dict[str, tuple[inspect.Parameter, Any]]:
    hints = typing.get_type_hints(method)
    return {name: (one, hints[name]) for name, one in inspect.signature(method).parameters.items()}


async def _index(github: object, _: web.Request) -> web.Response:
    routes = [_describe(f"POST {PREFIX}/{path}", _find(github, name)) for path, name in ACTS.items()]
    for path, name in SIGHTS.items():
        found = _find(github, name)
        shown = _describe("", found) if callable(found) else {"does": inspect.getdoc(getattr(type(github), name))}
        routes.append({**shown, "route": f"GET {PREFIX}/{path}"})
    return web.json_response({"routes": routes})


def _describe(route: str, method: Callable[..., Any]) -> dict[str, Any]:
    fields = _fields(method)
    needed = [name for name, (one, _) in fields.items() if one.default is inspect.Parameter.empty]
    optional = {name: one.default for name, (one, _) in fields.items() if name not in needed}
    return {"route": route, "does": inspect.getdoc(method), "needs": needed, "may": optional}


async def _act(github: object, name: str, request: web.Request) -> web.Response:
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError:
        return _bad("The body is not JSON.")
    return await _call(_find(github, name), body)


async def _see(github: object, name: str, request: web.Request) -> web.Response:
    found = _find(github, name)
    if not callable(found):
        return web.json_response({"result": _plain(found)})
    query = {
        key: int(value) if value.isdecimal() and key == "number" else value for key, value in request.query.items()
    }
    return await _call(found, query)


async def _call(method: Callable[..., Any], body: Any) -> web.Response:
    problem = _problem(method, body)
    if problem:
        return _bad(problem)
    arguments = {name: _argument(name, value) for name, value in body.items()}
    try:
        result = method(**arguments)
        if isinstance(result, Awaitable):
            result = await result
    except (SandboxError, ValueError) as error:
        return web.json_response({"error": str(error)}, status=422)
    return web.json_response({"result": _plain(result)})


def _argument(name: str, value: Any) -> Any:
    if name == "source":
        return Path(value)
    return tuple(value) if name in ("seconds", "delay") and isinstance(value, list) else value


def _bad(sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=400)


def _problem(method: Callable[..., Any], body: Any) -> str | None:
    if not isinstance(body, dict):
        return "The body must be a JSON object."
    fields = _fields(method)
    for name, value in body.items():
        if name not in fields:
            return f"There is no field {name!r} here; there are: {', '.join(fields) or 'none'}."
        if not _fits(value, fields[name][1]):
            return f"The field {name!r} must be {_say(fields[name][1])}."
    for name, (one, _) in fields.items():
        if name not in body and one.default is inspect.Parameter.empty:
            return f"The field {name!r} is missing."
    return None


def _fits(value: Any, kind: Any) -> bool:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is tuple:
        return isinstance(value, list) and len(value) == len(inner) and all(map(_fits, value, inner))
    if origin is Sequence:
        return isinstance(value, list) and all(_fits(one, inner[0]) for one in value)
    if origin is Mapping:
        return isinstance(value, dict) and all(_fits(one, inner[1]) for one in value.values())
    if kind is Path:
        return isinstance(value, str)
    if kind in (int, float):
        return isinstance(value, int | float if kind is float else int) and not isinstance(value, bool)
    return isinstance(kind, type) and isinstance(value, kind)


def _say(kind: Any) -> str:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_say(one) for one in inner if one in WORDS or typing.get_origin(one)))
    if origin in (tuple, Sequence):
        return "a list"
    return "an object" if origin is Mapping else WORDS.get(kind, "a text")


def _plain(value: Any) -> Any:
    """Make JSON of records, dropping what is too big to read."""
    if isinstance(value, Person):
        return value.login
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [one.name for one in dataclasses.fields(value)]
        return {name: _plain(getattr(value, name)) for name in names if name not in ("body", "headers")}
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(one) for one in value]
    return value
