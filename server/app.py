"""The web application: the routes of every package, and the middleware around them.

Each package that serves requests is one `Component`, listed in `_components`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from api.docs import routes as api_docs
from api.graphql import routes as graphql
from api.http.authentication import Authenticator
from api.http.endpoints import ApiRuntime, Dialect
from api.http.errors import ErrorRenderer, error_renderer, render_problem_details
from api.http.handlers import add_routes
from api.pdc import views as pdc
from api.rest import (
    announcement_review,
    announcements,
    approvals,
    audit,
    blocks,
    board,
    configuration,
    packages,
    projects,
    promotions,
    releases,
    reviews,
    searches,
    tokens,
)
from bot.actors import Actor
from bot.attempts import Attempts
from bot.bodies import UnprovenBodies
from bot.errors import Problem
from bot.rules.setting_texts import split_list
from bot.settings import Settings
from handlers import receive
from server import connections
from server.background import BackgroundTasks
from server.errors import ErrorMiddleware
from server.health import PATHS as HEALTH_PATHS
from server.health import Health
from server.middleware import RequestMiddleware
from server.readiness import Readiness
from server.self_check import service_facts
from server.service import Service
from web.pages.routes import ROUTES
from web.runtime import WebRuntime
from web.site import OWN_HEADERS, Site

SERVICE = web.AppKey("service", Service)
FOR_PROGRAMS = ("/api", "/rest_api", "/webhooks", "/schema", "/metrics", *HEALTH_PATHS)
"""Beginnings of paths whose errors are never pages."""


@dataclass(frozen=True)
class Component:
    """The routes of one package, and how the middleware treats their paths.

    - `direct`: handlers of POST by path, called without the middleware: they respond to every error themselves.
    - `errors`: renderers of errors by path prefix; the longest matching prefix wins.
    - `unwrapped`: path prefixes that the request middleware ignores: no request id, no log line, no headers.
    - `own_headers`: path prefixes that are logged, but set their own caching and CORS headers.
    - `count_themselves`: routes whose handlers count their requests in the metrics.
    """

    add_routes: Callable[[web.Application], object] = lambda app: None
    direct: Mapping[str, connections.DirectHandler] = field(default_factory=dict)
    errors: Sequence[tuple[str, ErrorRenderer]] = ()
    unwrapped: Sequence[str] = ()
    own_headers: Sequence[str] = ()
    count_themselves: Sequence[str] = ()


def dialects() -> list[Dialect]:
    """The dialects that are declared as endpoints."""
    rest = (
        *(audit, board, releases, packages, projects, blocks, approvals, promotions, configuration, tokens),
        *(announcements, announcement_review, reviews, searches),
    )
    return [*(module.DIALECT for module in rest), graphql.dialect()]


def description() -> dict[str, object]:
    """The OpenAPI 3.1 document of the API."""
    return api_docs.description(dialects())


def create_app(settings: Settings, *, worker: bool = True, schedule: bool = True) -> web.Application:
    """The web application. With `worker` it also performs jobs.

    With `schedule` it asks GitHub about the App from time to time and, if it has a worker, enqueues the recurring jobs.
    """
    service = Service(settings)
    components, site = _components(service, worker=worker)
    errors = [(prefix, renderer) for component in components for prefix, renderer in component.errors]
    request_middleware = RequestMiddleware(
        service.metrics.http,
        origins=split_list(settings.cors_origins),
        unwrapped=[prefix for component in components for prefix in component.unwrapped],
        own_headers=[prefix for component in components for prefix in component.own_headers],
        count_themselves=[route for component in components for route in component.count_themselves],
    )
    app = web.Application(
        handler_args=connections.OPTIONS,
        middlewares=[
            request_middleware.request_middleware,
            ErrorMiddleware(errors, _render_elsewhere(site)).error_middleware,
        ],
    )
    app[SERVICE] = service
    app.cleanup_ctx.append(_open_service)
    if schedule:
        app.on_startup.append(_watch_app)
    if worker:
        app.cleanup_ctx.append(lambda app: _run_worker(app[SERVICE], schedule))
    app[connections.DIRECT] = {path: handler for component in components for path, handler in component.direct.items()}
    app.cleanup_ctx.append(lambda app: _feed_pages(app[SERVICE], site))
    app.on_shutdown.append(lambda _: _end_streams(site))
    for path, handler in app[connections.DIRECT].items():
        app.router.add_post(path, handler)
    for component in components:
        component.add_routes(app)
    return app


def _components(service: Service, *, worker: bool) -> tuple[list[Component], Site]:
    """Everything that serves requests, one component each; the pages also by themselves."""
    settings, bodies = service.settings, UnprovenBodies()
    secrets, intake = service.identity.webhook_secrets, service.intake
    receiver = receive.Receiver(secrets, intake, bodies, service.metrics, service.signatures)
    attempts = Attempts(split_list(settings.trusted_proxies))
    authenticator = Authenticator(settings.anonymous_read, attempts)
    readiness = Readiness(service, works=worker, serves=True)
    health = Health(service.metrics, readiness, service.registry.kinds, authenticator)
    runtime = ApiRuntime(service.context, authenticator, settings.base_url, settings.url, bodies)
    declared = dialects()
    site = _pages(service, authenticator.anonymous, attempts, bodies)
    return [
        Component(direct={receive.PATH: receiver.receive}, unwrapped=("/webhooks/",), count_themselves=(receive.PATH,)),
        Component(health.add_routes, unwrapped=HEALTH_PATHS),
        *(_dialect_component(dialect, runtime) for dialect in declared),
        Component(lambda app: pdc.add_routes(app, runtime), own_headers=("/rest_api/",)),
        Component(api_docs.ApiDocs(declared, settings.base_url).add_routes),
        Component(site.add_routes, own_headers=OWN_HEADERS),
    ], site


def _pages(service: Service, anonymous: Actor, attempts: Attempts, bodies: UnprovenBodies) -> Site:
    """The pages for people."""
    settings = service.settings
    runtime = WebRuntime(
        context=service.context,
        public_url=settings.url,
        anonymous=anonymous,
        attempts=attempts,
        sign_in=lambda: service.identity.sign_in,
        setup=service.identity.setup(),
        app_page=lambda: service.identity.page,
        operators=lambda: settings.operator_ids,
        facts=lambda: service_facts(settings, service.identity),
        bodies=bodies,
    )
    return Site(runtime, ROUTES)


def _render_elsewhere(site: Site) -> ErrorRenderer:
    """The renderer of errors at paths of no dialect: a page if a browser asks, but not below paths for programs."""

    def render(request: web.Request, problem: Problem, status: int) -> web.Response:
        is_page = "text/html" in request.headers.get("Accept", "") and not request.path.startswith(FOR_PROGRAMS)
        return (site.render_error if is_page else render_problem_details)(request, problem, status)

    return render


def _dialect_component(dialect: Dialect, runtime: ApiRuntime) -> Component:
    render = error_renderer(dialect)
    return Component(
        lambda app: add_routes(app, dialect, runtime),
        errors=[(prefix, render) for prefix in dialect.path_prefixes],
    )


async def _open_service(app: web.Application) -> AsyncIterator[None]:
    service = app[SERVICE]
    await service.open()
    try:
        async with service.intake:
            yield
    finally:
        await service.close()


async def _watch_app(app: web.Application) -> None:
    app[SERVICE].watch_app()


async def _feed_pages(service: Service, site: Site) -> AsyncIterator[None]:
    """Tell open pages of what happens."""
    background = BackgroundTasks()
    background.start(site.feed.run(service.database))
    yield
    await background.close()


async def _end_streams(site: Site) -> None:
    """End the streams of open pages, which would last for as long as their browsers do."""
    site.feed.end()


async def _run_worker(service: Service, schedule: bool) -> AsyncIterator[None]:
    worker = asyncio.create_task(service.work(schedule=schedule))
    started = asyncio.create_task(service.worker.started.wait())
    await asyncio.wait([worker, started], return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    if worker.done():  # the worker refused to start, and so does the application
        await worker
    yield
    service.worker.stop()
    await asyncio.wait([worker])
