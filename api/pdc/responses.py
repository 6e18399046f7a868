"""Responses: JSON, an HTML page that shows it, or a stream of JSON for lists without pages."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import lru_cache

import orjson
import structlog
from aiohttp import web

from api.http.bodies import BadRequest
from api.http.endpoints import status_of
from api.http.negotiation import accepts_gzip
from api.pdc import html
from api.pdc.crud.actions import to_pdc_error
from api.pdc.crud.query_params import replace_surrogates
from api.pdc.crud.resource import Item, PdcError, Resource
from api.pdc.request_bodies import JSON_TYPE
from api.pdc.resources.vocabularies import Vocabulary
from api.pdc.routes import BASE, SAFE_METHODS, Route
from bot.errors import Problem, TooMany, Unavailable

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
    """A response before it is encoded: a JSON value, a list in chunks, or nothing if `empty`; and further headers."""

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    empty: bool = False


def preferred_type(request: web.Request) -> str | None:
    """The media type that the caller prefers among those we offer, as sent; "" without Accept, None if none fits."""
    return _preferred_type(",".join(request.headers.getall("Accept", [])))


@lru_cache(maxsize=256)
def _preferred_type(accept: str) -> str | None:
    accepted = []
    for part in accept.split(","):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if media_type:
            accepted.append((media_type, _quality(parameters)))
    offered = (*JSON_TYPES, *HTML_TYPES, "*/*")
    ranked = sorted(
        (-quality, index, media_type)
        for index, (media_type, quality) in enumerate(accepted)
        if quality > 0 and media_type in offered
    )
    return ranked[0][2] if ranked else None if accepted else ""


def _quality(parameters: list[str]) -> float:
    value = next((each.removeprefix("q=") for each in parameters if each.startswith("q=")), "1")
    try:
        return float(value)
    except ValueError:
        return 0.0


def error_response(problem: Problem) -> PdcResponse:
    """The response that reports a refusal."""
    if isinstance(problem, PdcError):
        return PdcResponse(problem.body, problem.status)
    response = PdcResponse({"detail": problem.sentence}, status_of(problem))
    if isinstance(problem, Unavailable | TooMany):
        response.headers["Retry-After"] = str(problem.retry_after)
    if response.status == 401:
        response.headers["WWW-Authenticate"] = "Token"
    if response.status == 400 and not isinstance(problem, BadRequest):
        response.body = to_pdc_error(problem).body
    return response


def common_headers(request: web.Request) -> dict[str, str]:
    """The headers of every response. Pages of any origin may read without credentials."""
    cors = (
        {"Access-Control-Allow-Origin": "*"} if request.method in SAFE_METHODS and "Origin" in request.headers else {}
    )
    return {**SECURITY_HEADERS, **cors}


def not_found(request: web.Request) -> web.Response:
    """The response where no path leads: an HTML page unless the caller prefers JSON."""
    headers = common_headers(request)
    if preferred_type(request) not in JSON_TYPES:
        headers |= html.HEADERS
        return web.Response(text=html.render_not_found(), status=404, content_type=HTML_TYPE, headers=headers)
    return web.Response(body=NOT_FOUND.encode(), status=404, headers={**headers, "Content-Type": JSON_TYPE})


def redirect(request: web.Request, path: str) -> web.Response:
    """A redirect to another path with the same query."""
    query = request.rel_url.raw_query_string
    location = path + (f"?{query}" if query else "")
    return web.Response(status=301, headers={**common_headers(request), "Location": location})


async def write(
    request: web.Request, route: Route, response: PdcResponse, base_url: str, *, as_html: bool
) -> web.StreamResponse:
    """Encode a response; `base_url` is what the links in it begin with."""
    headers = {"Allow": ", ".join(route.methods), **common_headers(request), **response.headers}
    if response.empty:
        return web.Response(status=response.status, headers=headers)
    if isinstance(response.body, AsyncIterator):
        return await _stream(request, headers, response.body)
    if as_html:
        page = html.render(_exchange(request, route, response, base_url))
        headers |= html.HEADERS
        return web.Response(text=page, status=response.status, headers=headers, content_type=HTML_TYPE, charset="utf-8")
    body = orjson.dumps(response.body)
    headers["Content-Type"] = JSON_TYPE
    encoded = web.Response(body=body, status=response.status, headers=headers, zlib_executor_size=MIN_THREADED_BYTES)
    if "Accept-Encoding" in request.headers and len(body) > MIN_COMPRESSED_BYTES:
        _compress(request, encoded)
    return encoded


def _exchange(request: web.Request, route: Route, response: PdcResponse, base_url: str) -> html.Exchange:
    target = route.target if isinstance(route.target, Resource | Vocabulary) else None
    path = replace_surrogates(request.rel_url.raw_path)
    query = replace_surrogates(request.rel_url.raw_query_string)
    headers = {"Allow": ", ".join(route.methods), "Content-Type": JSON_TYPE, "Vary": SECURITY_HEADERS["Vary"]}
    return html.Exchange(
        request_line=f"{request.method} {replace_surrogates(request.path_qs)}",
        status=response.status,
        headers={**headers, **response.headers},
        body=response.body,
        target=target,
        is_item=route.key is not None,
        base_url=base_url,
        json_url=base_url + path.removeprefix(BASE)[:-1] + ".json" + f"?{query}" * bool(query) if target else "",
    )


def _compress(request: web.Request, response: web.StreamResponse) -> None:
    if accepts_gzip(",".join(request.headers.getall("Accept-Encoding", []))):
        response.headers["Vary"] = "Accept, Accept-Encoding"
        response.enable_compression(web.ContentCoding.gzip)


async def _stream(
    request: web.Request, headers: dict[str, str], chunks: AsyncIterator[list[Item]]
) -> web.StreamResponse:
    """Send a list of unknown length. An error closes the connection, so that the list does not seem complete."""
    response = web.StreamResponse(headers={**headers, "Content-Type": JSON_TYPE})
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
    except ConnectionError:  # the caller has gone
        return response
    except Exception:
        log.exception("broken off", method=request.method, path=request.path)
        if request.transport is not None:
            request.transport.abort()
    return response
