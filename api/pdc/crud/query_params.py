"""The query string of a request on a resource: filters, ordering, fields, and paging."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from urllib.parse import urlencode

from multidict import MultiDict, MultiMapping

from api.pdc.crud import orderings
from api.pdc.crud.filters import INVALID_DATE
from api.pdc.crud.resource import Field, Item, PdcError, Resource
from bot.rules.permissions import Visibility
from bot.store.lists import Conditions, Order

PAGING = ("page", "page_size")
COMMON = ("ordering", *PAGING, "fields", "exclude_fields")
DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 20, 100

Params = MultiMapping[str]
Pairs = tuple[tuple[str, str], ...]


def check_names(params: Params, names: Collection[str]) -> None:
    """Refuse unknown parameters, and values that cannot be stored as text."""
    if unknown := sorted(set(params) - set(names)):
        raise PdcError({"detail": f"Unknown query params: {', '.join(map(replace_surrogates, unknown))}."})
    for name, value in params.items():
        if "\0" in value or value != replace_surrogates(value):
            raise PdcError({"detail": f"Query param {name} must be text without the character U+0000."})


def replace_surrogates(text: str) -> str:
    """Replace lone surrogates, which can be neither sent nor stored."""
    return text.encode("utf-8", "replace").decode()


def select_rows(resource: Resource, params: Params, viewer: Visibility, today: date) -> tuple[Conditions, Order]:
    """The conditions and the order that the parameters specify, restricted to the rows that the viewer may see.

    After an invalid date, further filters are not parsed.
    """
    conditions, order = _select_rows(resource, tuple(params.items()), viewer, today)
    return conditions.copy(), order


@lru_cache(maxsize=1024)
def _select_rows(resource: Resource, pairs: Pairs, viewer: Visibility, today: date) -> tuple[Conditions, Order]:
    params, conditions = MultiDict(pairs), Conditions()
    ordering = last(params, "ordering", resource.default_ordering)
    orderings.check_names(ordering, {*resource.order_names.keys, *(field.name for field in resource.fields)})
    for name, add_condition in resource.filters.items():
        if name in params and INVALID_DATE not in conditions.clauses:
            add_condition(params.getall(name), conditions, today)
    if resource.anonymous_access:
        resource.query.restrict(conditions, viewer)
    return conditions, orderings.parse(ordering, resource)


def select_fields(fields: Sequence[Field], params: Params, body: object) -> tuple[Field, ...]:
    """The fields that the parameters or the body of a GET include, without those that they exclude."""
    if "fields" not in params and "exclude_fields" not in params and not isinstance(body, dict):
        return tuple(fields)
    known = {field.name for field in fields}
    included, excluded = (_field_names(name, params, body, known) for name in ("fields", "exclude_fields"))
    selected = (included or known) - excluded
    return tuple(field for field in fields if field.name in selected)


def _field_names(parameter: str, params: Params, body: object, known: Collection[str]) -> set[str]:
    in_body = body.get(parameter) if isinstance(body, Mapping) else None
    values = [*params.getall(parameter, []), *(in_body if isinstance(in_body, list) else [in_body])]
    names = [name.strip() for value in values if isinstance(value, str) for name in value.split(",") if name.strip()]
    if unknown := [name for name in names if name not in known]:
        raise PdcError({"detail": f'Unknown fields in "{parameter}" filter: {", ".join(unknown)}'})
    return set(names)


def page_size(params: Params) -> int:
    """The number of items on a page; 0 or less for the whole list without pages."""
    return min(_parse_integer(last(params, "page_size"), DEFAULT_PAGE_SIZE), MAX_PAGE_SIZE)


@dataclass(frozen=True)
class Page:
    """A page of a list of `total` items; pages are numbered from 1."""

    total: int
    number: int
    size: int

    @property
    def offset(self) -> int:
        """The number of items before the page."""
        return (self.number - 1) * self.size

    def body(self, url: str, params: Params, results: list[Item]) -> Item:
        """The body of the response, with links to the next and the previous page."""
        pairs = tuple(params.items())
        return {
            "count": self.total,
            "next": _page_url(url, pairs, self.number + 1) if self.offset + self.size < self.total else None,
            "previous": _page_url(url, pairs, self.number - 1) if self.number > 1 else None,
            "results": results,
        }


def parse_page(params: Params, total: int) -> Page:
    """The page that the parameters select; 404 if it does not exist. The first page may be empty."""
    size = page_size(params)
    pages = max(1, -(-total // size))
    value = last(params, "page", "1")
    number = pages if value == "last" else _parse_integer(value, 0)
    if not 1 <= number <= pages:
        raise PdcError({"detail": "Invalid page."}, 404)
    return Page(total, number, size)


def last(params: Params, name: str, default: str = "") -> str:
    """The last value of a parameter."""
    return params.getall(name, [default])[-1]


def _parse_integer(text: str, default: int) -> int:
    try:
        return int(text) if text else default
    except ValueError:
        return default


@lru_cache(maxsize=1024)
def _page_url(url: str, params: Pairs, page: int) -> str:
    pairs = [(name, value) for name, value in params if name != "page"] + [("page", str(page))] * (page > 1)
    return url + (f"?{urlencode(sorted(pairs, key=lambda pair: pair[0]))}" if pairs else "")
