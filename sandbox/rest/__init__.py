"""The REST API: one module per group of endpoints, dispatched by `responding.respond`."""

import functools
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from sandbox.records import Call
from sandbox.rest import (
    actions,
    app_pages,
    apps,
    checks,
    commits,
    deployments,
    discussion,
    environments,
    hooks,
    refs,
    releases,
    repositories,
    sign_in,
    statuses,
    teams,
    users,
)
from sandbox.rest.core import ROUTES, Route, full_paths
from sandbox.rest.headers import add_headers, front_page, is_control, user_agent_refusal
from sandbox.rest.responding import respond
from sandbox.state import State

MODULES = (
    *(actions, apps, checks, commits, deployments, discussion, environments),
    *(hooks, refs, releases, repositories, statuses, teams, users),
)

NOT_SIMULATED = (
    "{repo}/commits/{ref:.+}/check-suites",
    "{repo}/branches/{branch:.+}/protection",
    "{repo}/branches/{branch:.+}/protection/{rest:.+}",
)
"""GitHub's GET routes that the pattern of another endpoint would match too."""

STATE = web.AppKey("state", State)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_routes(app: web.Application, state: State) -> None:
    """Register all endpoints; requests for other routes are recorded and get 404."""
    app[STATE] = state
    for resource in _resources(state.server.root):
        app.router.register_resource(resource)
    app.router.add_get(sign_in.AUTHORIZE, functools.partial(sign_in.authorize, state))
    app.router.add_post(sign_in.ACCESS_TOKEN, functools.partial(sign_in.exchange, state))
    app_pages.add_pages(app, state)
    app.middlewares.append(_middleware(state))

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        if not is_control(request):
            add_headers(state, request, response)

    app.on_response_prepare.append(prepare)


@functools.cache
def _resources(root: str) -> Sequence[web.AbstractResource]:
    """The routes below a path: all sandboxes of a process share them, since making them takes longer than the rest."""
    router = web.UrlDispatcher()
    for path in NOT_SIMULATED:
        _add(router, root, "GET", path, _not_simulated)
    for endpoint in sorted(ROUTES, key=lambda route: route.path.endswith(":.+}")):  # the greediest patterns last
        _add(router, root, endpoint.method, endpoint.path, functools.partial(_respond, endpoint))
    return tuple(router.resources())


def _add(router: web.UrlDispatcher, root: str, method: str, path: str, handler: Handler) -> None:
    for full_path in full_paths(path):
        router.add_route(method, root + full_path, handler)
        if method == "GET":
            router.add_route("HEAD", root + full_path, handler)


async def _respond(endpoint: Route, request: web.Request) -> web.StreamResponse:
    return await respond(request.app[STATE], endpoint, request)


async def _not_simulated(request: web.Request) -> web.StreamResponse:
    return await _unknown_route(request.app[STATE], request)


def _middleware(state: State) -> Callable[..., Awaitable[web.StreamResponse]]:
    @web.middleware
    async def handle_others(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer what is no request to a known endpoint."""
        if is_control(request):
            return await handler(request)
        if not request.headers.get("User-Agent"):
            return _recorded(state, request, user_agent_refusal())
        if request.path in (sign_in.AUTHORIZE, sign_in.ACCESS_TOKEN) or app_pages.is_page(request.path):
            return await handler(request)
        if not request.path.startswith(f"{state.server.root}/"):
            return _recorded(state, request, front_page(state, request))
        if request.match_info.http_exception is not None:
            return await _unknown_route(state, request)
        return await handler(request)

    return handle_others


async def _unknown_route(state: State, request: web.Request) -> web.Response:
    state.unknown_routes.append(f"{request.method} {request.path}")
    body = {"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}
    return _recorded(state, request, web.json_response(body, status=404))


def _recorded(state: State, request: web.Request, response: web.Response) -> web.Response:
    state.calls.append(Call(request.method, request.path, "", response.status, state.now(), "anonymous"))
    return response
