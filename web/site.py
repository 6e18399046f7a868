"""All pages as routes: who asks is found out, forms are checked, and refusals become pages."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from bot import bodies
from bot.errors import Forbidden, NotFound, Problem, RateLimited, Refusal, Unauthenticated, Unavailable
from bot.log import bind_log_context
from bot.operations import sessions
from web import cookies, security
from web.errors import status_of, title_of
from web.rendering import Renderer
from web.requests import CHANNEL, MAX_FORM, PageRequest, wants_html
from web.routes import Route
from web.runtime import WebRuntime
from web.static_files import PREFIX as STATIC_PREFIX
from web.static_files import StaticFiles

OWN_HEADERS = (STATIC_PREFIX, "/live")
"""Paths whose responses are finished by their handlers."""
OF_DIALECT = "/projects/"
"""The beginning of paths below which a dialect is, whose clients find nothing where pages are."""
STALE_FORM = "This form is too old, or was not sent from one of our pages. Please try again."
NO_FORM = "This is not a form of ours."
NO_PAGE = "There is no such page, or you may not see it."
NUL = "The character U+0000 stands in no name and no text."
MAX_FIELDS = 200
_PART = re.compile(r"\{[^{}]*\}")
"""A part of the path of a route, whose pattern may hold a slash."""


class Site:
    """The pages of one service."""

    def __init__(self, runtime: WebRuntime, routes: Sequence[Route]) -> None:
        self.static, self.feed = StaticFiles(), runtime.feed
        self._runtime, self._routes = runtime, routes
        self._renderer = Renderer(runtime, self.static)

    def add_routes(self, app: web.Application) -> None:
        """Add the routes of all pages, and of their files."""
        self.static.add_routes(app)
        for route in self._routes:
            handler = PageHandler(route, self._runtime, self._renderer)
            for method in ("GET", "HEAD") if route.method == "GET" else ("POST",):
                app.router.add_route(method, route.path, handler.handle)
        for path, page in pages_of_acts(self._routes).items():
            app.router.add_get(path, ActAddress(page, self._runtime).handle)

    def render_error(self, request: web.Request, problem: Problem, status: int) -> web.Response:
        """An error outside of pages, as a page."""
        page = PageRequest(request, self._runtime, self._renderer, self._runtime.context())
        response = _error_page(page, NotFound(NO_PAGE) if status == 404 else problem, status)
        security.keep_to_https(self._runtime, response)
        return response


def pages_of_acts(routes: Sequence[Route]) -> Mapping[str, str]:
    """The addresses at which there are only acts, each with that of the page that has its form, which begins it."""
    pages = {route.path: route.handle for route in routes if route.method == "GET"}
    found: dict[str, str] = {}
    for route in routes:
        if route.again is None or route.path in pages:
            continue
        found[route.path] = next(
            path for path, show in pages.items() if show == route.again and route.path.startswith(f"{path}/")
        )
    return found


@dataclass(frozen=True)
class ActAddress:
    """Leads who opens the address of an act, as by a reload after a refusal, to the page that has its form."""

    page: str
    runtime: WebRuntime

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Redirect a browser. For programs, an act is none that can be got."""
        if not wants_html(request):
            raise web.HTTPMethodNotAllowed(request.method, ["POST"])
        parts = request.rel_url.raw_path.split("/")[: _PART.sub("", self.page).count("/") + 1]
        response = security.see_other(self.runtime.link("/".join(parts)))
        security.keep_to_https(self.runtime, response)
        return response


class PageHandler:
    """Handles the requests of one route."""

    def __init__(self, route: Route, runtime: WebRuntime, renderer: Renderer) -> None:
        self._route, self._runtime, self._renderer = route, runtime, renderer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Respond to a request."""
        response = await self._respond(request)
        security.keep_to_https(self._runtime, response)
        return response

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        """Respond to a request. Only here do refusals become pages."""
        page = await self._identify(request)
        if self._route.path.startswith(OF_DIALECT) and not page.wants_html:
            raise web.HTTPNotFound
        try:
            refuse_nul([*request.match_info.values(), *request.query.values()])
            page.admit(self._route.access)
            if self._route.method == "POST":
                page = await self._read_form(page)
            return await self._perform(page)
        except Unauthenticated as problem:
            if isinstance(problem, RateLimited) or page.session is not None or request.method == "POST":
                return _error_page(page, problem, status_of(problem))
            return page.redirect(f"/sign-in?{_query(page)}")
        except Problem as problem:
            bind_log_context(refusal=problem.sentence)
            return _error_page(page, problem, status_of(problem))
        except web.HTTPNotFound:
            if not page.wants_html:
                raise
            return _error_page(page, NotFound(NO_PAGE), 404)

    async def _perform(self, page: PageRequest) -> web.StreamResponse:
        if self._route.again is None:
            return await self._route.handle(page)
        try:
            return await self._route.handle(page)
        except (Unauthenticated, NotFound):
            raise
        except Problem as problem:
            bind_log_context(refusal=problem.sentence)
            return await self._route.again(page.with_failure(problem))

    async def _identify(self, request: web.Request) -> PageRequest:
        """The request with the actor of its session, or the anonymous one."""
        runtime = self._runtime
        context = runtime.context().acting_as(runtime.anonymous, CHANNEL)
        page = PageRequest(request, runtime, self._renderer, context)
        secret = cookies.session_secret(runtime, request)
        if not secret:
            return page
        found = await sessions.authenticate(
            secret, context.now(), operators=runtime.operators(), public=runtime.anonymous.public
        )
        if found is None:
            return page
        bind_log_context(actor=found.actor.name)
        return replace(page, context=context.acting_as(found.actor, CHANNEL), session=found, secret=secret)

    async def _read_form(self, page: PageRequest) -> PageRequest:
        """Read a form. Refuses one that was not sent from a page of this session."""
        form = await read_form(page)
        is_ours = security.is_from_our_pages(self._runtime, page.request)
        if not is_ours or (page.session is not None and not cookies.is_csrf_token(form.get("csrf", ""), page.secret)):
            raise Forbidden(STALE_FORM)
        return replace(page, form=form)


async def read_form(page: PageRequest) -> Mapping[str, str]:
    """Read the fields of a form, the first value of each. Refuses one with many fields, or that is no form."""
    request, unproven = page.request, page.runtime.bodies
    body = await (unproven.read if page.session is None else bodies.read)(request.content, MAX_FORM)
    if body and request.content_type != "application/x-www-form-urlencoded":
        raise Refusal(NO_FORM)
    try:
        sent = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise Refusal(NO_FORM) from error
    form = dict(reversed(sent))
    refuse_nul([*form, *form.values()])
    return form


def refuse_nul(texts: Iterable[str]) -> None:
    """Refuse texts with U+0000, which PostgreSQL can neither store nor compare."""
    if any("\0" in text for text in texts):
        raise Refusal(NUL)


def _query(page: PageRequest) -> str:
    return urlencode({"next": page.path})


def _error_page(page: PageRequest, problem: Problem, status: int) -> web.Response:
    text = page.renderer.render("error.html", page=page, problem=problem, title=title_of(status), status=status)
    response = web.Response(text=text, status=status, content_type="text/html")
    security.add_headers(response)
    response[security.COMPRESS] = True
    if isinstance(problem, RateLimited | Unavailable):
        response.headers["Retry-After"] = str(problem.retry_after)
    return response
