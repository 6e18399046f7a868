"""Validation of items from clients: fields are parsed by their types, references resolved, errors collected."""

from collections.abc import Mapping, Sequence

from api.pdc.crud.resource import REQUIRED, Field, Item, PdcError, Reference, ReferencedRows, References, Resource
from bot.rules.permissions import Visibility
from bot.rules.validation import json_kind
from bot.store.lists import Conditions, ModelQuery, Selection, read_together


async def read_references(resource: Resource, items: Sequence[object], viewer: Visibility) -> References:
    """Read the rows that items refer to and that the viewer may see; values of the wrong type are ignored."""
    references = [(field, field.reference) for field in resource.fields if field.reference is not None]
    selections = [_selection(reference, _parse_keys(field, items), viewer) for field, reference in references]
    return {
        field.name: ReferencedRows({row[reference.key]: row_id for row_id, row in rows.items()}, rows)
        for (field, reference), rows in zip(references, await read_together(selections), strict=True)
    }


def _parse_keys(field: Field, items: Sequence[object]) -> list[object]:
    keys = []
    for item in items:
        try:
            if isinstance(item, dict):
                keys.append(field.type.parse(item[field.name]))
        except (ValueError, KeyError):  # reported when the item is validated
            continue
    return keys


def _selection(reference: Reference, keys: list[object], viewer: Visibility) -> Selection:
    query, conditions = ModelQuery(reference.model, reference.project), Conditions()
    if not (reference.closed and keys):
        conditions.add_in(query.column(reference.key), list(dict.fromkeys(keys)))
    query.restrict(conditions, viewer)
    return Selection(query, {name: name for name in (reference.key, *reference.columns)}, conditions)


def validate(
    fields: Sequence[Field], columns: Mapping[str, str], item: object, references: References, *, partial: bool
) -> Item:
    """Validate an item and return its values by field; raise PdcError with the errors of all fields.

    `columns` are the columns of the accepted fields by name, empty for read-only fields. A `partial` item has only the
    fields that were sent; otherwise missing ones get their defaults.
    """
    if item is None:
        raise PdcError({"detail": ["No data provided"]})
    if not isinstance(item, dict):
        raise PdcError({"detail": f"Invalid data. Expected an object, but got {json_kind(item)}."})
    _check_names(columns, item)
    values: Item = {}
    errors: Item = {}
    for field in fields:
        if partial and field.name not in item:
            continue
        try:
            values[field.name] = _value(field, item, references)
        except ValueError as error:
            errors[field.name] = error.args[0] if isinstance(error.args[0], dict) else [str(error)]
    if errors:
        raise PdcError(errors)
    return values


def _check_names(columns: Mapping[str, str], item: Mapping[str, object]) -> None:
    if all(map(columns.get, item)):
        return
    if unknown := item.keys() - columns.keys():
        raise PdcError({"detail": f"Unknown fields: {_quoted(sorted(unknown))}."})
    if read_only := [name for name, column in columns.items() if not column and name in item]:
        raise PdcError({"detail": f"Can not update read only fields: {_quoted(read_only)}."})


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _value(field: Field, item: Mapping[str, object], references: References) -> object:
    if field.name not in item:
        if field.default is REQUIRED:
            raise ValueError("This field is required.")
        return field.default
    value = item[field.name]
    if value is None or (value == "" and field.type.empty_is_null):
        if field.nullable:
            return None
        raise ValueError("This field may not be null.")
    value = field.type.parse(value)
    if field.reference is None:
        return value
    row_id = references[field.name].ids.get(value)
    if row_id is None and field.reference.not_found is not None:
        raise ValueError(field.reference.not_found(value, references[field.name].ids))
    return value if row_id is None else row_id
