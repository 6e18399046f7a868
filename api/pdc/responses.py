"""Responses as JSON, streamed for lists without pages. `html` writes the same responses as pages for people."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import orjson
import structlog
from aiohttp import web

from api.http.bodies import BadRequest
from api.http.errors import status_of
from api.http.negotiation import accepts_gzip
from api.pdc.crud.actions import Chunks, to_pdc_error
from api.pdc.crud.resource import PdcError
from api.pdc.request_bodies import JSON_TYPE
from api.pdc.routes import SAFE_METHODS, Route
from bot.errors import Problem, RateLimited, Unavailable

HTML_TYPE = "text/html"
NOT_FOUND = '{"detail": "Not found"}'
FAULT = "The server encountered an internal error or misconfiguration and was unable to complete your request."
MIN_COMPRESSED_BYTES = 1024
MIN_THREADED_BYTES = 64 * 1024  # longer bodies are compressed in another thread
JSON_TYPES = ("", JSON_TYPE, "application/*")
HTML_TYPES = (HTML_TYPE, "text/*")
SECURITY_HEADERS = {"Vary": "Accept", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN"}

log = structlog.get_logger()


@dataclass
class PdcResponse:
    """A response before it is encoded. `body` is a JSON value or a list in chunks; with `empty` there is no body."""

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    empty: bool = False


def preferred_type(request: web.Request) -> str | None:
    """The media type that the caller prefers among those we offer; "" without an Accept header, None if none fits."""
    return _preferred_type(",".join(request.headers.getall("Accept", [])))


@lru_cache(maxsize=256)
def _preferred_type(accept: str) -> str | None:
    accepted = []
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if name:
            accepted.append((name, _quality(parameters)))
    offered = (*JSON_TYPES, *HTML_TYPES, "*/*")
    ranked = sorted((-q, index, name) for index, (name, q) in enumerate(accepted) if q > 0 and name in offered)
    return ranked[0][2] if ranked else None if accepted else ""


def _quality(parameters: list[str]) -> float:
    value = next((parameter.removeprefix("q=") for parameter in parameters if parameter.startswith("q=")), "1")
    try:
        return float(value)
    except ValueError:
        return 0.0


def error_response(problem: Problem) -> PdcResponse:
    """The response that reports a problem."""
    if isinstance(problem, PdcError):
        return PdcResponse(problem.body, problem.status)
    response = PdcResponse({"detail": problem.sentence}, status_of(problem))
    if isinstance(problem, Unavailable | RateLimited):
        response.headers["Retry-After"] = str(problem.retry_after)
    if response.status == 401:
        response.headers["WWW-Authenticate"] = "Token"
    if response.status == 400 and not isinstance(problem, BadRequest):
        response.body = to_pdc_error(problem).body
    return response


def common_headers(request: web.Request) -> Mapping[str, str]:
    """The headers of every response. Any origin may read without credentials."""
    if request.method in SAFE_METHODS and "Origin" in request.headers:
        return {**SECURITY_HEADERS, "Access-Control-Allow-Origin": "*"}
    return SECURITY_HEADERS


def all_headers(request: web.Request, route: Route, response: PdcResponse) -> dict[str, str]:
    """The headers of a response, except Content-Type."""
    return {"Allow": ", ".join(route.methods), **common_headers(request), **response.headers}


def write_not_found(request: web.Request) -> web.Response:
    """The response for an unknown path."""
    headers = {**common_headers(request), "Content-Type": JSON_TYPE}
    return web.Response(body=NOT_FOUND.encode(), status=404, headers=headers)


def redirect(request: web.Request, path: str) -> web.Response:
    """A redirect to another path, as callers know it, with the same query."""
    query = request.rel_url.raw_query_string
    location = path + (f"?{query}" if query else "")
    return web.Response(status=301, headers={**common_headers(request), "Location": location})


async def write(request: web.Request, route: Route, response: PdcResponse) -> web.StreamResponse:
    """Write a response as JSON."""
    headers = all_headers(request, route, response)
    if response.empty:
        return web.Response(status=response.status, headers=headers)
    headers["Content-Type"] = JSON_TYPE
    if isinstance(response.body, AsyncIterator):
        return await _stream(request, headers, response.body)
    body = orjson.dumps(response.body)
    encoded = web.Response(body=body, status=response.status, headers=headers, zlib_executor_size=MIN_THREADED_BYTES)
    if "Accept-Encoding" in request.headers and len(body) > MIN_COMPRESSED_BYTES:
        _compress(request, encoded)
    return encoded


def _compress(request: web.Request, response: web.StreamResponse) -> None:
    if accepts_gzip(",".join(request.headers.getall("Accept-Encoding", []))):
        response.headers["Vary"] = "Accept, Accept-Encoding"
        response.enable_compression(web.ContentCoding.gzip)


async def _stream(request: web.Request, headers: dict[str, str], chunks: Chunks) -> web.StreamResponse:
    """Stream a list. After an error the connection is aborted, so that the list does not seem complete."""
    response = web.StreamResponse(headers=headers)
    if request.method == "HEAD":
        return response
    _compress(request, response)
    await response.prepare(request)
    try:
        separator = b"["
        async for chunk in chunks:
            if chunk:
                await response.write(separator + orjson.dumps(chunk)[1:-1])
                separator = b","
        await response.write(b"[]" if separator == b"[" else b"]")
    except ConnectionError:  # the caller has disconnected
        return response
    except Exception:
        log.exception("broken off", method=request.method, path=request.path)
        if request.transport is not None:
            request.transport.abort()
    return response
