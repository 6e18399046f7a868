"""Fields that refer to other nodes: to a single one, or to pages of them (connections, as Relay specifies them).

https://relay.dev/graphql/connections.htm
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import GenericAlias
from typing import Any, Generic, Protocol, TypedDict, TypeVar

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from api.graphql.pagination import (
    DEFAULT_PAGE_SIZE,
    MAX_PAGE_SIZE,
    PageArguments,
    cursor_of,
    filter_values,
    page_window,
)
from api.graphql.query_context import QueryContext
from bot.store.graph import Filters, PageWindow
from bot.store.graph_nodes import N, Node, NodeList, NodeType

T = TypeVar("T")
Info = strawberry.Info[QueryContext, None]
ArgumentType = type | GenericAlias
Argument = tuple[ArgumentType, str | None]
"""The type of an argument, and its description."""

PAGINATION_ARGUMENTS: Mapping[str, Argument] = {
    "first": (int, f"The number of nodes from the start: {DEFAULT_PAGE_SIZE} by default, at most {MAX_PAGE_SIZE}."),
    "after": (str, "Only nodes after this cursor."),
    "last": (int, "The number of nodes from the end."),
    "before": (str, "Only nodes before this cursor."),
}


def object_type(cls: type[T]) -> type[T]:
    """Declare an object type of the schema, described by its docstring."""
    return strawberry.type(cls, description=cls.__doc__)


def computed(resolver: Callable[..., object], description: str | None = None) -> Any:
    """Declare a field with a resolver.

    Resolvers return records of the store, but the field is annotated with the GraphQL type of the result; hence Any.
    """
    return strawberry.field(resolver=resolver, description=description)


def described(description: str) -> Any:
    """Declare a field that is the column, or the attribute, of its name."""
    return strawberry.field(description=description)


def reference(node_type: NodeType[N], column: str, description: str | None = None) -> Any:
    """Declare a field for the node whose id is in a column; null if the column is."""

    def resolve(root: Mapping[str, int | None], info: Info) -> Awaitable[N] | None:
        node_id = root[column]
        return None if node_id is None else info.context.node(node_type, node_id)

    return computed(resolve, description)


def connection(nodes: NodeList[N], description: str | None = None, **filters: ArgumentType) -> Any:
    """Declare a field for pages of a list. `filters` are its further arguments with their types."""
    return strawberry.field(extensions=[GraphPagination(nodes, filters)], description=description)


@dataclass(frozen=True)
class Slice:
    """The nodes on a page, whether there are further ones, and where they begin in the list, if that is known."""

    nodes: Sequence[Any]
    has_more: bool
    start: int = 0


def without_next(rows: Sequence[Any], window: PageWindow, start: int = 0) -> Slice:
    """Return the slice of a window of which one row more was read, if there is one. `start` is that of `rows`."""
    if len(rows) <= window.size:
        return Slice(rows, has_more=False, start=start)
    return Slice(rows[1:], True, start + 1) if window.backwards else Slice(rows[:-1], True, start)


class Page(Protocol):
    """A page of a list, read when the first of its fields is resolved."""

    @property
    def window(self) -> PageWindow:
        """The part of the list that the page is."""

    async def read(self, context: QueryContext) -> Slice:
        """Return the nodes on the page."""

    async def count(self, context: QueryContext) -> int:
        """Return the number of nodes on all pages."""

    def cursor(self, found: Slice, index: int) -> str:
        """Return the cursor of a node on the page."""


@dataclass(frozen=True)
class LazyPage:
    """A page of a list of the graph."""

    nodes: NodeList[Node]
    parent: int
    window: PageWindow
    filters: Filters

    async def read(self, context: QueryContext) -> Slice:
        """Return the nodes on the page."""
        return without_next(await context.page(self.nodes, self.parent, self.window, self.filters), self.window)

    async def count(self, context: QueryContext) -> int:
        """Return the number of nodes on all pages."""
        return await context.count(self.nodes, self.parent, self.filters)

    def cursor(self, found: Slice, index: int) -> str:
        """Return the cursor of a node on the page."""
        return cursor_of(self.nodes, found.nodes[index])


class EdgeRecord(TypedDict):
    """The columns of an edge."""

    cursor: str
    node: object


class PageInfoRecord(TypedDict):
    """The columns of a page's information."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


