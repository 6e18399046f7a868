"""What the query string of a resource's call says: filters, order, fields, and which page."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from multidict import MultiMapping

from api.resource import Asked, Field, Invalid, Resource, View
from bot.context import Context
from bot.store.lists import Where

PAGING = ("page", "page_size")
COMMON = ("ordering", *PAGING, "fields", "exclude_fields")
SIZE, MOST = 20, 100
NO_PAGE = Invalid({"detail": "Invalid page."}, 404)

Query = MultiMapping[str]


def check_names(query: Query, names: Sequence[str]) -> None:
    """Refuse parameters that the call does not know, and values that nothing here can hold."""
    unknown = sorted(set(query) - set(names))
    if unknown:
        raise Invalid({"detail": f"Unknown query params: {', '.join(unknown)}."})
    if any("\0" in value for value in query.values()):
        raise Invalid({"detail": "Query params must not contain the character U+0000."})


def read(
    context: Context, resource: Resource, view: View, query: Query, body: Any = None, comment: str | None = None
) -> Asked:
    """A call of a resource: whose rows the caller sees, filtered and ordered as the query says."""
    check_names(query, (*resource.filters, *COMMON))
    where = Where()
    for name, narrow in resource.filters.items():
        if name in query:
            narrow(query.getall(name), where, view.today)
    if resource.for_strangers:
        resource.listing.within(where, context.actor.sight("content:read"))
    order = _order(resource, query.getall("ordering")[-1] if "ordering" in query else resource.default_order)
    selected = select(resource.fields, query, body if isinstance(body, dict) else {})
    return Asked(context, resource, view, selected, where, order, comment)


def _order(resource: Resource, said: str) -> list[tuple[str, bool]]:
    order = []
    for each in said.split(","):
        name = each.strip().lstrip("-")
        names = {field.name for field in resource.fields}
        if name not in resource.orders and name not in names and "__" not in name:
            there = ", ".join(sorted(resource.orders))
            raise Invalid({"detail": f"Unknown query key: {name} not in fields: {there}"})
        first, _, rest = name.partition("__")
        if rest and name not in resource.orders and first in resource.orders and first not in resource.nested:
            raise Invalid({"detail": f"Cannot resolve keyword '{rest}' into field. Join on '{first}' not permitted."})
        order.append((resource.listing.column(resource.order_path(name)), each.strip().startswith("-")))
    return order


def select(fields: Sequence[Field], query: Query, body: Mapping[str, Any]) -> tuple[Field, ...]:
    """The fields that are asked for, by the query or the body of a GET; those to be left out are left out."""
    names = {field.name for field in fields}
    chosen: dict[str, set[str]] = {}
    for parameter in ("fields", "exclude_fields"):
        given = body.get(parameter, [])
        said = [*query.getall(parameter, []), *([given] if isinstance(given, str) else given)]
        wanted = [name.strip() for each in said if isinstance(each, str) for name in each.split(",") if name.strip()]
        if unknown := [name for name in wanted if name not in names]:
            raise Invalid({"detail": f'Unknown fields in "{parameter}" filter: {", ".join(unknown)}'})
        chosen[parameter] = set(wanted)
    shown = (chosen["fields"] or names) - chosen["exclude_fields"]
    return tuple(field for field in fields if field.name in shown)


async def paged(
    query: Query,
    address: str,
    count: Callable[[], Awaitable[int]],
    rows: Callable[[int | None, int], Awaitable[list[Any]]],
) -> Any:
    """The page that is asked for, with the addresses of those beside it; all rows for a size of 0 or less."""
    size = min(_integer(_last(query, "page_size"), SIZE), MOST)
    if size <= 0:
        return await rows(None, 0)
    total = await count()
    pages = max(1, -(-total // size))
    said = _last(query, "page") if "page" in query else "1"
    number = pages if said == "last" else _integer(said, 0)
    if not 1 <= number <= pages:
        raise NO_PAGE
    return {
        "count": total,
        "next": _address(address, query, number + 1) if number < pages else None,
        "previous": _address(address, query, number - 1) if number > 1 else None,
        "results": await rows(size, (number - 1) * size),
    }


def _last(query: Query, name: str) -> str:
    return query.getall(name, [""])[-1]


def _integer(text: str, otherwise: int) -> int:
    try:
        return int(text)
    except ValueError:
        return otherwise


def _address(address: str, query: Query, page: int) -> str:
    pairs = [(name, value) for name in sorted(set(query)) for value in query.getall(name) if name != "page"]
    if page > 1:
        pairs = sorted([*pairs, ("page", str(page))], key=lambda pair: pair[0])
    return address + (f"?{urlencode(pairs)}" if pairs else "")
