"""Fields that lead from one row to another, or to pages of others as the Relay connection specification has them.

https://relay.dev/graphql/connections.htm
"""

import base64
import binascii
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, Generic, TypeVar

import orjson
import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from api.graphql.query_context import Reading
from bot.errors import Refusal
from bot.store.graph import Filters, Kind, Listing, Row, Window

T = TypeVar("T")

USUAL_SIZE = 20
LARGEST_SIZE = 100
LONGEST_CURSOR = 4_000

Info = strawberry.Info[Reading, None]

PAGING: Mapping[str, tuple[Any, str]] = {
    "first": (int, f"How many, from the beginning; {USUAL_SIZE} unless said, at most {LARGEST_SIZE}."),
    "after": (str, "Only what comes after this cursor."),
    "last": (int, "How many, from the end."),
    "before": (str, "Only what comes before this cursor."),
}


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Where a page stands in its list."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="One of a list, with its place in it.")
class Edge(Generic[T]):
    """One of a list, with its place in it."""

    cursor: str
    node: T


@dataclass(frozen=True)
class Page:
    """A page of a list, which is read once anything of it is asked for."""

    listing: Listing
    parent: int
    window: Window
    filters: Filters

    async def rows(self, reading: Reading) -> tuple[list[Row], bool]:
        """What is on it, and whether there is more to come."""
        rows = await reading.page(self.listing, self.parent, self.window, self.filters)
        if len(rows) <= self.window.size:
            return rows, False
        return rows[1:] if self.window.backwards else rows[:-1], True


async def _nodes(root: Any, info: Info) -> Any:
    return (await root.rows(info.context))[0]


async def _edges(root: Any, info: Info) -> Any:
    rows, _ = await root.rows(info.context)
    return [{"cursor": cursor_of(root.listing, row), "node": row} for row in rows]


async def _page_info(root: Any, info: Info) -> Any:
    rows, more = await root.rows(info.context)
    window = root.window
    return {
        "has_next_page": window.before is not None if window.backwards else more,
        "has_previous_page": more if window.backwards else window.after is not None,
        "start_cursor": cursor_of(root.listing, rows[0]) if rows else None,
        "end_cursor": cursor_of(root.listing, rows[-1]) if rows else None,
    }


def _total_count(root: Any, info: Info) -> Awaitable[int]:
    return info.context.count(root.listing, root.parent, root.filters)


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """A page of a list."""

    nodes: list[T] = strawberry.field(resolver=_nodes, description="What is on the page, without cursors.")
    edges: list[Edge[T]] = strawberry.field(resolver=_edges)
    page_info: PageInfo = strawberry.field(resolver=_page_info)
    total_count: int = strawberry.field(resolver=_total_count, description="How many there are on all pages.")


def one(kind: Kind, column: str, description: str | None = None) -> Any:
    """A field for the row whose number is in a column; null where that is."""

    def resolve(root: Any, info: Info) -> Awaitable[Row] | None:
        number = root[column]
        return None if number is None else info.context.one(kind, number)

    return strawberry.field(resolver=resolve, description=description)


def many(listing: Listing, description: str | None = None, **filters: Any) -> Any:
    """A field for pages of a list. `filters` are its further arguments and their types."""
    return strawberry.field(extensions=[Paging(listing, filters)], description=description)


class Paging(FieldExtension):
    """Gives a field the arguments of a list, and reads what they ask for."""

    def __init__(self, listing: Listing, filters: Mapping[str, Any]) -> None:
        self._listing = listing
        self._filters = filters

    def apply(self, field: StrawberryField) -> None:
        """Add the arguments."""
        further = {name: (kind, None) for name, kind in self._filters.items()}
        field.arguments = [_argument(name, *said) for name, said in {**further, **PAGING}.items()]

    def resolve(self, next_: Any, source: Any, info: Info, **given: Any) -> Page:
        """The page that is asked for."""
        info.context.require(self._listing.kind)
        window = window_of(self._listing, **{name: given.get(name) for name in PAGING})
        filters = tuple((name, values_of(given[name])) for name in self._filters if given.get(name) is not None)
        parent = source["id"] if self._listing.parent else 0
        return Page(self._listing, parent, window, filters)


def _argument(name: str, kind: Any, description: str | None) -> StrawberryArgument:
    annotation = StrawberryAnnotation(kind | None)
    return StrawberryArgument(name, None, annotation, description=description)


def values_of(given: Any) -> tuple[Any, ...]:
    """What a filter asks for, each value once."""
    values = given if isinstance(given, list) else [given]
    if len(values) > LARGEST_SIZE:
        raise Refusal(f"A filter has at most {LARGEST_SIZE} values.")
    return tuple(dict.fromkeys(value.value if isinstance(value, Enum) else value for value in values))


def size_of(first: int | None, last: int | None) -> int:
    """How many rows a page has at most; refused when there are to be more than there may."""
    if first is not None and last is not None:
        raise Refusal("`first` and `last` cannot be asked for at once.")
    name, size = ("last", last) if last is not None else ("first", USUAL_SIZE if first is None else first)
    if not 0 <= size <= LARGEST_SIZE:
        raise Refusal(f"`{name}` must be from 0 to {LARGEST_SIZE}, not {size}.")
    return size


def window_of(listing: Listing, first: int | None, after: str | None, last: int | None, before: str | None) -> Window:
    """The part of a list that the four arguments ask for."""
    edges = {
        name: None if cursor is None else keys_of(listing, name, cursor)
        for name, cursor in (("after", after), ("before", before))
    }
    return Window(size_of(first, last), last is not None, **edges)


def cursor_of(listing: Listing, row: Row) -> str:
    """The place of a row in a list, as text."""
    keys = [row[key] if isinstance(row[key], int) else str(row[key]) for key in listing.keys]
    return base64.urlsafe_b64encode(orjson.dumps([listing.name, *keys])).decode().rstrip("=")


def keys_of(listing: Listing, name: str, cursor: str) -> tuple[Any, ...]:
    """The place that a cursor stands for; refused when it is none of this list."""
    try:
        padded = cursor[:LONGEST_CURSOR].encode("ascii") + b"=" * (-len(cursor) % 4)
        said, *keys = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if said == listing.name:
            return tuple(_read(key, value) for key, value in zip(listing.keys, keys, strict=True))
    except (ValueError, TypeError, binascii.Error):
        pass
    raise Refusal(f"`{name}` must be a cursor of the same list, as an earlier page gave it.")


def _read(key: str, value: Any) -> Any:
    """A value of a cursor as its column has it; ValueError for another."""
    if key == "date":
        return date.fromisoformat(value)
    if key == "name":
        if isinstance(value, str) and "\0" not in value:
            return value
    elif type(value) is int and abs(value) < 2**31:
        return value
    raise ValueError(key)
