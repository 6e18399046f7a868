"""The mechanism of every dialect: an endpoint is declared, its call is authenticated, read, performed and answered."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import structlog
from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

from api.http.authentication import Authenticator
from api.http.bodies import JSON, BadRequest, Form, address_of, read_object
from api.http.idempotency import idempotent
from bot.context import MISSING, Context
from bot.errors import (
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    NotFound,
    Problem,
    RateLimited,
    Refusal,
    RequestInProgress,
    Unauthenticated,
    Unavailable,
)
from bot.log import bind_log_context

LONGEST_NAME = 255
MOST_TOLD = 20  # faults of one request
LONGEST_TOLD = 100  # characters of a name that the caller has made up

log = structlog.get_logger()


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
class Result:
    """An answer that is not the endpoint's usual one."""

    value: Any
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Endpoint:
    """One call of a dialect: what it takes, what performs it, and the shape and status of what it gives.

    `stranger` is the grant by which it may be called without credentials, where strangers have it; `form` is how
    bodies and answers are written; an answer that holds a `secret` is kept nowhere. A POST that only `reads` is
    answered anew each time. `also` are its further statuses when all is well. What it gives is `plain` when it is JSON
    in its shape already: it is written as it is, since fitting the rows of a list takes longer than reading them.
    """

    method: str
    path: str
    perform: Callable[[Context, Call], Awaitable[Any]]
    response_model: Any
    status: int = 200
    request_model: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    anonymous_grant: str | None = None
    form: Form = JSON
    secret: bool = False
    reads: bool = False
    other_statuses: Sequence[int] = ()
    preserialized: bool = False


@dataclass(frozen=True)
class Dialect:
    """How one API says things: its name, its endpoints, the challenge it answers strangers with, and its refusals.

    `refuses` puts a problem with its HTTP status into the dialect's words; `code` finds credentials in the query or
    the body where the dialect takes them there; `status` is for those that have statuses of their own. It also answers
    for unknown paths below its `roots`. `error` is the shape of its refusals and `security` how credentials may be
    given, both for the description of the API.
    """

    name: str
    endpoints: Sequence[Endpoint]
    challenge: str
    refuses: Callable[[Problem, int], Any]
    error_type: str = ""
    code: Callable[[web.Request, Any], str | None] | None = None
    status: Callable[[Problem], int] | None = None
    roots: Sequence[str] = ()
    error: Any = dict[str, Any]
    security: Sequence[str] = ("bearer", "token")


@dataclass(frozen=True)
class Serving:
    """What every dialect is served with. `base_url` is what links begin with, if set."""

    context: Callable[[], Context]
    access: Authenticator
    base_url: str = ""

    def url_of(self, request: web.Request) -> str:
        """The address of a request as callers know it."""
        return self.base_url + str(request.rel_url) if self.base_url else address_of(request)


def status_of(problem: Problem) -> int:
    """The HTTP status of a problem, the same in every dialect but where one says otherwise."""
    if isinstance(problem, BadRequest):
        return problem.status
    kinds: tuple[tuple[type[Problem], int], ...] = (
        (RateLimited, 429),
        (Unauthenticated, 401),
        (Forbidden, 403),
        (NotFound, 404),
        (Conflict, 409),
        (IdempotencyKeyReused, 422),
        (Refusal, 400),
        (Unavailable, 503),
    )
    return next((status for kind, status in kinds if isinstance(problem, kind)), 500)


def add(app: web.Application, dialect: Dialect, serving: Serving) -> None:
    """Serve a dialect. A slash at the end of a path is no matter, but that a GET is led to the path as declared."""
    for endpoint in dialect.endpoints:
        handler = _handler(dialect, endpoint, serving)
        pattern = re.sub(r"\{(\w+)\}", r"{\1:[^/]+}", endpoint.path)  # aiohttp's own leaves braces out
        methods = ("GET", "HEAD") if endpoint.method == "GET" else (endpoint.method,)
        slash = pattern.endswith("/")
        other = pattern[:-1] if slash else f"{pattern}/"
        for path, answer in ((pattern, handler), (other, _slashed if slash and "GET" in methods else handler)):
            for method in methods:
                app.router.add_route(method, path, answer)


async def _slashed(request: web.Request) -> web.Response:
    url = request.rel_url
    return web.Response(
        status=301, headers={"Location": f"{url.raw_path}/" + f"?{url.raw_query_string}" * bool(url.raw_query_string)}
    )


def _handler(
    dialect: Dialect, endpoint: Endpoint, serving: Serving
) -> Callable[[web.Request], Awaitable[web.Response]]:
    dump = _dump(endpoint)

    async def perform(request: web.Request, context: Context, body: Any) -> web.Response:
        call = _call(request, dialect, endpoint, body, serving.url_of(request))
        given = await endpoint.perform(context, call)
        if not isinstance(given, Result):
            given = Result(given, endpoint.status)
        if given.status == 204:
            return web.Response(status=204, headers=given.headers)
        said = dump(given.value)
        return web.Response(body=said, status=given.status, headers=given.headers, content_type=endpoint.form.types[0])

    async def answer(request: web.Request) -> web.Response:
        body, unreadable = await _body(request, dialect, endpoint)
        actor = await serving.access.authenticate(request, dialect.code(request, body) if dialect.code else None)
        bind_log_context(actor=actor.name)
        unknown = actor.is_anonymous and endpoint.anonymous_grant not in actor.public
        if unreadable is not None and (dialect.code or not unknown):  # credentials may be in what cannot be read
            raise unreadable
        if unknown:
            raise Unauthenticated(MISSING)
        context = serving.context().acting_as(actor, "rest")
        told = _telling(dialect, endpoint, lambda: perform(request, context, body))
        if endpoint.method != "POST" or endpoint.reads:
            return await told()
        return await idempotent(request, context, told, secret=endpoint.secret)

    async def handle(request: web.Request) -> web.Response:
        return await _telling(dialect, endpoint, lambda: answer(request))()

    return handle


