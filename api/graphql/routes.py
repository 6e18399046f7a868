"""The GraphQL dialect: one endpoint for all queries.

https://graphql.github.io/graphql-over-http/draft/
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from importlib import import_module

from pydantic import BaseModel, ConfigDict, Field

from api.graphql.errors import error_response
from api.http.endpoints import Call, Dialect, Endpoint, Result
from bot.context import Context

PATH = "/graphql"


class GraphQLRequest(BaseModel):
    """A GraphQL query with its variables."""

    query: str = Field(examples=['{ project(name: "site") { repo } }'])
    variables: dict[str, object] | None = None
    operation_name: str | None = Field(None, alias="operationName")


class GraphQLErrorExtensions(BaseModel):
    """The machine-readable code of an error, and its details."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(examples=["BAD_USER_INPUT"])


class GraphQLError(BaseModel):
    """An error, with the part of the query or of the response that it concerns."""

    message: str = Field(examples=["Cannot query field 'rep' on type 'Project'."])
    locations: list[dict[str, int]] = Field([], examples=[[{"line": 1, "column": 3}]])
    path: list[str | int] = Field([], examples=[["project", "repo"]])
    extensions: GraphQLErrorExtensions


class GraphQLErrorResponse(BaseModel):
    """The response to a query that is not executed."""

    errors: list[GraphQLError] = Field(min_length=1)


class GraphQLResponse(BaseModel):
    """The result of a query. Fields that failed are null, each with an error."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"data": {"project": {"repo": "acme/site"}}}]})

    data: dict[str, object] | None
    errors: list[GraphQLError] = []


@cache
def dialect() -> Dialect:
    """Return the GraphQL dialect. It is open to anonymous callers; each field checks its own grant."""
    query = Endpoint(
        *("POST", PATH, LazyExecutor().perform, GraphQLResponse),
        request_model=GraphQLRequest,
        anonymous_grant="content:read",
        read_only=True,
        preserialized=True,
    )
    return Dialect(
        "graphql", (query,), "Bearer", error_response, path_prefixes=(PATH,), error_model=GraphQLErrorResponse
    )


class LazyExecutor:
    """Executes queries. The executor is imported with the first one, since that takes a third of the start-up time."""

    def __init__(self) -> None:
        self._perform: Callable[[Context, Call[GraphQLRequest, None]], Awaitable[Result]] | None = None

    async def perform(self, context: Context, call: Call[GraphQLRequest, None]) -> Result:
        """Query projects, releases and everything that belongs to them."""
        if self._perform is None:
            module = await asyncio.to_thread(import_module, "api.graphql.execution")
            self._perform = self._perform or module.QueryExecutor().perform
        return await self._perform(context, call)
