"""The request middleware: request ids, the request log, caching headers, compression and CORS."""

import asyncio
import gzip
import hashlib
import re
import time
from collections.abc import Collection, Iterable, Sequence
from uuid import uuid4

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from api.http.negotiation import accepts_gzip
from bot.log import bind_log_context
from bot.metrics import METHODS, UNMATCHED, HttpRequests
from web.security import COMPRESS

MIN_COMPRESSED = 1024  # bytes; shorter bodies are not worth compressing
MAX_INLINE = 64 * 1024  # bytes; longer bodies are compressed in a thread
GZIP_LEVEL = 6
# not any HTML: compressing a page with a secret in it helps an attacker to guess the secret (BREACH)
COMPRESSED_TYPES = ("json", "xml", "javascript", "css")
EXPOSED_HEADERS = "ETag, Idempotency-Replayed, Link, Location, Retry-After, X-Request-ID"
ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Request-ID"
NOT_MODIFIED_HEADERS = ("ETag", "Cache-Control", "Vary", "X-Content-Type-Options", "Link")
PREFLIGHT_SECONDS = 600
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TAG = re.compile(r'(?:W/)?"([^"]*)"')

log = structlog.get_logger()


class RequestMiddleware:
    """The outermost middleware.

    `origins` are the CORS origins that may call the service; `*` allows any. Requests below a path prefix in
    `unwrapped` are passed through; those below one in `own_headers` are logged, but their responses are not changed.
    All are counted, but for those of a route in `count_themselves`.
    """

    def __init__(
        self,
        http: HttpRequests,
        origins: Sequence[str] = (),
        unwrapped: Sequence[str] = (),
        own_headers: Sequence[str] = (),
        count_themselves: Collection[str] = (),
    ) -> None:
        self._http, self._count_themselves = http, count_themselves
        self._origins = frozenset(origin.lower() for origin in origins)
        self._unwrapped, self._own_headers = tuple(unwrapped), tuple(own_headers)

    @web.middleware
    async def request_middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Handle a request under its id, finish the response's headers, and log the request."""
        started = time.monotonic()
        if request.path.startswith(self._unwrapped):
            response = close_unread(request, await handler(request))
            self._count(request, response.status, time.monotonic() - started)
            return response
        request_id = request_id_of(request.headers.get("X-Request-ID", ""))
        structlog.contextvars.clear_contextvars()
        bind_log_context(request=request_id)
        response = close_unread(request, self._preflight(request) or await handler(request))
        if not (response.prepared or request.path.startswith(self._own_headers)):
            response = await self._finish(request, response)
            response.headers["X-Request-ID"] = request_id
        seconds = time.monotonic() - started
        self._count(request, response.status, seconds)
        log.info("call", method=request.method, path=request.path, status=response.status, seconds=round(seconds, 4))
        return response

    def _count(self, request: web.Request, status: int, seconds: float) -> None:
        resource = request.match_info.route.resource
        route = UNMATCHED if resource is None else resource.canonical
        if route not in self._count_themselves:
            method = request.method if request.method in METHODS else "other"
            self._http.record(route, method, status, seconds)

    def _preflight(self, request: web.Request) -> web.Response | None:
        """The response to a CORS preflight request; None for other requests and for origins that are not allowed."""
        unrouted = request.match_info.http_exception
        if (
            request.method != "OPTIONS"
            or "Access-Control-Request-Method" not in request.headers
            or not self._allowed_origin(request)
            or not isinstance(unrouted, web.HTTPMethodNotAllowed)
            or request.path.startswith(self._own_headers)
        ):
            return None
        headers = {
            "Access-Control-Allow-Methods": ", ".join(sorted(unrouted.allowed_methods)),
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }
        return web.Response(status=204, headers=headers)

    def _allowed_origin(self, request: web.Request) -> str | None:
        """The value of Access-Control-Allow-Origin; None if the origin is not allowed."""
        origin = request.headers.get("Origin", "")
        return "*" if "*" in self._origins else origin if origin.lower() in self._origins else None

    async def _finish(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if isinstance(response, web.Response) and isinstance(response.body, bytes | None):
            response.headers.setdefault("Cache-Control", "private, no-cache")  # stored, but revalidated before each use
            add_vary(response, ["Authorization", "Accept-Encoding"])
            response = apply_etag(request, response)
            await _compress(request, response)
        if self._origins:
            add_vary(response, ["Origin"])
        if allowed_origin := self._allowed_origin(request):
            response.headers["Access-Control-Allow-Origin"] = allowed_origin
            response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        return response


def close_unread(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Have the connection closed after the response if the request's body has not been read to its end."""
    if not (request.content.is_eof() or response.prepared):
        response.force_close()
    return response


def request_id_of(header: str) -> str:
    """The caller's request id if it is well-formed, else a new one."""
    return header if _ID.fullmatch(header) else uuid4().hex


def add_vary(response: web.StreamResponse, names: Iterable[str]) -> None:
    """Add header names to the response's Vary header, without duplicates."""
    if "Vary" not in response.headers:
        response.headers["Vary"] = ", ".join(names)
        return
    listed = [name.strip() for name in ",".join(response.headers.getall("Vary", [])).split(",") if name.strip()]
    known = {name.lower() for name in listed}
    response.headers["Vary"] = ", ".join([*listed, *(name for name in names if name.lower() not in known)])


def apply_etag(request: web.Request, response: web.Response) -> web.Response:
    """Set the ETag of a successful GET, or respond 304 if the client already has this representation.

    The tag is weak, since compressed and uncompressed responses share it. It covers the body and the `Link` header.
    """
    if request.method not in ("GET", "HEAD") or response.status != 200 or not isinstance(response.body, bytes):
        return response
    if "ETag" not in response.headers:
        content = response.body + b"\0" + response.headers.get("Link", "").encode()
        response.headers["ETag"] = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
    if_none_match = ",".join(request.headers.getall("If-None-Match", []))
    if not if_none_match or not etag_matches(response.headers["ETag"], if_none_match):
        return response
    headers = {name: response.headers[name] for name in NOT_MODIFIED_HEADERS if name in response.headers}
    return web.Response(status=304, headers=headers)


def etag_matches(tag: str, if_none_match: str) -> bool:
    """Whether If-None-Match lists the tag, by weak comparison (RFC 9110, 8.8.3.2)."""
    return if_none_match.strip() == "*" or tag.removeprefix("W/").strip('"') in _TAG.findall(if_none_match)


async def _compress(request: web.Request, response: web.Response) -> None:
    body = response.body
    if (
        "Accept-Encoding" not in request.headers
        or not isinstance(body, bytes)
        or len(body) < MIN_COMPRESSED
        or not (response.get(COMPRESS) or response.content_type.endswith(COMPRESSED_TYPES))
        or "Content-Encoding" in response.headers
        or not accepts_gzip(",".join(request.headers.getall("Accept-Encoding", [])))
    ):
        return
    if len(body) < MAX_INLINE:
        response.body = gzip.compress(body, GZIP_LEVEL, mtime=0)
    else:
        response.body = await asyncio.to_thread(gzip.compress, body, GZIP_LEVEL, mtime=0)
    response.headers["Content-Encoding"] = "gzip"
