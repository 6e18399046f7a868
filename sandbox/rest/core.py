"""Handle REST requests: faults, API version, caller, access, rate limit, then the endpoint's handler."""

import asyncio
import contextlib
import hashlib
import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from sandbox.errors import ApiError, SandboxError, invalid, not_found
from sandbox.faults import ApiFault
from sandbox.records import Account, Call, Repository, Run
from sandbox.rest.access import ANONYMOUS, READS, Caller, authenticate, check_access
from sandbox.server import OLDER_VERSION
from sandbox.state import State

MAX_PER_PAGE = 100
DEFAULT_PER_PAGE = 30
DISCONNECT_POLL_SECONDS = 0.02

Record = TypeVar("Record")


@dataclass(slots=True)
class ApiResponse:
    """A handler's response: JSON, or plain text when `text` is set."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None


@dataclass(slots=True)
class ApiRequest:
    """An authenticated request; `target` is the repository named in its path, if any."""

    state: State
    http: web.Request
    caller: Caller
    version: str
    body: dict[str, Any]
    target: Repository | None = None

    @property
    def repository(self) -> Repository:
        """The repository named in the path; 404 without one."""
        if self.target is None:
            raise not_found()
        return self.target

    @property
    def actor(self) -> Account:
        """The account that acts through the API: the App's bot."""
        return self.state.bot

    def path_param(self, name: str) -> str:
        """Return a path parameter."""
        return self.http.match_info[name]

    def int_param(self, name: str) -> int:
        """Return a numeric path parameter; 404 when it is not a number."""
        text = self.path_param(name)
        if not text.isdecimal():
            raise not_found()
        return int(text)

    def query_param(self, name: str) -> str | None:
        """Return a query parameter, or None when it is missing or empty."""
        return self.http.query.get(name) or None

    def find(self, records: Mapping[int, Record], name: str) -> Record:
        """Find the record whose id or number is in a path parameter; 404 when it does not exist."""
        number = self.int_param(name)
        if number not in records:
            raise not_found()
        return records[number]

    def find_run(self) -> Run:
        """Find the run named in the path; 404 when the repository has no such run."""
        run_id = self.int_param("run_id")
        for run in self.state.runs:
            if run.id == run_id and run.repository == self.repository.id:
                return run
        raise not_found()

    def require_text(self, name: str, resource: str = "Request") -> str:
        """Return a non-empty string from the body; 422 when it is missing."""
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            missing = {"resource": resource, "field": name, "code": "missing_field"}
            raise invalid(f'Invalid request.\n\n"{name}" wasn\'t supplied.', errors=[missing])
        return value


