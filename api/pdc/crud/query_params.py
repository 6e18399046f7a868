"""What the query string of a resource's call says: filters, order, fields, and which page."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import date
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from multidict import MultiDict, MultiMapping

from api.pdc.crud.actions import ResourceRequest
from api.pdc.crud.filters import NO_DATE
from api.pdc.crud.resource import Field, Invalid, Resource, View
from bot.context import Context
from bot.rules.permissions import Visibility
from bot.store.lists import Where

PAGING = ("page", "page_size")
COMMON = ("ordering", *PAGING, "fields", "exclude_fields")
SIZE, MOST = 20, 100

Query = MultiMapping[str]


def check_names(query: Query, names: Collection[str]) -> None:
    """Refuse parameters that the call does not know, and values that nothing here can hold."""
    if unknown := sorted(set(query) - set(names)):
        raise Invalid({"detail": f"Unknown query params: {', '.join(map(plain, unknown))}."})
    for name, value in query.items():
        if "\0" in value or value != plain(value):
            raise Invalid({"detail": f"Query param {name} must be text without the character U+0000."})


def plain(text: str) -> str:
    """A text without the halves of characters, which no answer and no database can hold."""
    return text.encode("utf-8", "replace").decode()


def read(
    context: Context,
    resource: Resource,
    view: View,
    query: Query,
    *,
    body: Any = None,
    comment: str | None = None,
    writes: bool = False,
) -> ResourceRequest:
    """A call of a resource: whose rows the caller sees, filtered and ordered as the query says.

    Who may write sees what they write. After a date that is none nobody is told what is wrong with other filters.
    """
    viewer = context.actor.visibility("content:read", *(["content:write"] if writes else []))
    where, order = _narrowed(resource, tuple(query.items()), viewer, view.today)
    selected = select(resource.fields, query, body)
    return ResourceRequest(context, resource, view, viewer, selected, where.copy(), order, comment)


@lru_cache(maxsize=1024)
def _narrowed(
    resource: Resource, pairs: tuple[tuple[str, str], ...], viewer: Visibility, today: date
) -> tuple[Where, list[tuple[str, bool]]]:
    query, where = MultiDict(pairs), Where()
    for name, narrow in resource.filters.items():
        if name in query and NO_DATE not in where.conditions:
            narrow(query.getall(name), where, today)
    if resource.for_strangers:
        resource.listing.within(where, viewer)
    return where, _order(resource, last(query, "ordering", resource.default_order))


def _order(resource: Resource, said: str) -> list[tuple[str, bool]]:
    order = []
    names = {*resource.orders, *(field.name for field in resource.fields)}
    for each in map(str.strip, said.split(",")):
        name = each.lstrip("-")
        if name not in names and "__" not in name:
            there = ", ".join(sorted(resource.orders))
            raise Invalid({"detail": f"Unknown query key: {name} not in fields: {there}"})
        order.append((resource.listing.column(_path(resource, name)), each.startswith("-")))
    return order


def _path(resource: Resource, name: str) -> str:
    """The path that a name to order by stands for; refused when it is none."""
    if name in resource.orders:
        return resource.orders[name]
    first, below, rest = name.partition("__")
    if below and first in resource.nested:
        path, other = resource.nested[first]
        return f"{path}__{_path(other, rest)}"
    if below and first in resource.orders:
        raise Invalid({"detail": f"Cannot resolve keyword '{rest}' into field. Join on '{first}' not permitted."})
    raise Invalid({"detail": f"Unknown ordering key: {first}"})


def select(fields: Sequence[Field], query: Query, body: Any) -> tuple[Field, ...]:
    """The fields that are asked for, by the query or the body of a GET; those to be left out are left out."""
    if "fields" not in query and "exclude_fields" not in query and not isinstance(body, dict):
        return tuple(fields)
    names = {field.name for field in fields}
    chosen: dict[str, set[str]] = {}
    for parameter in ("fields", "exclude_fields"):
        given = body.get(parameter) if isinstance(body, dict) else None
        said = [*query.getall(parameter, []), *(given if isinstance(given, list) else [given])]
        wanted = [name.strip() for each in said if isinstance(each, str) for name in each.split(",") if name.strip()]
        if unknown := [name for name in wanted if name not in names]:
            raise Invalid({"detail": f'Unknown fields in "{parameter}" filter: {", ".join(unknown)}'})
        chosen[parameter] = set(wanted)
    shown = (chosen["fields"] or names) - chosen["exclude_fields"]
    return tuple(field for field in fields if field.name in shown)


def page_size(query: Query) -> int:
    """How many items a page has; 0 or less for all that there are, without pages."""
    return min(_integer(last(query, "page_size"), SIZE), MOST)


async def paged(
    query: Query,
    address: str,
    count: Callable[[], Awaitable[int]],
    rows: Callable[[int, int], Awaitable[list[Any]]],
) -> dict[str, Any]:
    """The page that is asked for, of at least one item, with the addresses of those beside it."""
    size = page_size(query)
    total = await count()
    pages = max(1, -(-total // size))
    said, pairs = last(query, "page", "1"), tuple(query.items())
    number = pages if said == "last" else _integer(said, 0)
    if not 1 <= number <= pages:
        raise Invalid({"detail": "Invalid page."}, 404)
    return {
        "count": total,
        "next": _address(address, pairs, number + 1) if number < pages else None,
        "previous": _address(address, pairs, number - 1) if number > 1 else None,
        "results": await rows(size, (number - 1) * size),
    }


def last(query: Query, name: str, otherwise: str = "") -> str:
    """The last value of a parameter."""
    return query.getall(name, [otherwise])[-1]


def _integer(text: str, otherwise: int) -> int:
    try:
        return int(text) if text else otherwise
    except ValueError:
        return otherwise


@lru_cache(maxsize=1024)
def _address(address: str, query: tuple[tuple[str, str], ...], page: int) -> str:
    pairs = [(name, value) for name, value in query if name != "page"] + [("page", str(page))] * (page > 1)
    return address + (f"?{urlencode(sorted(pairs, key=lambda pair: pair[0]))}" if pairs else "")
