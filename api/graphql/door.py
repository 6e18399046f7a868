"""GraphQL as a dialect: one path, to which queries are sent.

https://graphql.github.io/graphql-over-http/draft/
"""

import asyncio
from importlib import import_module
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.graphql.refusals import refusal
from api.http.endpoints import Call, Dialect, Endpoint, Result
from bot.context import Context

PATH = "/graphql"


class QueryBody(BaseModel):
    """A query."""

    query: str = Field(examples=['{ project(name: "site") { repo } }'])
    variables: dict[str, Any] | None = None
    operation_name: str | None = Field(None, alias="operationName")


class Extensions(BaseModel):
    """What programs can tell an error by, and what else there is to say of it."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(examples=["BAD_USER_INPUT"])


class ErrorShape(BaseModel):
    """What is wrong, and in which part of the query or of the answer where it is about one."""

    message: str = Field(examples=["Cannot query field 'rep' on type 'Project'."])
    locations: list[dict[str, int]] = Field([], examples=[[{"line": 1, "column": 3}]])
    path: list[str | int] = Field([], examples=[["project", "repo"]])
    extensions: Extensions


class Refused(BaseModel):
    """A query that is refused as it stands."""

    errors: list[ErrorShape] = Field(min_length=1)


class Answered(BaseModel):
    """What was asked for, and what is wrong with the parts of it that are null for that."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"data": {"project": {"repo": "acme/site"}}}]})

    data: dict[str, Any] | None
    errors: list[ErrorShape] = []


def dialect() -> Dialect:
    """GraphQL. Strangers may ask where there is anything that they may read: each field says what that is."""
    query = Endpoint(
        *("POST", PATH, Queries().perform, Answered),
        request_model=QueryBody,
        anonymous_grant="content:read",
        read_only=True,
        preserialized=True,
    )
    return Dialect("graphql", (query,), "Bearer", refusal, path_prefixes=(PATH,), error_model=Refused)


class Queries:
    """Runs queries. What runs them is loaded with the first: it takes a third of the time in which all else starts."""

    def __init__(self) -> None:
        self._running: Any = None

    async def perform(self, context: Context, call: Call[QueryBody, None]) -> Result:
        """Ask for what is wanted of projects, releases and all that belongs to them in one query."""
        if self._running is None:
            module = await asyncio.to_thread(import_module, "api.graphql.running")
            self._running = self._running or module.Queries()
        given: Result = await self._running.perform(context, call)
        return given
