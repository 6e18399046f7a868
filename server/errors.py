"""What is said where no endpoint is reached: unknown paths, wrong methods, and our own faults, in a dialect's words."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import PurePosixPath

import structlog
from aiohttp import web

from api.http.bodies import JSON, Form
from api.http.endpoints import Dialect, refused
from api.http.problems import CONTENT_TYPE, problem_details
from bot.errors import Problem, Unavailable

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NATIVE = Dialect("native", (), "Bearer", problem_details, CONTENT_TYPE)


class ErrorPages:
    """Speaks for paths that nobody else does: below the roots of a dialect in that one's words, else in our own."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._dialects = sorted(
            ((root, dialect) for dialect in dialects for root in dialect.roots), key=lambda pair: -len(pair[0])
        )

    @web.middleware
    async def error_middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer in a program's words whatever happens. A fault of ours is logged whole and told to nobody."""
        try:
            return await handler(request)
        except web.HTTPException as answer:
            if answer.status < 400:
                return web.Response(status=answer.status, headers=answer.headers)
            response = self._said(request, Problem(answer.reason), answer.status)
            if allow := answer.headers.get("Allow"):
                response.headers["Allow"] = allow
            return response
        except Unavailable as unavailable:
            return self._said(request, unavailable, 503)
        except Exception:
            log.exception("fault", method=request.method, path=request.path)
            return self._said(request, Problem("Something went wrong here. The log says what."), 500)

    def _said(self, request: web.Request, problem: Problem, status: int) -> web.Response:
        path = request.path
        found = (dialect for root, dialect in self._dialects if path == root or path.startswith(f"{root}/"))
        dialect = next(found, NATIVE)
        return refused(dialect, problem, form_of(dialect, path), status)


def form_of(dialect: Dialect, path: str) -> Form:
    """How a dialect writes answers at a path that is none of its own: as at its paths that end alike."""
    suffix = PurePosixPath(path).suffix
    return next(
        (one.form for one in dialect.endpoints if suffix and PurePosixPath(one.path).suffix == suffix),
        dialect.endpoints[0].form if dialect.endpoints else JSON,
    )
