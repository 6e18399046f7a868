"""Errors outside endpoints: unknown paths, wrong methods, and unexpected exceptions."""

from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiohttp import web

from bot.errors import Problem, Unavailable

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ErrorRenderer = Callable[[web.Request, Problem, int], web.Response]


class ErrorMiddleware:
    """Renders errors with the renderer of the longest path prefix that fits, else with `fallback`."""

    def __init__(self, renderers: Sequence[tuple[str, ErrorRenderer]], fallback: ErrorRenderer) -> None:
        self._renderers = sorted(renderers, key=lambda pair: -len(pair[0]))
        self._fallback = fallback

    @web.middleware
    async def error_middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn every exception into a response. An unexpected one is logged in full and reported as a plain 500."""
        try:
            return await handler(request)
        except web.HTTPException as answer:
            if answer.status < 400:
                return web.Response(status=answer.status, headers=answer.headers)
            response = self._render(request, Problem(answer.reason), answer.status)
            if allow := answer.headers.get("Allow"):
                response.headers["Allow"] = allow
            return response
        except Unavailable as unavailable:
            return self._render(request, unavailable, 503)
        except Exception:
            log.exception("fault", method=request.method, path=request.path)
            return self._render(request, Problem("Something went wrong here. The log says what."), 500)

    def _render(self, request: web.Request, problem: Problem, status: int) -> web.Response:
        path = request.path
        fitting = (render for prefix, render in self._renderers if path == prefix or path.startswith(f"{prefix}/"))
        return next(fitting, self._fallback)(request, problem, status)
