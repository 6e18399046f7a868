"""HTTP for the PDC dialect: negotiation, authentication, and one view per kind of target. See docs/schedules.md."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC

import structlog
from aiohttp import web

from api.http.endpoints import ApiRuntime
from api.pdc import html, request_bodies, responses
from api.pdc.auth import LISTED_ENDPOINTS, TokenEndpoint, require_credentials
from api.pdc.crud import actions, query_params
from api.pdc.crud.actions import ResourceRequest
from api.pdc.crud.resource import Field, Item, PdcError, RenderContext, Resource
from api.pdc.resources.vocabularies import Vocabulary
from api.pdc.responses import FAULT, HTML_TYPE, HTML_TYPES, JSON_TYPES, PdcResponse
from api.pdc.routes import BASE, RESOURCES, SAFE_METHODS, Route, find_route
from bot.bodies import UnprovenBodies
from bot.context import Actor, Context, authorize
from bot.errors import Forbidden, Problem, Unauthenticated
from bot.log import bind_log_context

HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")
CORS_HEADERS = "x-requested-with, content-type, accept, origin, authorization, x-csrftoken, pdc-change-comment"
PREFLIGHT = {"Access-Control-Allow-Methods": "GET, HEAD, OPTIONS", "Access-Control-Allow-Headers": CORS_HEADERS}

log = structlog.get_logger()


def add_routes(app: web.Application, runtime: ApiRuntime) -> None:
    """Serve every path below the base."""
    views = PdcViews(runtime)
    for path in (f"{BASE}/{{tail:[\\s\\S]*}}", BASE):
        app.router.add_route("*", path, views.handle)


@dataclass(frozen=True)
class PdcCall:
    """An authenticated request, and how its response is rendered."""

    request: web.Request
    route: Route
    context: Context
    rendering: RenderContext
    bodies: UnprovenBodies
    as_html: bool


class PdcViews:
    """Handles all requests below the base."""

    def __init__(self, runtime: ApiRuntime) -> None:
        self._runtime = runtime

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Route a request, and report every error in the form of this dialect."""
        route, base_url, as_html = find_route(request.rel_url.raw_path), self._runtime.link_to(BASE), False
        if route is None:
            prefers_json = responses.preferred_type(request) in JSON_TYPES
            return responses.write_not_found(request) if prefers_json else html.write_not_found(request, base_url)
        if isinstance(route, str):
            return responses.redirect(request, self._runtime.link_to(route))
        try:
            base_url, media_type = self._base_url(request), responses.preferred_type(request)
            as_html = route.suffix == "/" and media_type in HTML_TYPES
            if media_type is None or request.query.get("format") == "api":
                raise PdcError({"detail": "Could not satisfy the request Accept header."}, 406)
            result = await self._respond(request, route, base_url, as_html=as_html)
        except Problem as problem:
            bind_log_context(refusal=problem.sentence)
            result = responses.error_response(problem)
        except Exception:
            log.exception("fault", method=request.method, path=request.path)
            result = PdcResponse({"detail": FAULT}, 503)
        if as_html:
            response: web.StreamResponse = html.write(request, route, result, base_url)
        else:
            response = await responses.write(request, route, result)
        if request.content.exception() is not None and not response.prepared:  # the connection is unusable
            response.force_close()
        return response

    async def _respond(self, request: web.Request, route: Route, base_url: str, *, as_html: bool) -> PdcResponse:
        if request.method not in route.methods:
            raise PdcError({"detail": f'Method "{request.method}" not allowed.'}, 405)
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return PdcResponse(headers=PREFLIGHT, empty=True)
        actor = await self._authenticate(request)
        bind_log_context(actor=actor.name)
        context = self._runtime.context().acting_as(actor, "rest")
        rendering = RenderContext(base_url, route.suffix, context.now().astimezone(UTC).date())
        call = PdcCall(request, route, context, rendering, self._runtime.bodies, as_html)
        match route.target:
            case None:
                return _root(call)
            case TokenEndpoint():
                return await _token(call, route.target)
            case Vocabulary():
                return await _vocabulary(call, route.target)
            case Resource():
                return await _resource(call, route.target)

    def _base_url(self, request: web.Request) -> str:
        """The URL that links begin with: the configured one, or else the one that the caller used."""
        if self._runtime.base_url:
            return self._runtime.base_url + BASE
        if HOST.fullmatch(request.host) is None:
            raise PdcError({"detail": "The header Host must be the name of a host, with or without a port."})
        return f"{request.scheme}://{request.host}{BASE}"

    async def _authenticate(self, request: web.Request) -> Actor:
        """The caller. Unknown authentication schemes are ignored."""
        authenticator = self._runtime.authenticator
        scheme, *rest = request.headers.get("Authorization", "").split() or [""]
        if not scheme or scheme.lower() not in ("token", "bearer"):
            return authenticator.anonymous
        if not rest:
            raise authenticator.refusal(request, "", "Invalid token header. No credentials provided.")
        if len(rest) > 1:
            sentence = "Invalid token header. Token string should not contain spaces."
            raise authenticator.refusal(request, rest[0], sentence)
        return await authenticator.authenticate(request)


def _root(call: PdcCall) -> PdcResponse:
    if call.request.method == "OPTIONS":
        return PdcResponse(_description("Api Root", "", {}))
    names = sorted([*RESOURCES, *LISTED_ENDPOINTS])
    return PdcResponse({name: f"{call.rendering.base_url}/{name}/" for name in names})


async def _token(call: PdcCall, endpoint: TokenEndpoint) -> PdcResponse:
    query_params.check_names(call.request.query, ())
    if call.request.method == "OPTIONS":
        return PdcResponse(_description("Token", "", {}))
    secret = call.request.headers.get("Authorization", "").partition(" ")[2].strip()
    body = await endpoint.respond(call.context, secret)
    return PdcResponse(body, empty=body is None, headers={"Cache-Control": "no-store"})


