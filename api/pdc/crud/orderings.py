"""Reading of the parameter `ordering`. Names are those of fields, and those that PDC's database has for the same."""

import re
from collections.abc import Collection

from api.pdc.crud.resource import Orderings, OrderKey, PdcError, Resource
from bot.store.lists import ModelQuery, Order

Path = tuple[str, ...]

_COLUMN = re.compile(r"\{(\w*)\}")


def check_names(ordering: str, known: Collection[str]) -> None:
    """Refuse unknown names in the words of PDC; those with `__` are refused when they are looked up."""
    names = dict.fromkeys(name for name, _ in split(ordering) if "__" not in name)
    if unknown := [name for name in names if name not in known]:
        raise PdcError({"detail": f"Unknown query key: {unknown} not in fields: {sorted(known)}"})


def split(ordering: str) -> list[tuple[str, bool]]:
    """The names, each with whether it descends."""
    return [(term.lstrip("-"), term.startswith("-")) for term in map(str.strip, ordering.split(","))]


def find(orderings: Orderings, name: str, path: Path = ()) -> list[tuple[Path, OrderKey]]:
    """What to order by for a name, with the path to the row that has it; PdcError for an unknown name."""
    if name in orderings.keys:
        return [(path, key) for key in orderings.keys[name]]
    first, separator, rest = name.partition("__")
    if separator and first in orderings.nested:
        part, nested = orderings.nested[first]
        return find(nested, rest, (*path, part) if part else path)
    if separator and first in orderings.keys:
        raise PdcError({"detail": f"Cannot resolve keyword '{rest}' into field. Join on '{first}' not permitted."})
    raise PdcError({"detail": f"Unknown ordering key: {first}"})


def parse(ordering: str, resource: Resource) -> Order:
    """The SQL expressions to order by; PdcError for an unknown name."""
    terms = [(found, descends) for name, descends in split(ordering) for found in find(resource.order_names, name)]
    return [(_expression(resource.query, path, key), descends) for (path, key), descends in terms]


def _expression(query: ModelQuery, path: Path, key: OrderKey) -> str:
    def column(found: re.Match[str]) -> str:
        return query.column("__".join([*path, found[1]] if found[1] else path))

    return _COLUMN.sub(column, key)
