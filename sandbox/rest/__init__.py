"""The REST API: one module per group of endpoints, dispatched by `core.respond`."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from sandbox.records import Call
from sandbox.rest import actions, apps, checks, commits, deployments, discussion, hooks, refs, repositories, users
from sandbox.rest.core import ROUTES, Route, respond
from sandbox.state import State

MODULES = (actions, apps, checks, commits, deployments, discussion, hooks, refs, repositories, users)


def add_routes(app: web.Application, state: State) -> None:
    """Register all endpoints; requests for other routes are recorded and get 404."""
    for endpoint in sorted(ROUTES, key=lambda route: route.path.endswith(":.+}")):  # the greediest patterns last
        for path in endpoint.paths:
            app.router.add_route(endpoint.method, path, _handler(state, endpoint))
    app.middlewares.append(_unknown_route_middleware(state))


def _handler(state: State, endpoint: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await respond(state, endpoint, request)

    return handle


def _unknown_route_middleware(state: State) -> Callable[..., Awaitable[web.StreamResponse]]:
    @web.middleware
    async def record_unknown(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        is_known = request.match_info.http_exception is None
        if is_known or request.path.startswith("/_sandbox"):
            return await handler(request)
        state.unknown_routes.append(f"{request.method} {request.path}")
        state.calls.append(Call(request.method, request.path, "", 404, state.now(), "anonymous"))
        body = {"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}
        return web.json_response(body, status=404)

    return record_unknown
