"""Stored rows, serialized for responses and for the change log."""

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
    """The table to which a resource is written. The change log keeps its writable fields, serialized."""
    written, columns = [each for each in resource.fields if each.column], resource.columns(resource.fields)

    def log_values(rows: Sequence[Row]) -> list[Item]:
        return serialize(written, rows, NO_LINKS)

    unique, prepare = resource.unique, resource.prepare
    return Table(resource.name, resource.query, columns, log_values, unique, prepare, resource.timestamps)


async def render(
    resource: Resource, fields: Sequence[Field], rows: Rows, context: RenderContext, viewer: Visibility
) -> list[Item]:
    """Serialize rows for a response, with related values and derived fields that the viewer may see."""
    for each in fields:
        if each.related is not None:
            await _add_related(each.name, each.related, rows, viewer)
    items = serialize(fields, list(rows.values()), context)
    if resource.add_derived is not None:
        for item, row in zip(items, rows.values(), strict=True):
            resource.add_derived(item, row)
    return items


def serialize(fields: Sequence[Field], rows: Sequence[Row], context: RenderContext) -> list[Item]:
    """Serialize fields of rows, one field after the other: lists are long, and most values stay as they were read."""
    for each in fields:
        _add_composite(each, rows)
    names = [each.name for each in fields]
    items: list[Item] = [{name: row[name] for name in names} for row in rows]
    for each in fields:
        serializer = each.type.serialize if each.serializer is None else each.serializer(context)
        if serializer is not None:
            for item in items:
                if (value := item[each.name]) is not None or each.serializer is not None:
                    item[each.name] = serializer(value)
    return items


def _add_composite(field: Field, rows: Sequence[Row]) -> None:
    """Add the value of a field without a column of its own to rows: an object of several columns, or None."""
    if isinstance(field.path, str) or field.related is not None:
        return
    parts = [(part, f"{field.name}.{part}") for part in field.path or ()]
    for row in rows:
        row[field.name] = {part: row[column] for part, column in parts} if parts else None


async def _add_related(name: str, related: RelatedValues, rows: Rows, viewer: Visibility) -> None:
    """Add to rows the values of those rows that refer to them."""
    found: dict[int, list[Any]] = {row_id: [] for row_id in rows}
    query, conditions = related.query, Conditions()
    conditions.add_in(query.column(related.foreign_key), list(found))
    query.restrict(conditions, viewer)
    columns = {"referred": related.foreign_key, "value": related.path}
    for row in (await query.rows(columns, conditions, [(query.column(related.path), False)])).values():
        found[row["referred"]].append(row["value"])
    for row_id, row in rows.items():
        row[name] = found[row_id]
