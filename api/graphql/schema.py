"""The schema and its scalars."""

from collections.abc import Mapping
from datetime import date, datetime

import strawberry
from graphql import GraphQLSchema
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

from api.graphql.types import Query
from api.http.types import format_utc


def _parse_date(value: object) -> date:
    if isinstance(value, str) and len(value) == len("2026-11-03"):
        return date.fromisoformat(value)
    raise ValueError("a day is written as in 2026-11-03")


def _as_it_is(value: object) -> object:
    return value


def _column(record: object, name: str) -> object:
    """Return a column of a row, or an attribute of what an operation has read."""
    return record[name] if isinstance(record, Mapping) else getattr(record, name)


SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime", description="A time in UTC as ISO 8601, as in 2026-11-03T18:00:00Z.", serialize=format_utc
    ),
    date: strawberry.scalar(
        name="Date", description="A date as ISO 8601, as in 2026-11-03.", serialize=str, parse_value=_parse_date
    ),
    JSON: strawberry.scalar(name="JSON", description="Any value.", serialize=_as_it_is),
}
SCHEMA: GraphQLSchema = strawberry.Schema(
    Query, config=StrawberryConfig(default_resolver=_column, scalar_map=SCALARS)
)._schema
