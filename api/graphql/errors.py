"""How refusals are told in GraphQL."""

from collections.abc import Sequence
from typing import Any

from bot.errors import Problem, Refusal

WRONG = "Something went wrong here. The log says what."
CODES = {
    400: "BAD_USER_INPUT",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "CONTENT_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_SERVER_ERROR",
    503: "UNAVAILABLE",
}


class Invalid(Refusal):
    """A query that cannot be run: `errors` is what is wrong with it, `code` what sort of wrong that is.

    The sentence, which is logged, quotes nothing of it.
    """

    def __init__(self, errors: Sequence[Any], code: str) -> None:
        super().__init__("The query cannot be run.")
        self.errors = errors
        self.code = code


class TooMuch(Refusal):
    """A query that is longer, deeper or dearer than is allowed."""


def refusal(problem: Problem, status: int) -> dict[str, Any]:
    """A refusal of a whole query."""
    if isinstance(problem, Invalid):
        return {"errors": [{**error.formatted, "extensions": {"code": problem.code}} for error in problem.errors]}
    return {"errors": [{"message": problem.sentence, "extensions": extensions(problem, status)}]}


def extensions(problem: Problem, status: int) -> dict[str, Any]:
    """What programs can tell a refusal by."""
    code = "TOO_MUCH" if isinstance(problem, TooMuch) else CODES.get(status, CODES[500])
    return {**problem.details, "code": code}
