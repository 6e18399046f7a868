"""GraphQL errors, of whole queries and of single fields."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.errors import Problem, Refusal

INTERNAL_ERROR = "Something went wrong here. The log says what."
CODES = {
    400: "BAD_USER_INPUT",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
    413: "CONTENT_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_SERVER_ERROR",
    503: "UNAVAILABLE",
}


class QueryError(Protocol):
    """The part of graphql-core's GraphQLError used here. The library itself is imported with the first query."""

    @property
    def formatted(self) -> Mapping[str, object]:
        """The error as the GraphQL specification formats it."""


class InvalidQuery(Refusal):
    """A query that cannot be executed because of `errors`; `code` classifies them.

    The sentence is logged, and therefore does not quote the query.
    """

    def __init__(self, errors: Sequence[QueryError], code: str) -> None:
        super().__init__("The query cannot be run.")
        self.errors = errors
        self.code = code


class LimitExceeded(Refusal):
    """A query that is longer, deeper or more expensive than allowed."""


def error_response(problem: Problem, status: int) -> dict[str, object]:
    """Return the response to a query that is not executed."""
    if isinstance(problem, InvalidQuery):
        return {"errors": [{**error.formatted, "extensions": {"code": problem.code}} for error in problem.errors]}
    return {"errors": [{"message": problem.sentence, "extensions": error_extensions(problem, status)}]}


def error_extensions(problem: Problem, status: int) -> dict[str, object]:
    """Return the code and the details of a problem."""
    code = "TOO_MUCH" if isinstance(problem, LimitExceeded) else CODES.get(status, CODES[500])
    return {**problem.details, "code": code}
