"""What callers send, as values to be written: every field read by its kind, every reference found, or all refused."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.pdc.crud.resource import REQUIRED, Field, Invalid, Known, Refers, Resource
from bot.operations.records import Row
from bot.rules.permissions import Visibility
from bot.store.lists import Listing, Where


async def references(resource: Resource, items: Sequence[Any], viewer: Visibility) -> Known:
    """The rows that items refer to and the caller sees, by field and key. What cannot be read refers to nothing."""
    return {
        each.name: await _referred(each.refers, _readable(each, items), viewer)
        for each in resource.fields
        if each.refers is not None
    }


def _readable(field: Field, items: Sequence[Any]) -> list[Any]:
    values = []
    for item in items:
        try:
            values.append(field.kind.read(item[field.name]))
        except (ValueError, TypeError, KeyError):  # told when the item is shaped
            continue
    return values


async def _referred(refers: Refers, values: Sequence[Any], viewer: Visibility) -> Mapping[Any, Row]:
    listing, where = Listing(refers.model, refers.project), Where()
    if not refers.closed:
        where.among(listing.column(refers.key), list(dict.fromkeys(values)))
    listing.within(where, viewer)
    shown = {name: name for name in ("id", refers.key, *refers.columns)}
    return {row[refers.key]: row for row in await listing.page(shown, where)}


def shape(
    fields: Sequence[Field], names: Mapping[str, str], item: Any, known: Known, *, partial: bool
) -> dict[str, Any]:
    """What an item asks to be written, by field; refused with everything that is wrong with it.

    `names` are the fields that are taken, with the columns of those that can be written. `partial` items write what
    they give, others all `fields`.
    """
    if item is None:
        raise Invalid({"detail": ["No data provided"]})
    if not isinstance(item, dict):
        raise Invalid({"detail": f"Invalid data. Expected an object, but got {type(item).__name__}."})
    _refuse_names(names, item)
    values: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for each in fields:
        if partial and each.name not in item:
            continue
        try:
            values[each.name] = _value(each, item, known)
        except ValueError as wrong:
            errors[each.name] = wrong.args[0] if isinstance(wrong.args[0], dict) else [str(wrong)]
    if errors:
        raise Invalid(errors)
    return values


def _refuse_names(names: Mapping[str, str], item: Mapping[str, Any]) -> None:
    if all(map(names.get, item)):
        return
    if unknown := item.keys() - names.keys():
        raise Invalid({"detail": f"Unknown fields: {_quoted(sorted(unknown))}."})
    if fixed := [name for name, column in names.items() if not column and name in item]:
        raise Invalid({"detail": f"Can not update read only fields: {_quoted(fixed)}."})


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _value(field: Field, item: Mapping[str, Any], known: Known) -> Any:
    if field.name not in item:
        if field.default is REQUIRED:
            raise ValueError("This field is required.")
        return field.default
    value = item[field.name]
    if value is None or (value == "" and field.kind.empty):
        if field.nullable:
            return None
        raise ValueError("This field may not be null.")
    value = field.kind.read(value)
    if field.refers is None:
        return value
    row = known[field.name].get(value)
    if row is None and field.refers.unknown is not None:
        raise ValueError(field.refers.unknown(value, known[field.name]))
    return value if row is None else row["id"]
