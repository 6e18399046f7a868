"""Pages of what an operation has read: of lists in memory, whose length it has bounded."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry

from api.graphql.connections import Argument, Page, Pagination, Slice, without_next
from api.graphql.pagination import PageArguments, read_cursor, write_cursor
from api.graphql.query_context import QueryContext
from bot.store.graph import PageWindow, SortKey

MAX_POSITION = 2**31
Key = Callable[[Any], object]
Read = Callable[[Any, QueryContext, Mapping[str, Any]], Awaitable[Sequence[Any]]]
"""Reads the list of an object; gets the object, the query's context and the field's own arguments."""


def listed(name: str, key: Key, description: str) -> Any:
    """Declare a field for pages of the attribute of that name. `key` is what tells a row from the others."""

    async def read(source: Any, context: QueryContext, own: Mapping[str, Any]) -> Sequence[Any]:
        rows: Sequence[Any] = getattr(source, name)
        return rows

    return strawberry.field(extensions=[ListPagination(Listing(name, read, key))], description=description)


@dataclass(frozen=True)
class Listing:
    """A list. A cursor stands for a row by its key, and by its position, which counts if the row is gone."""

    name: str
    read: Read
    key: Key

    def parse(self, argument: str, cursor: str) -> SortKey:
        """Return the key and the position that a cursor stands for; refuse a cursor of another list."""
        return read_cursor(self.name, argument, cursor, _key_and_position)

    def bounds(self, rows: Sequence[Any], window: PageWindow) -> tuple[int, int]:
        """Return the positions between which the rows of a window are."""
        start = 0 if window.after is None else sum(self._find(rows, *window.after))
        end = len(rows) if window.before is None else self._find(rows, *window.before)[0]
        return start, max(start, end)

    def text(self, row: Any) -> str:
        """Return the key of a row as text."""
        return str(self.key(row))

    def _find(self, rows: Sequence[Any], key: Any, position: Any) -> tuple[int, int]:
        """Return the position of a row, and 1; if it is gone, the position where it was, and 0."""
        if position < len(rows) and self.text(rows[position]) == key:
            return position, 1
        found = next((index for index, row in enumerate(rows) if self.text(row) == key), None)
        return (min(position, len(rows)), 0) if found is None else (found, 1)


class ListPagination(Pagination):
    """The pages of a list in memory."""

    def __init__(self, listing: Listing, arguments: Mapping[str, Argument] | None = None) -> None:
        super().__init__(arguments or {})
        self._listing = listing

    def page(self, source: Any, context: QueryContext, asked: PageArguments, own: Mapping[str, Any]) -> Page:
        """Return a page of the list of `source`."""
        return ListPage(self._listing, source, own, asked.window(self._listing.parse))


@dataclass(frozen=True)
class ListPage:
    """A page of a list in memory."""

    listing: Listing
    source: Any
    own: Mapping[str, Any]
    window: PageWindow

    async def read(self, context: QueryContext) -> Slice:
        """Return the rows on the page."""
        rows, window = await self._rows(context), self.window
        start, end = self.listing.bounds(rows, window)
        if window.backwards:
            start = max(start, end - window.size - 1)
        return without_next(rows[start : min(end, start + window.size + 1)], window, start)

    async def count(self, context: QueryContext) -> int:
        """Return the length of the list."""
        return len(await self._rows(context))

    def cursor(self, found: Slice, index: int) -> str:
        """Return the cursor of a row on the page."""
        return write_cursor(self.listing.name, self.listing.text(found.nodes[index]), found.start + index)

    async def _rows(self, context: QueryContext) -> Sequence[Any]:
        return await self.listing.read(self.source, context, self.own)


def _key_and_position(key: object, position: object) -> SortKey:
    """Return the values of a cursor; raise ValueError for invalid ones."""
    if isinstance(key, str) and type(position) is int and 0 <= position < MAX_POSITION:
        return key, position
    raise ValueError(key)
