"""GraphQL as a dialect: one path, to which queries are sent.

https://graphql.github.io/graphql-over-http/draft/
"""

import asyncio
from importlib import import_module
from typing import Any

from pydantic import BaseModel, Field

from api.endpoints import Call, Dialect, Endpoint, Given
from api.graphql.refusals import refusal
from bot.context import Context

PATH = "/graphql"


class QueryBody(BaseModel):
    """A query."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = Field(None, alias="operationName")


def dialect() -> Dialect:
    """GraphQL. Strangers may ask where there is anything that they may read: each field says what that is."""
    return Dialect(
        name="graphql",
        endpoints=(
            Endpoint("POST", PATH, Queries().perform, Any, takes=QueryBody, stranger="content:read", reads=True),
        ),
        challenge="Bearer",
        refuses=refusal,
        roots=(PATH,),
    )


class Queries:
    """Runs queries. What runs them is loaded with the first: it takes a third of the time in which all else starts."""

    def __init__(self) -> None:
        self._running: Any = None

    async def perform(self, context: Context, call: Call) -> Given:
        """Ask for what is wanted of projects, releases and all that belongs to them in one query."""
        if self._running is None:
            module = await asyncio.to_thread(import_module, "api.graphql.running")
            self._running = self._running or module.Queries()
        given: Given = await self._running.perform(context, call)
        return given
