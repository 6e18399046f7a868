"""Rows as they are shown: what is read for them, and what is made of it."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from api.pdc.crud.resource import Field, Many, Resource, View
from bot.operations.records import Row, Table
from bot.rules.permissions import Visibility
from bot.store.lists import Where

NOWHERE = View("", "", date.min)


def read(resource: Resource, fields: Iterable[Field]) -> dict[str, str]:
    """What is read to show these fields of a row: names to paths."""
    shown = {"#": "id", **resource.columns}
    for each in fields:
        shown |= each.columns
    return shown


@lru_cache
def table(resource: Resource) -> Table:
    """What writes the rows of a resource. The change log keeps the fields that are written, as they are shown."""
    written = [each for each in resource.fields if each.column]

    def told(rows: Sequence[Row]) -> list[Row]:
        return items(written, rows, NOWHERE)

    shown = read(resource, resource.fields)
    return Table(resource.name, resource.listing, shown, told, resource.unique, resource.prepare, resource.stamped)


async def render(
    resource: Resource, fields: Sequence[Field], rows: Sequence[Row], view: View, viewer: Visibility
) -> list[dict[str, Any]]:
    """Rows as they are answered to somebody of this viewer."""
    for each in fields:
        if each.many is not None:
            await _gather(each.name, each.many, rows, viewer)
    shown = items(fields, rows, view)
    if resource.beside is not None:
        for item, row in zip(shown, rows, strict=True):
            resource.beside(item, row)
    return shown


def items(fields: Sequence[Field], rows: Sequence[Row], view: View) -> list[dict[str, Any]]:
    """The fields of rows, made one field after the other: lists show many rows, and most fields as they were read."""
    for each in fields:
        _join(each, rows)
    names = [each.name for each in fields]
    shown = [{name: row[name] for name in names} for row in rows]
    for each in fields:
        show = each.kind.show if each.show is None else each.show(view)
        if show is not None:
            for item in shown:
                if (value := item[each.name]) is not None or each.show is not None:
                    item[each.name] = show(value)
    return shown


def _join(field: Field, rows: Sequence[Row]) -> None:
    """Put a value into rows that have none of the field's name: an object of several columns, or nothing."""
    if isinstance(field.path, str) or field.many is not None:
        return
    parts = [(part, f"{field.name}.{part}") for part in field.path or ()]
    for row in rows:
        row[field.name] = {part: row[column] for part, column in parts} if parts else None


async def _gather(name: str, many: Many, rows: Sequence[Row], viewer: Visibility) -> None:
    """Put into rows what is read from the rows that refer to them."""
    found: dict[int, list[Any]] = {row["#"]: [] for row in rows}
    where = Where()
    where.among(many.listing.column(many.by), list(found))
    many.listing.within(where, viewer)
    order = [(many.listing.column(many.shows), False)]
    for each in await many.listing.page({"by": many.by, "shows": many.shows}, where, order):
        found[each["by"]].append(each["shows"])
    for row in rows:
        row[name] = found[row["#"]]
