"""How answers are written: as JSON, as a page for people, or, where there is no end to them, piece by piece."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
import structlog
from aiohttp import web

from api.http.bodies import BadRequest
from api.http.errors import status_of
from api.http.negotiation import accepts_gzip
from api.pdc import html
from api.pdc.crud.actions import said
from api.pdc.crud.query_params import plain
from api.pdc.crud.resource import Invalid, Resource
from api.pdc.request_bodies import JSON_TYPE
from api.pdc.resources.vocabularies import Words
from api.pdc.routes import BASE, SAFE, Place
from bot.errors import Problem, RateLimited, Unavailable

HTML_TYPE = "text/html"
NOWHERE = '{"detail": "Not found"}'
FAULT = "The server encountered an internal error or misconfiguration and was unable to complete your request."
SMALL = 1024  # bytes that are not worth compressing
LONG = 64 * 1024  # bytes that are compressed beside the event loop
ANY_JSON = ("", JSON_TYPE, "application/*")
ANY_HTML = (HTML_TYPE, "text/*")
USUAL = {"Vary": "Accept", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN"}

log = structlog.get_logger()


@dataclass
class Answer:
    """What is answered: a value, a list in pieces, or nothing at all, with headers besides the usual."""

    value: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    empty: bool = False


def wanted(request: web.Request) -> str | None:
    """What kind of answer is wanted most of those there are, as the caller says it; empty where nothing is said."""
    return _wanted(",".join(request.headers.getall("Accept", [])))


@lru_cache(maxsize=256)
def _wanted(accept: str) -> str | None:
    kinds = []
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if kind:
            kinds.append((kind, _weight(parameters)))
    known = (*ANY_JSON, *ANY_HTML, "*/*")
    best = sorted((-weight, place, kind) for place, (kind, weight) in enumerate(kinds) if weight > 0 and kind in known)
    return best[0][2] if best else None if kinds else ""


def _weight(parameters: list[str]) -> float:
    said = next((each.removeprefix("q=") for each in parameters if each.startswith("q=")), "1")
    try:
        return float(said)
    except ValueError:
        return 0.0


def refused(problem: Problem) -> Answer:
    """A refusal as these dialects say it."""
    if isinstance(problem, Invalid):
        return Answer(problem.said, problem.status)
    answer = Answer({"detail": problem.sentence}, status_of(problem))
    if isinstance(problem, Unavailable | RateLimited):
        answer.headers["Retry-After"] = str(problem.retry_after)
    if answer.status == 401:
        answer.headers["WWW-Authenticate"] = "Token"
    if answer.status == 400 and not isinstance(problem, BadRequest):
        answer.value = said(problem).said
    return answer


def usual(request: web.Request) -> dict[str, str]:
    """The headers of every answer. Pages of any origin may read what anybody may."""
    anywhere = {"Access-Control-Allow-Origin": "*"} if request.method in SAFE and "Origin" in request.headers else {}
    return {**USUAL, **anywhere}


def nowhere(request: web.Request) -> web.Response:
    """The answer where no path leads: a page, but for those who ask for JSON."""
    if wanted(request) not in ANY_JSON:
        return web.Response(
            text=html.nowhere(), status=404, content_type=HTML_TYPE, headers={**usual(request), **html.HEADERS}
        )
    return web.Response(body=NOWHERE.encode(), status=404, headers={**usual(request), "Content-Type": JSON_TYPE})


async def write(request: web.Request, place: Place, answer: Answer, base: str, *, html: bool) -> web.StreamResponse:
    """Write an answer. `base` is what the addresses in it begin with."""
    headers = {"Allow": ", ".join(place.allow), **usual(request), **answer.headers}
    if answer.empty:
        return web.Response(status=answer.status, headers=headers)
    if isinstance(answer.value, AsyncIterator):
        return await _stream(request, headers, answer.value)
    if html:
        return _page(request, place, answer, base, headers)
    response = web.Response(
        body=orjson.dumps(answer.value),
        status=answer.status,
        headers={**headers, "Content-Type": JSON_TYPE},
        zlib_executor_size=LONG,
    )
    if "Accept-Encoding" in request.headers and isinstance(response.body, bytes) and len(response.body) > SMALL:
        _compress(request, response)
    return response


def _page(request: web.Request, place: Place, answer: Answer, base: str, headers: dict[str, str]) -> web.Response:
    of = place.of if isinstance(place.of, Resource | Words) else None
    path, query = plain(request.rel_url.raw_path), plain(request.rel_url.raw_query_string)
    text = html.render(
        f"{request.method} {plain(request.path_qs)}",
        answer.status,
        {"Allow": headers["Allow"], "Content-Type": JSON_TYPE, "Vary": headers["Vary"], **answer.headers},
        answer.value,
        of,
        base,
        item=place.key is not None,
        as_json=base + path.removeprefix(BASE)[:-1] + ".json" + f"?{query}" * bool(query) if of else "",
    )
    return web.Response(
        text=text, status=answer.status, headers={**headers, **html.HEADERS}, content_type=HTML_TYPE, charset="utf-8"
    )


def _compress(request: web.Request, response: web.StreamResponse) -> None:
    if accepts_gzip(",".join(request.headers.getall("Accept-Encoding", []))):
        response.headers["Vary"] = "Accept, Accept-Encoding"
        response.enable_compression(web.ContentCoding.gzip)


async def _stream(
    request: web.Request, headers: dict[str, str], pieces: AsyncIterator[list[Any]]
) -> web.StreamResponse:
    """A list of unknown length. Where it breaks off the connection does too, so that nobody takes it for whole."""
    response = web.StreamResponse(headers={**headers, "Content-Type": JSON_TYPE})
    if request.method == "HEAD":
        return response
    _compress(request, response)
    await response.prepare(request)
    try:
        opening = b"["
        async for piece in pieces:
            if piece:
                await response.write(opening + orjson.dumps(piece)[1:-1])
                opening = b","
        await response.write(b"[]" if opening == b"[" else b"]")
    except ConnectionError:  # nobody reads on
        return response
    except Exception:
        log.exception("broken off", method=request.method, path=request.path)
        if request.transport is not None:
            request.transport.abort()
    return response
