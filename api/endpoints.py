"""The mechanism of every dialect: an endpoint is declared, its call is authenticated, read, performed and answered."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog
from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

from api.access import caller
from bot.context import Context
from bot.errors import Conflict, Forbidden, NotFound, Problem, Refusal, Unauthenticated, Unavailable
from bot.log import about

LARGEST = 1024 * 1024
LONGEST_NAME = 255
JSON = "application/json"

log = structlog.get_logger()


class Unreadable(Refusal):
    """What was sent is not what the call takes. `status` is 400, 413 or 415; `field` is where, if it can be said."""

    def __init__(self, sentence: str, status: int = 400, field: str | None = None, **details: Any) -> None:
        super().__init__(sentence, field=field, **details)
        self.status, self.field = status, field


@dataclass(frozen=True)
class Call:
    """One call as an endpoint's function sees it: path values by name, body and query in their shapes."""

    path: Mapping[str, str]
    query: Any
    body: Any
    url: str

    def number(self, name: str) -> int:
        """A path value that is a row's number; 0, which no row has, for one that cannot be."""
        text = self.path[name]
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else 0


@dataclass(frozen=True)
class Given:
    """An answer that is not the endpoint's usual one."""

    value: Any
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Endpoint:
    """One call of a dialect: what it takes, what performs it, and the shape and status of what it gives."""

    method: str
    path: str
    perform: Callable[[Context, Call], Awaitable[Any]]
    gives: Any
    status: int = 200
    takes: type[BaseModel] | None = None
    query: type[BaseModel] | None = None


@dataclass(frozen=True)
class Dialect:
    """How one API says things: its name, its endpoints, the challenge it answers strangers with, and its refusals.

    `refuses` puts a problem with its HTTP status into the dialect's JSON.
    """

    name: str
    endpoints: Sequence[Endpoint]
    challenge: str
    refuses: Callable[[Problem, int], Any]
    error_type: str = JSON


def status_of(problem: Problem) -> int:
    """The HTTP status of a problem, the same in every dialect but where one says otherwise."""
    if isinstance(problem, Unreadable):
        return problem.status
    kinds: tuple[tuple[type[Problem], int], ...] = (
        (Unauthenticated, 401),
        (Forbidden, 403),
        (NotFound, 404),
        (Conflict, 409),
        (Refusal, 400),
        (Unavailable, 503),
    )
    return next((status for kind, status in kinds if isinstance(problem, kind)), 500)


def add(app: web.Application, dialect: Dialect, context: Callable[[], Context], base_url: str = "") -> None:
    """Serve a dialect. A slash at the end of a path is no matter. `base_url` is what links begin with, if set."""
    for endpoint in dialect.endpoints:
        handler = _handler(dialect, endpoint, context, base_url)
        pattern = re.sub(r"\{(\w+)\}", r"{\1:[^/]+}", endpoint.path)  # aiohttp's own leaves braces out
        for path in (pattern, f"{pattern}/"):
            app.router.add_route(endpoint.method, path, handler)


def _handler(
    dialect: Dialect, endpoint: Endpoint, context: Callable[[], Context], base_url: str
) -> Callable[[web.Request], Awaitable[web.Response]]:
    shape: TypeAdapter[Any] = TypeAdapter(endpoint.gives)

    async def answer(request: web.Request) -> web.Response:
        actor = await caller(request)
        about(actor=actor.name)
        url = base_url + str(request.rel_url) if base_url else str(request.url)
        call = await _read(request, endpoint, url)
        given = await endpoint.perform(context().acting_as(actor, "rest"), call)
        if not isinstance(given, Given):
            given = Given(given, endpoint.status)
        body = shape.dump_json(shape.validate_python(given.value), by_alias=True)
        return web.Response(body=body, status=given.status, headers=given.headers, content_type=JSON)

    async def handle(request: web.Request) -> web.Response:
        begun = time.monotonic()
        structlog.contextvars.clear_contextvars()
        try:
            response = await answer(request)
        except Problem as problem:
            response = refused(dialect, problem)
            about(refusal=problem.sentence)
        seconds = round(time.monotonic() - begun, 4)
        log.info("call", method=request.method, path=request.path, status=response.status, seconds=seconds)
        return response

    return handle


def refused(dialect: Dialect, problem: Problem) -> web.Response:
    """A problem as a dialect answers it."""
    status, headers = status_of(problem), {}
    if status == 401:
        headers["WWW-Authenticate"] = dialect.challenge
    if isinstance(problem, Unavailable):
        headers["Retry-After"] = str(problem.retry_after)
        log.warning("unavailable", sentence=problem.sentence, details=dict(problem.details))
    body = orjson.dumps(dialect.refuses(problem, status), default=str)
    return web.Response(body=body, status=status, headers=headers, content_type=dialect.error_type)


async def _read(request: web.Request, endpoint: Endpoint, url: str) -> Call:
    path = {name: _storable(text) for name, text in request.match_info.items()}
    query = _shaped(endpoint.query, dict(request.query), strict=False) if endpoint.query else None
    body = _shaped(endpoint.takes, await _json(request), strict=True) if endpoint.takes else None
    return Call(path, query, body, url)


async def _json(request: web.Request) -> Any:
    if (request.content_length or 0) > LARGEST:
        raise Unreadable(f"The body has at most {LARGEST:,} bytes.", status=413)
    try:
        raw = await request.content.read(LARGEST + 1)
        while not request.content.at_eof() and len(raw) <= LARGEST:
            raw += await request.content.read(LARGEST + 1)
    except web.RequestPayloadError as error:
        raise Unreadable("The body cannot be read: it is not encoded as its headers say.") from error
    if len(raw) > LARGEST:
        raise Unreadable(f"The body has at most {LARGEST:,} bytes.", status=413)
    if not raw.strip():
        return {}
    if request.content_type != JSON:
        raise Unreadable(f"Content-Type must be {JSON}.", status=415)
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"The body must be JSON: {error}.") from error
    if not isinstance(body, dict):
        raise Unreadable("The body must be a JSON object.")
    _refuse_nul(body)
    return body


def _shaped(model: type[BaseModel] | None, values: Any, *, strict: bool) -> Any:
    assert model is not None  # noqa: S101 - both callers have looked
    try:
        return model.model_validate(values, strict=strict)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = ".".join(map(str, problem["loc"]))
        raise Unreadable(_sentence(name, problem), field=name) from error


def _sentence(name: str, problem: Any) -> str:
    if problem["type"] == "missing":
        return f"`{name}` is required."
    if problem["type"] == "extra_forbidden":
        return f"`{name}` is not a field of this call."
    return f"`{name}`: {problem['msg'][0].lower()}{problem['msg'][1:]}."


def _storable(text: str) -> str:
    """A path value as the database can be asked for it: for one that it cannot keep, one that nobody has."""
    return text if "\0" not in text and len(text) <= LONGEST_NAME else "\x01"


def _refuse_nul(value: Any) -> None:
    """No text that we keep holds the zero character: PostgreSQL's cannot."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, str) and "\0" in each:
            raise Unreadable("The body must not contain the character U+0000.")
        pending += each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
        if isinstance(each, dict):
            pending += each.keys()
