"""Queries, run and answered."""

from inspect import isawaitable
from typing import Any

import graphql
import structlog
from cachetools import LRUCache
from graphql import DocumentNode, ExecutionResult, GraphQLError

from api.graphql import limits
from api.graphql.reading import Reading
from api.graphql.refusals import CODES, WRONG, extensions
from api.graphql.schema import SCHEMA
from api.http.endpoints import Call, Result
from api.http.errors import status_of
from bot.context import Context
from bot.errors import Problem, Unavailable
from bot.log import bind_log_context

REMEMBERED = 100  # queries
LONGEST_REMEMBERED = 4_000  # characters

log = structlog.get_logger()


class Queries:
    """Answers queries. Those that are asked again are not read again: reading one takes longer than most answers."""

    def __init__(self) -> None:
        self._read: LRUCache[str, DocumentNode] = LRUCache(REMEMBERED)

    async def perform(self, context: Context, call: Call[Any, None]) -> Result:
        """Run a query, unless it is refused as it stands."""
        body = call.body
        document = self._document(body.query)
        operation = limits.operation_of(document, body.operation_name)
        given = body.variables or {}
        variables = limits.variables_of(SCHEMA, operation, given)
        bind_log_context(cost=limits.check_cost(SCHEMA, document, operation, variables))
        running = graphql.execute(
            SCHEMA,
            document,
            context_value=Reading(context),
            variable_values=given,
            operation_name=operation.name.value if operation.name else None,
        )
        return answer_of(await running if isawaitable(running) else running)

    def _document(self, text: str) -> DocumentNode:
        document = self._read.get(text)
        if document is None:
            document = limits.read(SCHEMA, text)
            if len(text) <= LONGEST_REMEMBERED:
                self._read[text] = document
        return document


def answer_of(result: ExecutionResult) -> Result:
    """What a query has come to. A database that is away is told as such, so that the same query is sent again."""
    errors = sorted(result.errors or [], key=_place)  # they come as the database answers: in any order
    for error in errors:
        if isinstance(error.original_error, Unavailable):
            raise error.original_error
    told: dict[str, Any] = {"data": result.data}
    if errors:
        bind_log_context(errors=len(errors))
        told["errors"] = [_told(error) for error in errors]
    return Result(told, 200)


def _place(error: GraphQLError) -> list[str]:
    """Where an error is in the answer."""
    return [str(part).zfill(9) for part in error.path or ()]


def _told(error: GraphQLError) -> dict[str, Any]:
    """An error of a field. A fault of ours is logged whole and told to nobody."""
    said: dict[str, Any] = {**error.formatted}
    problem = error.original_error
    if isinstance(problem, Problem):
        said["message"] = problem.sentence
        said["extensions"] = extensions(problem, status_of(problem))
    elif isinstance(problem, GraphQLError) and problem.nodes:  # it names a part of the query: that is what is wrong
        said["extensions"] = {"code": CODES[400]}
    else:
        path = ".".join(map(str, error.path or ()))
        log.error("fault", path="/graphql", field=path, exc_info=problem or error)
        said["message"] = WRONG
        said["extensions"] = {"code": CODES[500]}
    return said
