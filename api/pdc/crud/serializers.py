"""Serialization of stored rows, for responses and for the change log."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from api.pdc.crud.resource import Field, Item, RelatedValues, RenderContext, Resource
from bot.operations.changes import Table
from bot.rules.permissions import Visibility
from bot.store.lists import Conditions, Row, Rows

NO_LINKS = RenderContext("", "", date.min)


@lru_cache
def table(resource: Resource) -> Table:
    """The table that a resource is written to. The change log contains its writable fields, serialized."""
    writable, columns = [field for field in resource.fields if field.column], resource.columns(resource.fields)

    def log_values(rows: Sequence[Row]) -> list[Item]:
        return serialize(writable, rows, NO_LINKS)

    unique, prepare = resource.unique, resource.prepare
    return Table(resource.name, resource.query, columns, log_values, unique, prepare, resource.timestamps)


async def render(
    resource: Resource, fields: Sequence[Field], rows: Rows, context: RenderContext, viewer: Visibility
) -> list[Item]:
    """Serialize rows for a response, with derived fields and those related values that the viewer may see."""
    for field in fields:
        if field.related is not None:
            await _add_related(field.name, field.related, rows, viewer)
    items = serialize(fields, list(rows.values()), context)
    if resource.add_derived is not None:
        for item, row in zip(items, rows.values(), strict=True):
            resource.add_derived(item, row)
    return items


def serialize(fields: Sequence[Field], rows: Sequence[Row], context: RenderContext) -> list[Item]:
    """Serialize fields of rows, field by field: lists are long, and most values need no conversion."""
    for field in fields:
        _add_composite(field, rows)
    names = [field.name for field in fields]
    items: list[Item] = [{name: row[name] for name in names} for row in rows]
    for field in fields:
        serializer = field.type.serialize if field.serializer is None else field.serializer(context)
        if serializer is not None:
            for item in items:
                if (value := item[field.name]) is not None or field.serializer is not None:
                    item[field.name] = serializer(value)
    return items


def _add_composite(field: Field, rows: Sequence[Row]) -> None:
    """Add the value of a field without a single path to rows: an object of several columns, or None."""
    if isinstance(field.path, str) or field.related is not None:
        return
    parts = [(part, f"{field.name}.{part}") for part in field.path or ()]
    for row in rows:
        row[field.name] = {part: row[column] for part, column in parts} if parts else None


async def _add_related(name: str, related: RelatedValues, rows: Rows, viewer: Visibility) -> None:
    """Add to each row the values of the rows that refer to it."""
    values: dict[int, list[Any]] = {row_id: [] for row_id in rows}
    query, conditions = related.query, Conditions()
    conditions.add_in(query.column(related.foreign_key), list(values))
    query.restrict(conditions, viewer)
    columns = {"row_id": related.foreign_key, "value": related.path}
    for row in (await query.rows(columns, conditions, [(query.column(related.path), False)])).values():
        values[row["row_id"]].append(row["value"])
    for row_id, row in rows.items():
        row[name] = values[row_id]
