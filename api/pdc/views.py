"""How release schedules, released files and what they rest on come and go over HTTP: docs/schedules.md."""

import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any

import structlog
from aiohttp import web

from api.http.endpoints import ApiRuntime
from api.pdc import request_bodies, responses
from api.pdc.auth import TokenCall
from api.pdc.crud import actions, query_params
from api.pdc.crud.resource import REQUIRED, Field, Invalid, Resource, View
from api.pdc.resources.vocabularies import Words
from api.pdc.responses import ANY_HTML, FAULT, HTML_TYPE, Answer
from api.pdc.routes import BASE, RESOURCES, SAFE, Place, find
from bot.context import FORBIDDEN, MISSING, Actor, Context
from bot.errors import Forbidden, Problem, Unauthenticated
from bot.log import bind_log_context

HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": (
        "x-requested-with, content-type, accept, origin, authorization, x-csrftoken, pdc-change-comment"
    ),
}

log = structlog.get_logger()


def add(app: web.Application, runtime: ApiRuntime) -> None:
    """Serve everything below the base."""

    async def handle(request: web.Request) -> web.StreamResponse:
        place = find(request.rel_url.raw_path)
        if place is None:
            return responses.nowhere(request)
        if isinstance(place, str):
            query = request.rel_url.raw_query_string
            location = place + (f"?{query}" if query else "")
            return web.Response(status=301, headers={**responses.usual(request), "Location": location})
        response = await _answered(request, place, runtime)
        if request.content.exception() is not None and not response.prepared:  # nothing after it can be read
            response.force_close()
        return response

    for path in (f"{BASE}/{{tail:[\\s\\S]*}}", BASE):
        app.router.add_route("*", path, handle)


async def _answered(request: web.Request, place: Place, runtime: ApiRuntime) -> web.StreamResponse:
    html, base = False, BASE
    try:
        base = _base(request, runtime)
        kind = responses.wanted(request)
        html = place.suffix == "/" and kind in ANY_HTML
        if kind is None or request.query.get("format") == "api":
            raise Invalid({"detail": "Could not satisfy the request Accept header."}, 406)
        answer = await _performed(request, place, runtime, base, html=html)
    except Problem as problem:
        bind_log_context(refusal=problem.sentence)
        answer = responses.refused(problem)
    except Exception:
        log.exception("fault", method=request.method, path=request.path)
        answer = Answer({"detail": FAULT}, 503)
    return await responses.write(request, place, answer, base, html=html)


async def _performed(request: web.Request, place: Place, runtime: ApiRuntime, base: str, *, html: bool) -> Answer:
    method = request.method
    if method not in place.allow:
        raise Invalid({"detail": f'Method "{method}" not allowed.'}, 405)
    if method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return Answer(headers=PREFLIGHT, empty=True)
    actor = await _caller(request, runtime)
    bind_log_context(actor=actor.name)
    context = runtime.context().acting_as(actor, "rest")
    view = View(base, place.suffix, context.now().astimezone(UTC).date())
    match place.of:
        case None:
            names = {name: f"{view.base}/{name}/" for name in sorted(RESOURCES)}
            return Answer(names if method != "OPTIONS" else _described("Api Root", "", {}))
        case TokenCall():
            return await _about_tokens(request, place.of, context)
        case Words():
            _authorise(actor, place, method)
            return await _words(request, place.of, view)
        case Resource():
            _authorise(actor, place, method)
            return await _resource(request, place, place.of, context, view, html=html)


def _base(request: web.Request, runtime: ApiRuntime) -> str:
    """What links begin with: the address that was set, or else the one that the caller used."""
    if runtime.base_url:
        return runtime.base_url + BASE
    if HOST.fullmatch(request.host) is None:
        raise Invalid({"detail": "The header Host must be the name of a host, with or without a port."})
    return f"{request.scheme}://{request.host}{BASE}"


async def _caller(request: web.Request, runtime: ApiRuntime) -> Actor:
    """Who asks. Schemes that are not ours count as none at all."""
    scheme, *rest = request.headers.get("Authorization", "").split() or [""]
    if not scheme or scheme.lower() not in ("token", "bearer"):
        return runtime.authenticator.anonymous
    if not rest:
        raise runtime.authenticator.refusal(request, "", "Invalid token header. No credentials provided.")
    if len(rest) > 1:
        spaces = "Invalid token header. Token string should not contain spaces."
        raise runtime.authenticator.refusal(request, rest[0], spaces)
    return await runtime.authenticator.authenticate(request)


def _authorise(actor: Actor, place: Place, method: str) -> None:
    """Whether the caller may do this at all, before anything that was sent is looked at."""
    if method == "OPTIONS":
        return
    for_strangers = not isinstance(place.of, Resource) or place.of.for_strangers
    if method not in SAFE:
        may = isinstance(place.of, Resource) and _may_write(actor, place.of)
    elif for_strangers:
        may = actor.may("content:read")
    else:
        may = actor.holds("content:read") and actor.project_id is None
    if not may:
        raise Unauthenticated(MISSING) if actor.is_anonymous else Forbidden(FORBIDDEN)


