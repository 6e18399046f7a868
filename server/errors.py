"""Errors outside endpoints: unknown paths, wrong methods, and unexpected exceptions."""

from collections.abc import Sequence

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from api.http.errors import ErrorRenderer
from bot.errors import Problem, Unavailable

log = structlog.get_logger()


class ErrorMiddleware:
    """Renders errors with the renderer of the longest matching path prefix, or else with `fallback`."""

    def __init__(self, renderers: Sequence[tuple[str, ErrorRenderer]], fallback: ErrorRenderer) -> None:
        self._renderers = sorted(renderers, key=lambda pair: len(pair[0]), reverse=True)
        self._fallback = fallback

    @web.middleware
    async def error_middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn every exception into a response. Unexpected ones are logged and become a bare 500."""
        try:
            return await handler(request)
        except web.HTTPException as http_error:
            if http_error.status < 400:
                return web.Response(status=http_error.status, headers=http_error.headers)
            response = self._render(request, Problem(http_error.reason), http_error.status)
            if allow := http_error.headers.get("Allow"):
                response.headers["Allow"] = allow
            return response
        except Unavailable as unavailable:
            return self._render(request, unavailable, 503)
        except Exception:
            log.exception("fault", method=request.method, path=request.path)
            return self._render(request, Problem("Something went wrong here. The log says what."), 500)

    def _render(self, request: web.Request, problem: Problem, status: int) -> web.Response:
        path = request.path
        matching = (render for prefix, render in self._renderers if path == prefix or path.startswith(f"{prefix}/"))
        return next(matching, self._fallback)(request, problem, status)
