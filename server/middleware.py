"""The manners of HTTP, the same for every dialect but `/rest_api`, which has its own: ids, caching, compression, CORS.

Every request that is not a machine's asking how we are ends in one log line here.
"""

import asyncio
import gzip
import hashlib
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

import structlog
from aiohttp import web

from api.http.negotiation import accepts_gzip
from bot.log import bind_log_context

MACHINES = ("/webhooks/", "/metrics", "/healthz", "/readyz")
OWN_MANNERS = "/rest_api/"
SMALL = 1024  # bytes that are not worth compressing
LONG = 64 * 1024  # bytes that are compressed beside the event loop
LEVEL = 6
# not pages: beside a secret of theirs, compression tells an attacker what he guessed right
COMPRESSED = ("json", "xml", "javascript", "css")
SHOWN = "ETag, Idempotency-Replayed, Link, Location, Retry-After, X-Request-ID"
TAKEN = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Request-ID"
PREFLIGHT_SECONDS = 600
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TAG = re.compile(r'(?:W/)?"([^"]*)"')

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpMiddleware:
    """What surrounds every call. `origins` are those whose pages may call us; `*` among them is any."""

    def __init__(self, origins: Sequence[str] = ()) -> None:
        self._origins = frozenset(origin.lower() for origin in origins)

    @web.middleware
    async def request_middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request with manners, and write its line into the log."""
        if request.path.startswith(MACHINES):
            return await handler(request)
        begun, request_id = time.monotonic(), request_id_of(request.headers.get("X-Request-ID", ""))
        structlog.contextvars.clear_contextvars()
        bind_log_context(request=request_id)
        response = self._preflight(request) or await handler(request)
        if not (response.prepared or request.path.startswith(OWN_MANNERS)):
            response = await self._polished(request, response)
            response.headers["X-Request-ID"] = request_id
        seconds = round(time.monotonic() - begun, 4)
        log.info("call", method=request.method, path=request.path, status=response.status, seconds=seconds)
        return response

    def _preflight(self, request: web.Request) -> web.Response | None:
        """The answer to a browser that asks whether a page of another origin may call us."""
        wrong = request.match_info.http_exception
        if (
            request.method != "OPTIONS"
            or "Access-Control-Request-Method" not in request.headers
            or not self._allowed_origin(request)
            or not isinstance(wrong, web.HTTPMethodNotAllowed)
            or request.path.startswith(OWN_MANNERS)
        ):
            return None
        headers = {
            "Access-Control-Allow-Methods": ", ".join(sorted(wrong.allowed_methods)),
            "Access-Control-Allow-Headers": TAKEN,
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }
        return web.Response(status=204, headers=headers)

    def _allowed_origin(self, request: web.Request) -> str | None:
        """What Access-Control-Allow-Origin says, if anything."""
        origin = request.headers.get("Origin", "")
        return "*" if "*" in self._origins else origin if origin.lower() in self._origins else None

    async def _polished(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if isinstance(response, web.Response) and isinstance(response.body, bytes | None):
            response.headers.setdefault("Cache-Control", "private, no-cache")  # kept, and asked about every time
            vary(response, ["Authorization", "Accept-Encoding"])
            response = tagged(request, response)
            await _compress(request, response)
        if self._origins:
            vary(response, ["Origin"])
        if allowed := self._allowed_origin(request):
            response.headers["Access-Control-Allow-Origin"] = allowed
            response.headers["Access-Control-Expose-Headers"] = SHOWN
        return response


def request_id_of(given: str) -> str:
    """The caller's id of a request where it is well-formed, else a new one."""
    return given if _ID.fullmatch(given) else f"{random.getrandbits(128):032x}"


def vary(response: web.StreamResponse, names: Iterable[str]) -> None:
    """Say which headers of the request the answer depends on, beside those that are said already."""
    if "Vary" not in response.headers:
        response.headers["Vary"] = ", ".join(names)
        return
    said = [name.strip() for name in ",".join(response.headers.getall("Vary", [])).split(",") if name.strip()]
    known = {name.lower() for name in said}
    response.headers["Vary"] = ", ".join([*said, *(name for name in names if name.lower() not in known)])


def tagged(request: web.Request, response: web.Response) -> web.Response:
    """A whole answer with the tag of what it says; 304 without a body where the caller has that already.

    The tag is weak: compressed or not, it is the same. The links to other pages are a part of what is said.
    """
    if request.method not in ("GET", "HEAD") or response.status != 200 or not isinstance(response.body, bytes):
        return response
    if "ETag" not in response.headers:
        said = response.body + b"\0" + response.headers.get("Link", "").encode()
        response.headers["ETag"] = f'W/"{hashlib.sha256(said).hexdigest()[:32]}"'
    known = request.headers.getall("If-None-Match", [])
    if not known or not is_known(response.headers["ETag"], ",".join(known)):
        return response
    kept = ("ETag", "Cache-Control", "Vary", "X-Content-Type-Options", "Link")
    return web.Response(status=304, headers={name: response.headers[name] for name in kept if name in response.headers})


def is_known(tag: str, if_none_match: str) -> bool:
    """Whether a caller has what a tag stands for: weak comparison (RFC 9110, 8.8.3.2)."""
    return if_none_match.strip() == "*" or tag.removeprefix("W/").strip('"') in _TAG.findall(if_none_match)


async def _compress(request: web.Request, response: web.Response) -> None:
    body = response.body
    if (
        "Accept-Encoding" not in request.headers
        or not isinstance(body, bytes)
        or len(body) < SMALL
        or not response.content_type.endswith(COMPRESSED)
        or "Content-Encoding" in response.headers
        or not accepts_gzip(",".join(request.headers.getall("Accept-Encoding", [])))
    ):
        return
    if len(body) < LONG:
        response.body = gzip.compress(body, LEVEL, mtime=0)
    else:
        response.body = await asyncio.to_thread(gzip.compress, body, LEVEL, mtime=0)
    response.headers["Content-Encoding"] = "gzip"
