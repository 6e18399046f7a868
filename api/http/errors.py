"""Problems as HTTP error responses: statuses, headers, and the bodies of each dialect."""

from collections.abc import Callable
from pathlib import PurePosixPath

import structlog
from aiohttp import web

from api.http.bodies import JSON, BadRequest, Codec
from api.http.endpoints import AnyEndpoint, Dialect
from api.http.problems import CONTENT_TYPE, ProblemDetails, problem_details
from bot.errors import (
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    NotFound,
    Problem,
    RateLimited,
    Refusal,
    RequestInProgress,
    Unauthenticated,
    Unavailable,
)

STATUSES: tuple[tuple[type[Problem], int], ...] = (  # the first matching class wins
    (RateLimited, 429),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (IdempotencyKeyReused, 422),
    (Refusal, 400),
    (Unavailable, 503),
)

log = structlog.get_logger()

ErrorRenderer = Callable[[web.Request, Problem, int], web.Response]


def status_of(problem: Problem) -> int:
    """The usual HTTP status of a problem; a dialect may have its own."""
    if isinstance(problem, BadRequest):
        return problem.status
    return next((status for problem_type, status in STATUSES if isinstance(problem, problem_type)), 500)


def error_response(dialect: Dialect, problem: Problem, codec: Codec = JSON, status: int = 0) -> web.Response:
    """The error response of a dialect. `status` overrides the status of the problem."""
    status, headers = status or (dialect.error_status or status_of)(problem), {}
    if status == 401:
        headers["WWW-Authenticate"] = dialect.challenge
    if isinstance(problem, Unavailable | RateLimited | RequestInProgress):
        headers["Retry-After"] = str(problem.retry_after)
    if isinstance(problem, Unavailable):
        log.warning("unavailable", sentence=problem.sentence, details=dict(problem.details))
    body = codec.dumps(dialect.error_body(problem, status))
    content_type = dialect.error_content_type or codec.content_types[0]
    return web.Response(body=body, status=status, headers=headers, content_type=content_type)


def error_renderer(dialect: Dialect) -> ErrorRenderer:
    """A function that renders problems at any path of a dialect, known or unknown."""

    def render(request: web.Request, problem: Problem, status: int) -> web.Response:
        return error_response(dialect, problem, codec_for(dialect, request.path), status)

    return render


def codec_for(dialect: Dialect, path: str) -> Codec:
    """The format of errors at an unknown path: that of the endpoints with the same suffix."""
    suffix = PurePosixPath(path).suffix
    return next(
        (endpoint.codec for endpoint in dialect.endpoints if suffix and PurePosixPath(endpoint.path).suffix == suffix),
        dialect.endpoints[0].codec if dialect.endpoints else JSON,
    )


def native_dialect(name: str, *endpoints: AnyEndpoint) -> Dialect:
    """A dialect of native routes, whose errors are problem details (RFC 9457)."""
    return Dialect(
        name=name,
        endpoints=endpoints,
        challenge="Bearer",
        error_body=problem_details,
        error_content_type=CONTENT_TYPE,
        error_model=ProblemDetails,
    )


render_problem_details = error_renderer(native_dialect("native"))
