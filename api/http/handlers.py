"""Endpoints as aiohttp routes: each request is read, authenticated, performed and answered."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from api.http.bodies import JSON, JsonObject, codec_of, read_object
from api.http.endpoints import AnyEndpoint, ApiRuntime, Call, Dialect, Result
from api.http.errors import error_response
from api.http.idempotency import idempotent
from api.http.validation import path_values, validate, validate_query
from bot.context import NO_CREDENTIALS, Actor, Context
from bot.errors import Problem, Unauthenticated
from bot.log import bind_log_context

RUNTIME = web.AppKey("runtime", ApiRuntime)


class EndpointHandler:
    """Handles the requests of one endpoint, in any application."""

    def __init__(self, dialect: Dialect, endpoint: AnyEndpoint) -> None:
        self._dialect, self._endpoint, self._dump = dialect, endpoint, _serializer(endpoint)

    async def handle(self, request: web.Request) -> web.Response:
        """Respond to a request. Only here do refusals become the dialect's error responses."""
        async with idempotent(request, self._endpoint) as exchange:
            try:
                context, body = await self._admit(request)
                await exchange.begin(context)
                if exchange.response is None:
                    exchange.response = await self._perform(request, context, body)
            except Problem as problem:
                bind_log_context(refusal=problem.sentence)
                exchange.response = error_response(self._dialect, problem, self._endpoint.codec)
        return exchange.response

    async def redirect_to_slash(self, request: web.Request) -> web.Response:
        """Redirect a GET that lacks the slash at the end of the endpoint's path."""
        url = request.rel_url
        query = f"?{url.raw_query_string}" if url.raw_query_string else ""
        return web.Response(status=301, headers={"Location": request.app[RUNTIME].link_to(f"{url.raw_path}/{query}")})

    async def _admit(self, request: web.Request) -> tuple[Context, JsonObject]:
        """The context of the caller, and the body, which is read before the caller is known only if it has to be."""
        find_credentials, runtime, body = self._dialect.find_credentials, request.app[RUNTIME], None
        token = find_credentials(request, {}) if find_credentials else None
        if find_credentials and not token and "Authorization" not in request.headers:
            body = await self._read(request, runtime.authenticator.anonymous)
            token = find_credentials(request, body)
        actor = await self._authenticate(request, token)
        if body is None:
            body = await self._read(request, actor) if find_credentials or self._endpoint.request_model else {}
        return runtime.context().acting_as(actor, "rest"), body

    async def _authenticate(self, request: web.Request, token: str | None = None) -> Actor:
        """The caller. Refuses anonymous ones unless the endpoint is open to them."""
        actor = await request.app[RUNTIME].authenticator.authenticate(request, token)
        bind_log_context(actor=actor.name)
        if actor.is_anonymous and self._endpoint.anonymous_grant not in actor.public:
            raise Unauthenticated(NO_CREDENTIALS)
        return actor

    async def _read(self, request: web.Request, actor: Actor) -> JsonObject:
        bodies = request.app[RUNTIME].bodies if actor.is_anonymous else None
        return await read_object(request, self._endpoint.accepts, bodies)

    async def _perform(self, request: web.Request, context: Context, body: JsonObject) -> web.Response:
        result = await self._endpoint.perform(context, self._call(request, body))
        return self._respond(result if isinstance(result, Result) else Result(result, self._endpoint.status))

    def _call(self, request: web.Request, body: JsonObject) -> Call[BaseModel | None, BaseModel | None]:
        """The validated request. The Host header is checked first, then the query, then the body."""
        runtime = request.app[RUNTIME]
        model, codec = self._endpoint.request_model, codec_of(request, self._endpoint.accepts) or JSON
        return Call(
            url=runtime.url_of(request),
            base_url=runtime.public_url,
            path=path_values(request),
            query=validate_query(self._endpoint.query_model, request, self._dialect.credential_parameters),
            body=validate(model, body, strict=codec.strict) if model else None,
        )

    def _respond(self, result: Result) -> web.Response:
        if result.status == 204:
            return web.Response(status=204, headers=result.headers)
        content_type = self._endpoint.codec.content_types[0]
        body = self._dump(result.value)
        return web.Response(body=body, status=result.status, headers=result.headers, content_type=content_type)


def add_routes(app: web.Application, dialect: Dialect, runtime: ApiRuntime) -> None:
    """Add the routes of a dialect. Paths are served with and without a trailing slash.

    Only a GET that lacks the declared trailing slash is redirected instead.
    """
    app[RUNTIME] = runtime
    for resource in _resources(dialect):
        app.router.register_resource(resource)


@lru_cache(maxsize=64)
def _resources(dialect: Dialect) -> Sequence[web.AbstractResource]:
    """The routes of a dialect, which all applications of a process share."""
    router = web.UrlDispatcher()
    for endpoint in dialect.endpoints:
        handler = EndpointHandler(dialect, endpoint)
        pattern = re.sub(r"\{(\w+)\}", r"{\1:[^/]+}", endpoint.path)  # aiohttp's default pattern excludes braces
        methods = ("GET", "HEAD") if endpoint.method == "GET" else (endpoint.method,)
        alternative = pattern[:-1] if pattern.endswith("/") else f"{pattern}/"
        at_alternative = handler.redirect_to_slash if "GET" in methods and pattern.endswith("/") else handler.handle
        for path, handle in ((pattern, handler.handle), (alternative, at_alternative)):
            for method in methods:
                router.add_route(method, path, handle)
    return tuple(router.resources())


def _serializer(endpoint: AnyEndpoint) -> Callable[[object], bytes]:
    """The function that validates and serializes the response values of an endpoint."""
    codec = endpoint.codec
    if endpoint.preserialized:
        return codec.dumps
    adapter = TypeAdapter(endpoint.response_model)
    if codec is JSON:
        return lambda value: adapter.dump_json(adapter.validate_python(value), by_alias=True)
    return lambda value: codec.dumps(adapter.dump_python(adapter.validate_python(value), mode="json", by_alias=True))