async def _vocabulary(call: PdcCall, vocabulary: Vocabulary) -> PdcResponse:
    params = call.request.query
    if call.request.method != "OPTIONS":
        authorize(call.context.actor, "content:read")
    query_params.check_names(params, query_params.COMMON)
    if call.request.method == "OPTIONS":
        return PdcResponse(_description(f"{vocabulary.title} List", "", {}))
    body = await request_bodies.read_optional(call.request, call.bodies)
    fields = query_params.select_fields(vocabulary.fields, params, body)
    rows = vocabulary.sort(query_params.last(params, "ordering", "id"))
    items: list[Item] = [{field.name: item[field.name] for field in fields} for item in rows]
    if query_params.page_size(params) <= 0:
        return PdcResponse(items)
    page = query_params.parse_page(params, len(items))
    return PdcResponse(page.body(_list_url(call, vocabulary), params, items[page.offset : page.offset + page.size]))


async def _resource(call: PdcCall, resource: Resource) -> PdcResponse:
    method, key = call.request.method, call.route.key
    _authorize(call.context.actor, resource, method)
    query_params.check_names(call.request.query, (*resource.filters, *query_params.COMMON))
    has_body = method not in SAFE_METHODS and (method != "DELETE" or key is None)
    body = await (
        request_bodies.read(call.request) if has_body else request_bodies.read_optional(call.request, call.bodies)
    )
    if method == "PATCH" and key is not None and not body:
        warning = actions.PARTIAL_WITHOUT_CHANGES
        return PdcResponse({"detail": warning}, 400, {"pdc-warning": warning})
    request = _resource_request(call, resource, body)
    match method:
        case "GET" | "HEAD":
            return PdcResponse(await (_list(call, request) if key is None else actions.fetch_one(request, key)))
        case "OPTIONS":
            return PdcResponse(await _options(call, request))
        case "POST":
            return PdcResponse(await actions.create(request, body), 201)
        case "DELETE":
            await actions.delete(request, body, key)
            return PdcResponse(status=204, empty=True)
        case _:
            return PdcResponse(await actions.update(request, body, key, partial=method == "PATCH"))


def _authorize(actor: Actor, resource: Resource, method: str) -> None:
    """Refuse a caller who may not use the method on any row, before the query and the body are read.

    A token of one project writes only rows that belong to a project. OPTIONS is open to all.
    """
    if method not in SAFE_METHODS:
        authorize(actor, "content:write", everywhere=not resource.query.project)
    elif method != "OPTIONS":
        if not resource.anonymous_access:
            require_credentials(actor)
        authorize(actor, "content:read", everywhere=not resource.anonymous_access)


def _may_write(actor: Actor, resource: Resource) -> bool:
    """Whether the actor may write any row."""
    with suppress(Forbidden, Unauthenticated):
        _authorize(actor, resource, "PUT")
        return True
    return False


def _resource_request(call: PdcCall, resource: Resource, body: object) -> ResourceRequest:
    """The rows, fields and order that the query selects. To a write, rows that the caller may not write are missing."""
    actor, method, params = call.context.actor, call.request.method, call.request.query
    comment = call.request.headers.get("PDC-Change-Comment")
    if comment is not None and comment != query_params.replace_surrogates(comment):
        raise PdcError({"detail": "The header PDC-Change-Comment must be UTF-8."})
    writes = method not in SAFE_METHODS
    is_writer = writes or (method == "OPTIONS" and _may_write(actor, resource))
    viewer = actor.visibility("content:write" if is_writer else "content:read")
    conditions, order = query_params.select_rows(resource, params, viewer, call.rendering.today)
    fields = query_params.select_fields(resource.fields, params, None if writes else body)
    return ResourceRequest(call.context, resource, call.rendering, viewer, fields, conditions, order, comment)


async def _list(call: PdcCall, request: ResourceRequest) -> object:
    """A page, or the whole list; as HTML, at most as many items as the largest page has."""
    params = call.request.query
    if query_params.page_size(params) <= 0:
        if call.as_html:
            return await actions.fetch_page(request, query_params.MAX_PAGE_SIZE, 0)
        return await actions.stream_all(request)
    page = query_params.parse_page(params, await actions.count(request))
    return page.body(
        _list_url(call, request.resource), params, await actions.fetch_page(request, page.size, page.offset)
    )


def _list_url(call: PdcCall, target: Resource | Vocabulary) -> str:
    return f"{call.rendering.base_url}/{target.name}{call.rendering.suffix}"


async def _options(call: PdcCall, request: ResourceRequest) -> Item:
    """The methods that the caller may use, and the fields that they accept."""
    resource, key = request.resource, call.route.key
    forms: Item = {}
    if _may_write(request.context.actor, resource) and (key is None or await actions.exists(request, key)):
        fields = {field.name: _field_metadata(field) for field in resource.fields}
        forms = {method: fields for method in ("POST", "PUT") if method in call.route.methods}
    return _description(f"{resource.title} {'List' if key is None else 'Instance'}", resource.description, forms)


def _description(name: str, description: str, forms: Mapping[str, object]) -> Item:
    media_types = {"renders": [request_bodies.JSON_TYPE, HTML_TYPE], "parses": list(request_bodies.MEDIA_TYPES)}
    return {"name": name, "description": description, **media_types, **({"actions": forms} if forms else {})}


def _field_metadata(field: Field) -> Item:
    label = "ID" if field.name == "id" else field.name.replace("_", " ").capitalize()
    return {"type": field.type.name, "required": field.is_required, "read_only": not field.column, "label": label}
