"""Handle REST requests: faults, API version, caller, access, rate limit, then the endpoint's handler."""

import asyncio
import contextlib
import hashlib
import json
import re
from typing import Any

from aiohttp import web

from sandbox.errors import ApiError, SandboxError
from sandbox.faults import ApiFault
from sandbox.records import Call
from sandbox.rest.access import ANONYMOUS, READS, Caller, accepted_permissions, authenticate, check_access
from sandbox.rest.core import ApiRequest, ApiResponse, Route
from sandbox.rest.headers import requested_format
from sandbox.rest.limits import charge, rate_limit_headers, rate_limit_status, refund
from sandbox.server import OLDER_VERSION
from sandbox.state import State

DISCONNECT_POLL_SECONDS = 0.02
JSON_TYPES = re.compile(r"application/(json|vnd\.github([.+].*)?)")


async def respond(state: State, endpoint: Route, request: web.Request) -> web.StreamResponse:
    """Handle one request, record it, and apply the fault that matches it."""
    state.learn_address(f"{request.scheme}://{request.host}")
    _record_unsupported(state, endpoint, request)
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


def _record_unsupported(state: State, endpoint: Route, request: web.Request) -> None:
    names = [f"query parameter {name}" for name in request.query if name not in endpoint.query]
    custom = requested_format(request)
    if custom and custom not in endpoint.formats and not custom.endswith("-preview"):
        names.append(f"media type {custom}")
    _record(state, endpoint, names)


def _record(state: State, endpoint: Route, names: list[str]) -> None:
    state.unknown_routes += [f"{endpoint.method} {endpoint.path}: {name}" for name in names]


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
        _check_accept(request)
        body = await _body(request)
        _record(state, endpoint, [f"field {name}" for name in body if name not in endpoint.fields])
        api_request = ApiRequest(state, request, caller, version, body)
        api_request.target = check_access(state, request, caller, endpoint.required_access)
        charge(state, caller)
        response = await endpoint.handler(api_request)
    except ApiError as error:
        response = ApiResponse(error.body, error.status, error.headers)
    except SandboxError as error:
        response = ApiResponse({"message": str(error), "documentation_url": "", "status": "422"}, 422)
    if caller.kind == "installation" and ":" in endpoint.required_access:
        accepted = accepted_permissions(endpoint.required_access)
        response.headers.setdefault("X-Accepted-GitHub-Permissions", accepted)
    return caller, _build_response(state, request, caller, response)


def _version(state: State, request: web.Request) -> str:
    version, known = request.headers.get("X-GitHub-Api-Version", OLDER_VERSION), state.server.api_versions
    if version not in known:
        raise ApiError(400, f'"{version}" is not a valid API version. Supported versions: {", ".join(known)}.')
    return version


def _check_accept(request: web.Request) -> None:
    accepted = [part.partition(";")[0].strip() for part in request.headers.get("Accept", "*/*").split(",")]
    if not any(kind in ("*/*", "application/*") or JSON_TYPES.fullmatch(kind) for kind in accepted):
        given = request.headers["Accept"]
        raise ApiError(415, f"Unsupported 'Accept' header: '{given}'. Must accept 'application/json'.")


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
    headers = rate_limit_headers(state.rate_limit, state.rate_limit if primary else 1, reset)
    if fault.retry_after is not None and not primary:
        headers["Retry-After"] = str(fault.retry_after)
    body = {"message": message, "documentation_url": "https://docs.github.com/rest/rate-limit"}
    return web.json_response(body, status=429 if fault.limit == "429" else 403, headers=headers)


def _build_response(state: State, request: web.Request, caller: Caller, response: ApiResponse) -> web.Response:
    if response.text is not None:
        raw, content_type = response.text.encode(), "application/vnd.github.sha"
    elif response.raw is not None:
        raw, content_type = response.raw, "application/vnd.github.raw+json"
    elif response.body is None:
        raw, content_type = b"", ""
    else:
        raw, content_type = json.dumps(response.body, separators=(",", ":")).encode(), "application/json"
    headers: dict[str, str] = {}
    if request.method in READS and response.status == 200:
        etag = response.text if response.text is not None else hashlib.sha256(raw).hexdigest()
        headers["ETag"] = f'"{etag}"' if response.text is not None else f'W/"{etag}"'
        headers["Cache-Control"] = f"{'public' if caller is ANONYMOUS else 'private'}, max-age=60, s-maxage=60"
        if _etag_matches(request, etag):
            refund(state, caller)
            headers |= rate_limit_headers(*rate_limit_status(state, caller))
            return web.Response(status=304, headers=headers | response.headers)
    headers |= rate_limit_headers(*rate_limit_status(state, caller))
    if content_type:
        headers["Content-Type"] = f"{content_type}; charset=utf-8"
    return web.Response(status=response.status, body=raw, headers=headers | response.headers)


def _etag_matches(request: web.Request, etag: str) -> bool:
    candidates = request.headers.get("If-None-Match", "").split(",")
    return etag in [candidate.strip().removeprefix("W/").strip('"') for candidate in candidates]
