"""The web application: every package's routes, and the middleware around them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from api.docs import routes as api_docs
from api.graphql import routes as graphql
from api.http.authentication import Authenticator
from api.http.endpoints import ApiRuntime, Dialect
from api.http.errors import error_renderer, render_problem_details
from api.http.handlers import add_routes
from api.pdc import views as pdc
from api.rest import announcement_review, announcements, packages, projects, releases, tokens
from bot.settings import Settings, split_list
from handlers import receive
from server.errors import ErrorMiddleware, ErrorRenderer
from server.health import Health
from server.middleware import RequestMiddleware
from server.service import Service

SERVICE = web.AppKey("service", Service)


@dataclass(frozen=True)
class Component:
    """A package's share of the application: its routes, and what the middleware must know about its paths.

    - `errors`: renderers of errors below path prefixes; the longest prefix that fits a path decides.
    - `unwrapped`: path prefixes that the request middleware passes through: no request id, no log line, no headers.
    - `own_headers`: path prefixes that are logged, and whose responses carry caching and CORS headers of their own.
    """

    add_routes: Callable[[web.Application], object]
    errors: Sequence[tuple[str, ErrorRenderer]] = ()
    unwrapped: Sequence[str] = ()
    own_headers: Sequence[str] = ()


def dialects() -> list[Dialect]:
    """Every dialect that is declared by endpoints."""
    rest = (releases, packages, projects, tokens, announcements, announcement_review)
    return [*(module.DIALECT for module in rest), graphql.dialect()]


def description() -> Any:
    """The API description (OpenAPI 3.1)."""
    return api_docs.description(dialects())


def create_app(settings: Settings, *, works: bool = True, scheduled: bool = True) -> web.Application:
    """The web application. With `works` it also works on the queue, with `scheduled` it keeps the schedule."""
    service = Service(settings)
    components = _components(service, works=works)
    errors = [(prefix, renderer) for component in components for prefix, renderer in component.errors]
    request_middleware = RequestMiddleware(
        origins=split_list(settings.cors_origins),
        unwrapped=[prefix for component in components for prefix in component.unwrapped],
        own_headers=[prefix for component in components for prefix in component.own_headers],
    )
    app = web.Application(
        client_max_size=receive.MAX_BODY + 1,
        middlewares=[
            request_middleware.request_middleware,
            ErrorMiddleware(errors, render_problem_details).error_middleware,
        ],
    )
    app[SERVICE] = service
    app.cleanup_ctx.append(_open_service)
    if works:
        app.cleanup_ctx.append(lambda app: _run_worker(app[SERVICE], scheduled))
    for component in components:
        component.add_routes(app)
    return app


def _components(service: Service, *, works: bool) -> list[Component]:
    """Every package that serves requests."""
    settings = service.settings
    secret = settings.github_webhook_secret.get_secret_value()
    receiver = receive.Receiver(secret, service.intake, service.metrics)
    health = Health(service.metrics, lambda: service.worker if works else None)
    authenticator = Authenticator(settings.anonymous_read, split_list(settings.trusted_proxies))
    runtime = ApiRuntime(service.context, authenticator, settings.base_url, settings.url)
    served = dialects()
    return [
        Component(lambda app: app.router.add_post(receive.PATH, receiver.receive), unwrapped=("/webhooks/",)),
        Component(health.add_routes, unwrapped=("/metrics", "/healthz", "/readyz")),
        *(_dialect_component(dialect, runtime) for dialect in served),
        Component(lambda app: pdc.add(app, runtime), own_headers=("/rest_api/",)),
        Component(api_docs.ApiDocs(served).add),
    ]


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


async def _run_worker(service: Service, scheduled: bool) -> AsyncIterator[None]:
    working = asyncio.create_task(service.work(scheduled=scheduled))
    started = asyncio.create_task(service.worker.started.wait())
    await asyncio.wait([working, started], return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    if working.done():  # the worker refused to start: so does the application
        await working
    yield
    service.worker.stop()
    await asyncio.wait([working])