def _may_write(actor: Actor, of: Resource) -> bool:
    """Whether some row may be written: credentials for one project are for rows that have one."""
    return actor.holds("content:write") and (actor.project_id is None or bool(of.listing.project))


async def _about_tokens(request: web.Request, call: TokenCall, context: Context) -> Answer:
    query_params.check_names(request.query, ())
    if request.method == "OPTIONS":
        return Answer(_described("Token", "", {}))
    secret = request.headers.get("Authorization", "").partition(" ")[2].strip()
    value = await call.perform(context, secret)
    return Answer(value, empty=value is None, headers={"Cache-Control": "no-store"})


async def _words(request: web.Request, words: Words, view: View) -> Answer:
    query_params.check_names(request.query, (*query_params.PAGING, "fields", "exclude_fields"))
    if request.method == "OPTIONS":
        return Answer(_described(f"{words.title} List", "", {}))
    fields = query_params.select(words.fields, request.query, await request_bodies.read_ignored(request))
    items = [{each.name: item[each.name] for each in fields} for item in words.items]

    async def count() -> int:
        return len(items)

    async def rows(limit: int, offset: int) -> list[dict[str, Any]]:
        return items[offset : offset + limit]

    if query_params.page_size(request.query) <= 0:
        return Answer(items)
    return Answer(await query_params.paged(request.query, f"{view.base}/{words.name}{view.suffix}", count, rows))


async def _resource(
    request: web.Request, place: Place, of: Resource, context: Context, view: View, *, html: bool
) -> Answer:
    query_params.check_names(request.query, (*of.filters, *query_params.COMMON))
    method, writes = request.method, request.method not in SAFE
    takes = writes and (method != "DELETE" or place.key is None)
    body = await request_bodies.read(request) if takes else await request_bodies.read_ignored(request)
    if method == "PATCH" and place.key is not None and not body:
        return Answer(
            {"detail": actions.PARTIAL_WITHOUT_CHANGES}, 400, {"pdc-warning": actions.PARTIAL_WITHOUT_CHANGES}
        )
    sees = writes or (method == "OPTIONS" and _may_write(context.actor, of))
    in_body = None if writes else body
    asked = query_params.read(context, of, view, request.query, body=in_body, comment=_comment(request), writes=sees)
    match method:
        case "GET" | "HEAD":
            return await (_list(request, asked, html=html) if place.key is None else _item(asked, place.key))
        case "OPTIONS":
            return Answer(await _options(asked, place, of))
        case "POST":
            return Answer(await actions.create(asked, body), 201)
        case "DELETE":
            await actions.delete(asked, body, place.key)
            return Answer(status=204, empty=True)
        case _:
            return Answer(await actions.update(asked, body, place.key, partial=method == "PATCH"))


async def _list(request: web.Request, asked: actions.ResourceRequest, *, html: bool) -> Answer:
    """A page, or the whole list without pages, of which people are shown as much as the largest page has."""
    if query_params.page_size(request.query) <= 0:
        return Answer(await (actions.page(asked, query_params.MOST, 0) if html else actions.everything(asked)))
    address = f"{asked.view.base}/{asked.resource.name}{asked.view.suffix}"

    async def rows(limit: int, offset: int) -> list[dict[str, Any]]:
        return await actions.page(asked, limit, offset)

    return Answer(await query_params.paged(request.query, address, lambda: actions.count(asked), rows))


async def _item(asked: actions.ResourceRequest, key: str) -> Answer:
    return Answer(await actions.one(asked, key))


def _comment(request: web.Request) -> str | None:
    """Why something is changed, as its sender says; refused when it is not UTF-8."""
    said = request.headers.get("PDC-Change-Comment")
    if said is not None and said != query_params.plain(said):
        raise Invalid({"detail": "The header PDC-Change-Comment must be UTF-8."})
    return said


async def _options(asked: actions.ResourceRequest, place: Place, of: Resource) -> dict[str, Any]:
    """What may be done here, and by this caller."""
    forms: dict[str, Any] = {}
    if _may_write(asked.context.actor, of):
        methods = [method for method in ("POST", "PUT") if method in place.allow]
        there = place.key is None or await actions.exists(asked, place.key)
        forms = {method: {each.name: _action(each) for each in of.fields} for method in methods if there}
    return _described(f"{of.title} {'List' if place.key is None else 'Instance'}", of.description, forms)


def _described(name: str, description: str, actions: Mapping[str, Any]) -> dict[str, Any]:
    forms = {"renders": [request_bodies.JSON_TYPE, HTML_TYPE], "parses": list(request_bodies.PARSED)}
    return {"name": name, "description": description, **forms, **({"actions": actions} if actions else {})}


def _action(each: Field) -> dict[str, Any]:
    label = "ID" if each.name == "id" else each.name.replace("_", " ").capitalize()
    required = bool(each.column) and each.default is REQUIRED
    return {"type": each.kind.name, "required": required, "read_only": not each.column, "label": label}