def _dump(endpoint: Endpoint) -> Callable[[Any], bytes]:
    """What writes an endpoint's answers down."""
    form = endpoint.form
    if endpoint.preserialized:
        return form.dumps
    shape = _shape(endpoint.response_model)
    if form is JSON:
        return lambda value: shape.dump_json(shape.validate_python(value), by_alias=True)
    return lambda value: form.dumps(shape.dump_python(shape.validate_python(value), mode="json", by_alias=True))


@cache
def _shape(gives: Any) -> TypeAdapter[Any]:
    return TypeAdapter(gives)


Answering = Callable[[], Awaitable[web.Response]]


def _telling(dialect: Dialect, endpoint: Endpoint, answer: Answering) -> Answering:
    """The same, but that a refusal is an answer too."""

    async def told() -> web.Response:
        try:
            return await answer()
        except Problem as problem:
            bind_log_context(refusal=problem.sentence)
            return refused(dialect, problem, endpoint.form)

    return told


def refused(dialect: Dialect, problem: Problem, form: Form = JSON, status: int = 0) -> web.Response:
    """A problem as a dialect answers it, with its usual status unless another is given."""
    status, headers = status or (dialect.status or status_of)(problem), {}
    if status == 401:
        headers["WWW-Authenticate"] = dialect.challenge
    if isinstance(problem, Unavailable | RateLimited | RequestInProgress):
        headers["Retry-After"] = str(problem.retry_after)
    if isinstance(problem, Unavailable):
        log.warning("unavailable", sentence=problem.sentence, details=dict(problem.details))
    body = form.dumps(dialect.refuses(problem, status))
    return web.Response(body=body, status=status, headers=headers, content_type=dialect.error_type or form.types[0])


async def _body(request: web.Request, dialect: Dialect, endpoint: Endpoint) -> tuple[Any, BadRequest | None]:
    """What was sent, or what is wrong with it, which is told once it is known who asks."""
    if not (endpoint.request_model or dialect.code):
        return {}, None
    try:
        return await read_object(request, endpoint.form), None
    except BadRequest as wrong:
        return {}, wrong


def _call(request: web.Request, dialect: Dialect, endpoint: Endpoint, body: Any, url: str) -> Call:
    path = {name: _storable(text) for name, text in request.match_info.items()}
    query = _query(endpoint.query, request, ("auth_code",) if dialect.code else ())
    return Call(
        path,
        query,
        shaped(endpoint.request_model, body, strict=endpoint.form.strict) if endpoint.request_model else None,
        url,
    )


def _query(model: type[BaseModel] | None, request: web.Request, also: Sequence[str]) -> Any:
    """What the address asks with; refused where the call does not take it, or where it is said more than once."""
    takes = [*(model.model_fields if model else ()), *also]
    for name in request.query:
        if name not in takes or len(request.query.getall(name)) > 1:
            named = " and ".join(f"`{each}`" for each in takes) or "none"
            why = "given more than once" if name in takes else f"no parameter of this call, which takes {named}"
            sentence = f"`{name[:LONGEST_TOLD]}` is {why}."
            raise BadRequest(sentence, fields={name[:LONGEST_TOLD]: [sentence]}, in_query=True)
    return shaped(model, dict(request.query), strict=False, in_query=True) if model else None


def shaped(model: type[BaseModel], values: Any, *, strict: bool, in_query: bool = False) -> Any:
    """Values in a shape; refused with a sentence for each field that does not fit, of the first that do not."""
    try:
        return model.model_validate(values, strict=strict)
    except ValidationError as error:
        fields: dict[str, list[str]] = {}
        for problem in error.errors(include_url=False)[:MOST_TOLD]:
            name = ".".join(map(str, problem["loc"]))[:LONGEST_TOLD]
            fields.setdefault(name, []).append(_sentence(name, problem))
        raise BadRequest(next(iter(fields.values()))[0], fields=fields, in_query=in_query) from error


def _sentence(name: str, problem: Any) -> str:
    if problem["type"] == "missing":
        return f"`{name}` is required."
    if problem["type"] == "extra_forbidden":
        return f"`{name}` is not a field of this call."
    if problem["type"] == "sentence":  # worded by a rule
        return str(problem["msg"])
    return f"`{name}`: {problem['msg'][0].lower()}{problem['msg'][1:]}."


def _storable(text: str) -> str:
    """A path value as the database can be asked for it: for one that it cannot keep, one that nobody has."""
    return text if "\0" not in text and len(text) <= LONGEST_NAME else "\x01"