Handler = Callable[[ApiRequest], Awaitable[ApiResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint; `{repo}` in its path stands for both ways to address a repository."""

    method: str
    path: str
    required_access: str
    handler: Handler

    @property
    def paths(self) -> list[str]:
        """The paths to register."""
        if not self.path.startswith("{repo}"):
            return [self.path]
        suffix = self.path.removeprefix("{repo}")
        return ["/repos/{owner}/{name}" + suffix, "/repositories/{repository_id}" + suffix]

    @property
    def methods(self) -> list[str]:
        """The methods to register: whatever can be read can be asked for with HEAD."""
        return ["GET", "HEAD"] if self.method == "GET" else [self.method]


ROUTES: list[Route] = []


def route(method: str, path: str, required_access: str) -> Callable[[Handler], Handler]:
    """Register an endpoint.

    `required_access` is `app`, `any`, `token` or permissions such as `contents:read|issues:read`.
    """

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, path, required_access, handler))
        return handler

    return register


def paginate(
    request: ApiRequest, items: Sequence[Any], key: str | None = None, total: int | None = None, **more: Any
) -> ApiResponse:
    """Return one page of a list, with `Link` headers to the others."""
    per_page, number = page_size(request), page_number(request)
    last = max(1, math.ceil(len(items) / per_page))
    page_items = list(items[(number - 1) * per_page : number * per_page])
    headers = {"Link": link_header(request, number, last)} if last > 1 else {}
    if key is None:
        return ApiResponse(page_items, headers=headers)
    return ApiResponse(
        {"total_count": len(items) if total is None else total, **more, key: page_items}, headers=headers
    )


def page_size(request: ApiRequest) -> int:
    """Return `per_page`, clamped to 1 to 100."""
    text = request.query_param("per_page") or ""
    return max(1, min(MAX_PER_PAGE, int(text))) if text.isdecimal() else DEFAULT_PER_PAGE


def page_number(request: ApiRequest) -> int:
    """Return `page`, at least 1."""
    text = request.query_param("page") or ""
    return max(1, int(text)) if text.isdecimal() else 1


def link_header(request: ApiRequest, number: int, last: int) -> str:
    """Build the `Link` header of a page."""
    pages = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    names = [name for name in pages if (number > 1 if name in ("prev", "first") else number < last)]
    url = request.http.url
    return ", ".join(f'<{url.update_query(page=str(pages[name]))}>; rel="{name}"' for name in names)


async def respond(state: State, endpoint: Route, request: web.Request) -> web.StreamResponse:
    """Handle one request, record it, and apply the fault that matches it."""
    if not state.api_url:
        state.api_url = f"{request.scheme}://{request.host}{state.server.root}"
    slow = state.faults.consume(request.method, request.path, slow=True)
    fault = state.faults.consume(request.method, request.path)
    if fault and fault.kind == "time_out":
        return await _never_respond(state, endpoint, request)
    if slow:
        await asyncio.sleep(slow.seconds)
    caller, response = await _handle(state, endpoint, request, fault)
    call = Call(
        request.method, request.path, f"{endpoint.method} {endpoint.path}", response.status, state.now(), caller.kind
    )
    state.calls.append(call)
    if fault and fault.kind == "lose_answer" and request.transport:
        request.transport.close()
    return response


async def _never_respond(state: State, endpoint: Route, request: web.Request) -> web.Response:
    state.calls.append(
        Call(request.method, request.path, f"{endpoint.method} {endpoint.path}", 0, state.now(), "anonymous")
    )
    while not state.closing.is_set() and request.transport and not request.transport.is_closing():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(state.closing.wait(), DISCONNECT_POLL_SECONDS)
    return web.Response(status=504)


async def _handle(
    state: State, endpoint: Route, request: web.Request, fault: ApiFault | None
) -> tuple[Caller, web.Response]:
    caller = ANONYMOUS
    try:
        version = _version(state, request)
        if state.faults.is_down:
            return caller, web.Response(
                status=503, text="<html>No server is available</html>", content_type="text/html"
            )
        caller = authenticate(state, request)
        if fault and fault.kind == "refuse":
            raise ApiError(fault.status, fault.message)
        if fault and fault.kind in ("fail", "limit", "garbage"):
            return caller, _faulty_response(state, fault)
        api_request = ApiRequest(state, request, caller, version, await _body(request))
        api_request.target = check_access(state, request, caller, endpoint.required_access)
        _charge(state, caller)
        response = await endpoint.handler(api_request)
    except ApiError as error:
        response = ApiResponse(error.body, error.status, error.headers)
    except SandboxError as error:
        response = ApiResponse({"message": str(error), "documentation_url": "", "status": "422"}, 422)
    return caller, _build_response(state, request, caller, response)


def _version(state: State, request: web.Request) -> str:
    version, known = request.headers.get("X-GitHub-Api-Version", OLDER_VERSION), state.server.api_versions
    if version not in known:
        raise ApiError(400, f'"{version}" is not a valid API version. Supported versions: {", ".join(known)}.')
    return version


async def _body(request: web.Request) -> dict[str, Any]:
    raw = await request.read()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise ApiError(400, "Problems parsing JSON") from None
    if not isinstance(body, dict):
        raise ApiError(400, "Body should be a JSON object")
    return body


def _faulty_response(state: State, fault: ApiFault) -> web.Response:
    if fault.kind == "garbage":
        return web.Response(status=200, text="<!doctype html><title>Unicorn!</title>", content_type="application/json")
    if fault.kind == "fail":
        html = fault.body.lstrip().startswith("<")
        content_type = "text/html" if html else "application/json"
        return web.Response(status=fault.status, text=fault.body, content_type=content_type)
    primary = fault.limit == "primary"
    message = "API rate limit exceeded for installation." if primary else "You have exceeded a secondary rate limit."
    reset = int(state.now().timestamp()) + (fault.retry_after or 60)
    headers = _rate_limit_headers(state.rate_limit, state.rate_limit if primary else 1, reset)
    if fault.retry_after is not None and not primary:
        headers["Retry-After"] = str(fault.retry_after)
    body = {"message": message, "documentation_url": "https://docs.github.com/rest/rate-limit"}
    return web.json_response(body, status=429 if fault.limit == "429" else 403, headers=headers)


def _rate_limit_headers(limit: int, used: int, reset: int) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(max(0, limit - used)),
        "X-RateLimit-Used": str(used),
        "X-RateLimit-Reset": str(reset),
        "X-RateLimit-Resource": "core",
    }


def rate_limit_status(state: State, caller: Caller) -> tuple[int, int, int]:
    """Return a caller's limit, its usage in the current hour, and when that hour ends (Unix time)."""
    now = int(state.now().timestamp())
    used, reset = state.rate_limit_usage.get(caller.key, (0, now + 3600))
    if reset <= now:
        used, reset = 0, now + 3600
    return state.rate_limit, used, reset


def _charge(state: State, caller: Caller) -> None:
    limit, used, reset = rate_limit_status(state, caller)
    if used >= limit:
        raise ApiError(403, f"API rate limit exceeded for installation ID {caller.key}.")
    state.rate_limit_usage[caller.key] = (used + 1, reset)


def _refund(state: State, caller: Caller) -> None:
    used, reset = state.rate_limit_usage[caller.key]
    state.rate_limit_usage[caller.key] = (used - 1, reset)


def _build_response(state: State, request: web.Request, caller: Caller, response: ApiResponse) -> web.Response:
    if response.text is not None:
        raw, content_type = response.text.encode(), "application/vnd.github.sha"
    elif response.body is None:
        raw, content_type = b"", ""
    else:
        raw, content_type = json.dumps(response.body, separators=(",", ":")).encode(), "application/json"
    headers: dict[str, str] = {}
    if request.method in READS and response.status == 200:
        etag = response.text if response.text is not None else hashlib.sha256(raw).hexdigest()
        headers["ETag"] = f'"{etag}"' if response.text is not None else f'W/"{etag}"'
        headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
        if _etag_matches(request, etag):
            _refund(state, caller)
            headers |= _rate_limit_headers(*rate_limit_status(state, caller))
            return web.Response(status=304, headers=headers | response.headers)
    headers |= _rate_limit_headers(*rate_limit_status(state, caller))
    if content_type:
        headers["Content-Type"] = f"{content_type}; charset=utf-8"
    return web.Response(status=response.status, body=raw, headers=headers | response.headers)


def _etag_matches(request: web.Request, etag: str) -> bool:
    candidates = request.headers.get("If-None-Match", "").split(",")
    return etag in [candidate.strip().removeprefix("W/").strip('"') for candidate in candidates]
