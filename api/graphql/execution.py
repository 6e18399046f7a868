"""Execution of queries and the form of their results."""

from inspect import isawaitable

import graphql
import structlog
from cachetools import LRUCache
from graphql import DocumentNode, ExecutionResult, GraphQLError

from api.graphql import limits
from api.graphql.errors import CODES, INTERNAL_ERROR, error_extensions
from api.graphql.query_context import QueryContext
from api.graphql.routes import PATH, GraphQLRequest
from api.graphql.schema import SCHEMA
from api.http.endpoints import Call, Result
from api.http.errors import status_of
from bot.context import Context
from bot.errors import Problem, Unavailable
from bot.log import bind_log_context

MAX_CACHED_QUERIES = 100
MAX_CACHED_CHARACTERS = 4_000  # of one query

log = structlog.get_logger()


class QueryExecutor:
    """Executes queries. Parsed queries are cached, since parsing and validation take longer than most executions."""

    def __init__(self) -> None:
        self._documents: LRUCache[str, DocumentNode] = LRUCache(MAX_CACHED_QUERIES)

    async def perform(self, context: Context, call: Call[GraphQLRequest, None]) -> Result:
        """Execute a query; refuse one that is invalid or exceeds the limits."""
        body = call.body
        document = self._parse(body.query)
        operation = limits.select_operation(document, body.operation_name)
        variables = body.variables or {}
        coerced = limits.coerce_variables(SCHEMA, operation, variables)
        bind_log_context(cost=limits.check_cost(SCHEMA, document, operation, coerced))
        execution = graphql.execute(
            SCHEMA,
            document,
            context_value=QueryContext(context),
            variable_values=variables,
            operation_name=operation.name.value if operation.name else None,
        )
        return result_of(await execution if isawaitable(execution) else execution)

    def _parse(self, text: str) -> DocumentNode:
        document = self._documents.get(text)
        if document is None:
            document = limits.parse_query(SCHEMA, text)
            if len(text) <= MAX_CACHED_CHARACTERS:
                self._documents[text] = document
        return document


def result_of(execution: ExecutionResult) -> Result:
    """Return the response to an executed query; raise Unavailable if the database failed during any field."""
    errors = sorted(execution.errors or [], key=_sortable_path)  # they are in the order in which fields completed
    for error in errors:
        if isinstance(error.original_error, Unavailable):
            raise error.original_error
    body: dict[str, object] = {"data": execution.data}
    if errors:
        bind_log_context(errors=len(errors))
        body["errors"] = [_field_error(error) for error in errors]
    return Result(body, 200)


def _sortable_path(error: GraphQLError) -> list[str]:
    """Return the path of an error with its list indexes padded, so that they sort as numbers."""
    return [str(part).zfill(9) for part in error.path or ()]


def _field_error(error: GraphQLError) -> dict[str, object]:
    """Return the error of a field. An unexpected exception is logged with its traceback, but not disclosed."""
    problem = error.original_error
    if isinstance(problem, Problem):
        message, extensions = problem.sentence, error_extensions(problem, status_of(problem))
    elif isinstance(problem, GraphQLError) and problem.nodes:  # refers to the invalid part of the query
        message, extensions = error.message, {"code": CODES[400]}
    else:
        log.error("fault", path=PATH, field=".".join(map(str, error.path or ())), exc_info=problem or error)
        message, extensions = INTERNAL_ERROR, {"code": CODES[500]}
    return {**error.formatted, "message": message, "extensions": extensions}
