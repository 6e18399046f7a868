"""The REST API: one module per group of endpoints, dispatched by `core.respond`."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from sandbox.records import Call
from sandbox.rest import actions, apps, checks, commits, deployments, discussion, hooks, refs, repositories, users
from sandbox.rest.core import ROUTES, Route, respond
from sandbox.rest.headers import add_headers, front_page, is_control, user_agent_refusal
from sandbox.state import State

MODULES = (actions, apps, checks, commits, deployments, discussion, hooks, refs, repositories, users)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_routes(app: web.Application, state: State) -> None:
    """Register all endpoints; requests for other routes are recorded and get 404."""
    for endpoint in sorted(ROUTES, key=lambda route: route.path.endswith(":.+}")):  # the greediest patterns last
        handler = _handler(state, endpoint)
        for path in endpoint.paths:
            for method in endpoint.methods:
                app.router.add_route(method, state.server.root + path, handler)
    app.middlewares.append(_middleware(state))

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        if not is_control(request):
            add_headers(state, request, response)

    app.on_response_prepare.append(prepare)


def _handler(state: State, endpoint: Route) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await respond(state, endpoint, request)

    return handle


def _middleware(state: State) -> Callable[..., Awaitable[web.StreamResponse]]:
    @web.middleware
    async def handle_others(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer what is no request to a known endpoint."""
        if is_control(request):
            return await handler(request)
        if not request.headers.get("User-Agent"):
            response = user_agent_refusal()
        elif not request.path.startswith(f"{state.server.root}/"):
            response = front_page(state, request)
        elif request.match_info.http_exception is None:
            return await handler(request)
        else:
            response = _unknown_route(state, request)
        state.calls.append(Call(request.method, request.path, "", response.status, state.now(), "anonymous"))
        return response

    return handle_others


def _unknown_route(state: State, request: web.Request) -> web.Response:
    state.unknown_routes.append(f"{request.method} {request.path}")
    body = {"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}
    return web.json_response(body, status=404)
