"""How a REST request is answered: faults, version, caller, limits, repository, permission, then the handler."""

import asyncio
import contextlib
import hashlib
import json
import math
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox.errors import Refused, SandboxError, invalid, not_found
from sandbox.faults import ApiFault
from sandbox.records import Call, Person, Repository, Run
from sandbox.rest.access import ANONYMOUS, Caller, authenticate, check_access
from sandbox.state import State

OLD, NEW = "2022-11-28", "2026-03-10"
MOST_PER_PAGE = 100
DEFAULT_PER_PAGE = 30
POLL_SECONDS = 0.02


@dataclass(slots=True)
class Answer:
    """What a handler gives back; text instead of JSON when ``text`` is set."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None


@dataclass(slots=True)
class Asked:
    """A request after all checks."""

    state: State
    request: web.Request
    caller: Caller
    version: str
    body: dict[str, Any]
    found: Repository | None = None

    @property
    def repository(self) -> Repository:
        """The repository that the path names."""
        if self.found is None:
            raise not_found()
        return self.found

    @property
    def actor(self) -> Person:
        """Who acts: the App's bot."""
        return self.state.bot

    def part(self, name: str) -> str:
        """Give a part of the path."""
        return self.request.match_info[name]

    def number(self, name: str) -> int:
        """Give a part of the path that must be a number."""
        text = self.part(name)
        if not text.isdecimal():
            raise not_found()
        return int(text)

    def query(self, name: str) -> str | None:
        """Give a query parameter, or None when it is missing or empty."""
        return self.request.query.get(name) or None

    def run(self) -> Run:
        """Find the run that the path names."""
        number = self.number("run_id")
        for one in self.state.runs:
            if one.id == number and one.repository == self.repository.id:
                return one
        raise not_found()

    def text(self, name: str, resource: str = "Request") -> str:
        """Give a text of the body that must be there."""
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            missing = {"resource": resource, "field": name, "code": "missing_field"}
            raise invalid(f'Invalid request.\n\n"{name}" wasn\'t supplied.', errors=[missing])
        return value


