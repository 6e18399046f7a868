"""Errors as pages: the sentence of the refusal, and every gate that has a say in it."""

from collections.abc import Sequence

from bot.errors import Conflict, Forbidden, NotFound, Problem, RateLimited, Refusal, Unauthenticated, Unavailable

STATUSES: Sequence[tuple[type[Problem], int]] = (
    (RateLimited, 429),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Refusal, 400),
    (Unavailable, 503),
)
TITLES = {
    400: "That did not work",
    401: "Sign in",
    403: "Not allowed",
    404: "Not found",
    405: "Not found",
    409: "Not now",
    413: "Too large",
    429: "Too many requests",
    503: "Unavailable",
}


def status_of(problem: Problem) -> int:
    """The HTTP status of a page that says why something was refused."""
    return next((status for kind, status in STATUSES if isinstance(problem, kind)), 500)


def title_of(status: int) -> str:
    """The heading of an error's page."""
    return TITLES.get(status, "Something went wrong")
