"""Pagination arguments and cursors, as the Relay connection specification defines them.

https://relay.dev/graphql/connections.htm
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import TypeVar

import orjson

from bot.errors import Refusal
from bot.store.graph import FilterValue, PageWindow, SortKey
from bot.store.graph_nodes import N, Node, NodeList

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100  # also the maximum number of values of a filter
MAX_CURSOR_LENGTH = 4_000

T = TypeVar("T")
FilterArgument = FilterValue | Enum | list[FilterValue | Enum]


@dataclass(frozen=True)
class PageArguments:
    """The four pagination arguments of a list."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None

    def window(self, parse: Callable[[str, str], SortKey]) -> PageWindow:
        """Return the window of a list that they select; refuse invalid ones. `parse` reads a cursor of an argument."""
        after = None if self.after is None else parse("after", self.after)
        before = None if self.before is None else parse("before", self.before)
        return PageWindow(page_size(self.first, self.last), self.last is not None, after, before)


def page_window(nodes: NodeList[N], asked: PageArguments) -> PageWindow:
    """Return the window of a list of the graph that pagination arguments select; refuse invalid ones."""
    return asked.window(lambda argument, cursor: parse_cursor(nodes, argument, cursor))


def page_size(first: int | None, last: int | None) -> int:
    """Return the maximum number of nodes on a page; refuse a size that is out of range."""
    if first is not None and last is not None:
        raise Refusal("`first` and `last` cannot be used together.")
    name, size = ("last", last) if last is not None else ("first", DEFAULT_PAGE_SIZE if first is None else first)
    if not 0 <= size <= MAX_PAGE_SIZE:
        raise Refusal(f"`{name}` must be from 0 to {MAX_PAGE_SIZE}, not {size}.")
    return size


def filter_values(argument: FilterArgument) -> tuple[FilterValue, ...]:
    """Return the distinct values of a filter argument; refuse too many."""
    values = argument if isinstance(argument, list) else [argument]
    if len(values) > MAX_PAGE_SIZE:
        raise Refusal(f"A filter may have at most {MAX_PAGE_SIZE} values.")
    return tuple(dict.fromkeys(value.value if isinstance(value, Enum) else value for value in values))


def cursor_of(nodes: NodeList[N], node: Node) -> str:
    """Return the cursor of a node in a list: the name of the list and the node's sort key, as text."""
    columns: Mapping[str, object] = node
    values = [columns[key] for key in nodes.keys]
    return write_cursor(nodes.name, *(value if isinstance(value, int) else str(value) for value in values))


def parse_cursor(nodes: NodeList[N], argument: str, cursor: str) -> SortKey:
    """Return the sort key that a cursor stands for; refuse a cursor of another list."""

    def sort_key(*values: object) -> SortKey:
        return tuple(_parse_sort_value(key, value) for key, value in zip(nodes.keys, values, strict=True))

    return read_cursor(nodes.name, argument, cursor, sort_key)


def write_cursor(name: str, *values: str | int) -> str:
    """Return a cursor: the name of a list and the values by which a row is found there, as text."""
    return base64.urlsafe_b64encode(orjson.dumps([name, *values])).decode().rstrip("=")


def read_cursor(name: str, argument: str, cursor: str, parse: Callable[..., T]) -> T:
    """Return what `parse` makes of the values of a cursor; refuse one of another list, or for which it raises."""
    try:
        padded = cursor[:MAX_CURSOR_LENGTH].encode("ascii") + b"=" * (-len(cursor) % 4)
        found, *values = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if found == name:
            return parse(*values)
    except (ValueError, TypeError, binascii.Error):
        pass
    raise Refusal(f"`{argument}` must be a cursor of the same list, as an earlier page gave it.")


def _parse_sort_value(key: str, value: object) -> FilterValue:
    """Convert a value of a cursor to the type of its column; raise ValueError for an invalid value."""
    if isinstance(value, str):
        if key == "date":
            return date.fromisoformat(value)
        if key == "name" and "\0" not in value:
            return value
    elif type(value) is int and key not in ("date", "name") and abs(value) < 2**31:
        return value
    raise ValueError(key)
