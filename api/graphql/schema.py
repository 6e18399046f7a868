"""The schema, and how values are written in answers."""

from datetime import date, datetime
from typing import Any

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from api.graphql.types import Query
from api.http.types import format_utc


def _day(value: Any) -> date:
    if isinstance(value, str) and len(value) == len("2026-11-03"):
        return date.fromisoformat(value)
    raise ValueError("a day is written as in 2026-11-03")


def _column(row: Any, name: str) -> Any:
    return row[name]


SCALARS: dict[object, Any] = {
    datetime: strawberry.scalar(
        name="DateTime", description="A time in UTC as ISO 8601, as in 2026-11-03T18:00:00Z.", serialize=format_utc
    ),
    date: strawberry.scalar(
        name="Date", description="A day as ISO 8601, as in 2026-11-03.", serialize=str, parse_value=_day
    ),
}
SCHEMA: GraphQLSchema = strawberry.Schema(
    Query, config=StrawberryConfig(default_resolver=_column, scalar_map=SCALARS)
)._schema