async def _nodes(root: Page, info: Info) -> Sequence[Any]:
    return (await root.read(info.context)).nodes


async def _edges(root: Page, info: Info) -> list[EdgeRecord]:
    found = await root.read(info.context)
    return [{"cursor": root.cursor(found, index), "node": node} for index, node in enumerate(found.nodes)]


async def _page_info(root: Page, info: Info) -> PageInfoRecord:
    found, window = await root.read(info.context), root.window
    return {
        "has_next_page": window.before is not None if window.backwards else found.has_more,
        "has_previous_page": found.has_more if window.backwards else window.after is not None,
        "start_cursor": root.cursor(found, 0) if found.nodes else None,
        "end_cursor": root.cursor(found, len(found.nodes) - 1) if found.nodes else None,
    }


def _total_count(root: Page, info: Info) -> Awaitable[int]:
    return root.count(info.context)


@object_type
class PageInfo:
    """The position of a page in its list."""

    has_next_page: bool = described("Whether there are nodes after the page; with `last`, whether `before` was given.")
    has_previous_page: bool = described(
        "Whether there are nodes before the page; with `first`, whether `after` was given."
    )
    start_cursor: str | None = described("The cursor of the first node on the page; null if there is none.")
    end_cursor: str | None = described("The cursor of the last node on the page; null if there is none.")


@object_type
class Edge(Generic[T]):
    """A node of a list with its cursor."""

    cursor: str = described("The cursor of the node, for `after` and `before`.")
    node: T = described("The node.")


@object_type
class Connection(Generic[T]):
    """A page of a list."""

    nodes: list[T] = computed(_nodes, "The nodes on the page, without cursors.")
    edges: list[Edge[T]] = computed(_edges, "The nodes on the page, with their cursors.")
    page_info: PageInfo = computed(_page_info, "Where the page is in the list.")
    total_count: int = computed(_total_count, "The number of nodes on all pages.")


class Pagination(FieldExtension, ABC):
    """Adds the arguments of a list to a field, and resolves it to the page that they select."""

    def __init__(self, arguments: Mapping[str, Argument]) -> None:
        self._arguments = arguments

    def apply(self, field: StrawberryField) -> None:
        """Add the arguments: the list's own first, pagination last."""
        declared = {**self._arguments, **PAGINATION_ARGUMENTS}
        field.arguments = [_optional_argument(name, *each) for name, each in declared.items()]

    def resolve(self, next_: Callable[..., object], source: Any, info: Info, **arguments: Any) -> Page:
        """Return the page that the arguments select; its nodes are read later, together with those of other pages."""
        asked = PageArguments(**{name: arguments.get(name) for name in PAGINATION_ARGUMENTS})
        own = {name: arguments[name] for name in self._arguments if arguments.get(name) is not None}
        return self.page(source, info.context, asked, own)

    @abstractmethod
    def page(self, source: Any, context: QueryContext, asked: PageArguments, own: Mapping[str, Any]) -> Page:
        """Return a page of the list of `source`. `own` are the list's own arguments that are not null."""


class GraphPagination(Pagination):
    """The pages of a list of the graph, whose own arguments are its filters."""

    def __init__(self, nodes: NodeList[Node], filters: Mapping[str, ArgumentType]) -> None:
        super().__init__({name: (type_, None) for name, type_ in filters.items()})
        self._nodes = nodes

    def page(self, source: Any, context: QueryContext, asked: PageArguments, own: Mapping[str, Any]) -> Page:
        """Return a page of the nodes of `source`, or of all nodes."""
        context.require(self._nodes.node_type)
        filters = tuple((name, filter_values(value)) for name, value in own.items())
        parent = source["id"] if source is not None and self._nodes.parent else 0
        return LazyPage(self._nodes, parent, page_window(self._nodes, asked), filters)


def _optional_argument(name: str, type_: ArgumentType, description: str | None) -> StrawberryArgument:
    return StrawberryArgument(name, None, StrawberryAnnotation(type_ | None), description=description)