Handler = Callable[[Asked], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint: ``{repo}`` in its path stands for both ways to name a repository."""

    method: str
    path: str
    needs: str
    handler: Handler

    @property
    def paths(self) -> list[str]:
        """The real paths."""
        if not self.path.startswith("{repo}"):
            return [self.path]
        rest = self.path.removeprefix("{repo}")
        return ["/repos/{owner}/{name}" + rest, "/repositories/{repository_id}" + rest]


ROUTES: list[Route] = []


def route(method: str, path: str, needs: str) -> Callable[[Handler], Handler]:
    """Declare an endpoint; ``needs`` is ``app``, ``any``, ``token`` or permissions such as ``contents:read``."""

    def declare(handler: Handler) -> Handler:
        ROUTES.append(Route(method, path, needs, handler))
        return handler

    return declare


def page(asked: Asked, items: Sequence[Any], key: str | None = None, total: int | None = None, **more: Any) -> Answer:
    """Cut one page out of a list, with ``Link`` headers to the others."""
    per_page, number = page_size(asked), page_number(asked)
    last = max(1, math.ceil(len(items) / per_page))
    shown = list(items[(number - 1) * per_page : number * per_page])
    headers = {"Link": link(asked, number, last)} if last > 1 else {}
    if key is None:
        return Answer(shown, headers=headers)
    return Answer({"total_count": len(items) if total is None else total, **more, key: shown}, headers=headers)


def page_size(asked: Asked) -> int:
    """Give ``per_page``, between 1 and 100."""
    text = asked.query("per_page") or ""
    return max(1, min(MOST_PER_PAGE, int(text))) if text.isdecimal() else DEFAULT_PER_PAGE


def page_number(asked: Asked) -> int:
    """Give ``page``, at least 1."""
    text = asked.query("page") or ""
    return max(1, int(text)) if text.isdecimal() else 1


def link(asked: Asked, number: int, last: int) -> str:
    """Write the ``Link`` header for a page."""
    ends = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    wanted = [name for name in ends if (number > 1 if name in ("prev", "first") else number < last)]
    url = asked.request.url
    return ", ".join(f'<{url.update_query(page=str(ends[name]))}>; rel="{name}"' for name in wanted)


async def respond(state: State, found: Route, request: web.Request) -> web.StreamResponse:
    """Answer one request, record it, and apply the fault that hits it."""
    if not state.api_url:
        state.api_url = f"{request.scheme}://{request.host}"
    slow = state.faults.take(request.method, request.path, slow=True)
    fault = state.faults.take(request.method, request.path)
    if fault and fault.kind == "time_out":
        return await _silence(state, found, request)
    if slow:
        await asyncio.sleep(slow.seconds)
    caller, response = await _answer(state, found, request, fault)
    kind = {"app": "app", "installation": "installation"}.get(caller.kind, "anonymous")
    call = Call(request.method, request.path, f"{found.method} {found.path}", response.status, state.now(), kind)
    state.calls.append(call)
    if fault and fault.kind == "lose_answer" and request.transport:
        request.transport.close()
    return response


async def _silence(state: State, found: Route, request: web.Request) -> web.Response:
    state.calls.append(Call(request.method, request.path, f"{found.method} {found.path}", 0, state.now(), "anonymous"))
    while not state.closing.is_set() and request.transport and not request.transport.is_closing():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(state.closing.wait(), POLL_SECONDS)
    return web.Response(status=504)


async def _answer(
    state: State, found: Route, request: web.Request, fault: ApiFault | None
) -> tuple[Caller, web.Response]:
    caller = ANONYMOUS
    try:
        version = _version(request)
        if state.faults.is_down:
            return caller, web.Response(
                status=503, text="<html>No server is available</html>", content_type="text/html"
            )
        caller = authenticate(state, request)
        if fault and fault.kind in ("fail", "limit", "garbage"):
            return caller, _faulty(state, fault)
        asked = Asked(state, request, caller, version, await _body(request))
        asked.found = check_access(state, request, caller, found.needs)
        _count(state, caller)
        answer = await found.handler(asked)
    except Refused as refused:
        answer = Answer(refused.body, refused.status, refused.headers)
    except SandboxError as error:
        answer = Answer({"message": str(error), "documentation_url": "", "status": "422"}, 422)
    return caller, _wire(state, request, caller, answer)


def _version(request: web.Request) -> str:
    version = request.headers.get("X-GitHub-Api-Version", OLD)
    if version not in (OLD, NEW):
        raise Refused(400, f'"{version}" is not a valid API version. Supported versions: {OLD}, {NEW}.')
    return version


async def _body(request: web.Request) -> dict[str, Any]:
    raw = await request.read()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise Refused(400, "Problems parsing JSON") from None
    if not isinstance(body, dict):
        raise Refused(400, "Body should be a JSON object")
    return body


def _faulty(state: State, fault: ApiFault) -> web.Response:
    if fault.kind == "garbage":
        return web.Response(status=200, text="<!doctype html><title>Unicorn!</title>", content_type="application/json")
    if fault.kind == "fail":
        html = fault.body.lstrip().startswith("<")
        kind = "text/html" if html else "application/json"
        return web.Response(status=fault.status, text=fault.body, content_type=kind)
    primary = fault.limit == "primary"
    word = "API rate limit exceeded for installation." if primary else "You have exceeded a secondary rate limit."
    reset = int(state.now().timestamp()) + (fault.retry_after or 60)
    headers = _limit_headers(state.rate_limit, state.rate_limit if primary else 1, reset)
    if fault.retry_after is not None and not primary:
        headers["Retry-After"] = str(fault.retry_after)
    body = {"message": word, "documentation_url": "https://docs.github.com/rest/rate-limit"}
    return web.json_response(body, status=429 if fault.limit == "429" else 403, headers=headers)


def _limit_headers(limit: int, used: int, reset: int) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(max(0, limit - used)),
        "X-RateLimit-Used": str(used),
        "X-RateLimit-Reset": str(reset),
        "X-RateLimit-Resource": "core",
    }


def limits(state: State, caller: Caller) -> tuple[int, int, int]:
    """Give a caller's limit, what it used in this hour, and when the hour ends."""
    now = int(state.now().timestamp())
    used, reset = state.used.get(caller.key, (0, now + 3600))
    if reset <= now:
        used, reset = 0, now + 3600
    return state.rate_limit, used, reset


def _count(state: State, caller: Caller) -> None:
    limit, used, reset = limits(state, caller)
    if used >= limit:
        raise Refused(403, f"API rate limit exceeded for installation ID {caller.key}.")
    state.used[caller.key] = (used + 1, reset)


def _uncount(state: State, caller: Caller) -> None:
    used, reset = state.used[caller.key]
    state.used[caller.key] = (used - 1, reset)


def _wire(state: State, request: web.Request, caller: Caller, answer: Answer) -> web.Response:
    if answer.text is not None:
        raw, kind = answer.text.encode(), "application/vnd.github.sha"
    elif answer.body is None:
        raw, kind = b"", ""
    else:
        raw, kind = json.dumps(answer.body, separators=(",", ":")).encode(), "application/json"
    headers = {"X-GitHub-Request-Id": uuid.uuid4().hex[:20].upper(), "Server": "github.com"}
    headers["X-GitHub-Api-Version-Selected"] = request.headers.get("X-GitHub-Api-Version", OLD)
    if request.method == "GET" and answer.status == 200:
        mark = answer.text if answer.text is not None else hashlib.sha256(raw).hexdigest()
        headers["ETag"] = f'"{mark}"' if answer.text is not None else f'W/"{mark}"'
        headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
        if _matches(request, mark):
            _uncount(state, caller)
            headers |= _limit_headers(*limits(state, caller))
            return web.Response(status=304, headers=headers | answer.headers)
    headers |= _limit_headers(*limits(state, caller))
    if kind:
        headers["Content-Type"] = f"{kind}; charset=utf-8"
    return web.Response(status=answer.status, body=raw, headers=headers | answer.headers)


def _matches(request: web.Request, mark: str) -> bool:
    given = [one.strip().removeprefix("W/").strip('"') for one in request.headers.get("If-None-Match", "").split(",")]
    return mark in given
