"""Fields that refer to other nodes: to a single one, or to pages of them (connections, as Relay specifies them).

https://relay.dev/graphql/connections.htm
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import GenericAlias
from typing import Any, Generic, TypedDict, TypeVar

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from api.graphql.pagination import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, cursor_of, filter_values, page_window
from api.graphql.query_context import QueryContext
from bot.store.graph import Filters, PageWindow
from bot.store.graph_nodes import N, Node, NodeList, NodeType

T = TypeVar("T")
Info = strawberry.Info[QueryContext, None]
ArgumentType = type | GenericAlias

PAGINATION_ARGUMENTS: Mapping[str, tuple[type, str]] = {
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


def reference(node_type: NodeType[N], column: str, description: str | None = None) -> Any:
    """Declare a field for the node whose id is in a column; null if the column is."""

    def resolve(root: Mapping[str, int | None], info: Info) -> Awaitable[N] | None:
        node_id = root[column]
        return None if node_id is None else info.context.node(node_type, node_id)

    return computed(resolve, description)


def connection(nodes: NodeList[N], description: str | None = None, **filters: ArgumentType) -> Any:
    """Declare a field for pages of a list. `filters` are its further arguments with their types."""
    return strawberry.field(extensions=[Pagination(nodes, filters)], description=description)


@dataclass(frozen=True)
class LazyPage:
    """A page of a list, read when the first of its fields is resolved."""

    nodes: NodeList[Node]
    parent: int
    window: PageWindow
    filters: Filters

    async def read(self, context: QueryContext) -> tuple[list[Node], bool]:
        """Return the nodes on the page, and whether there are further ones."""
        rows = await context.page(self.nodes, self.parent, self.window, self.filters)
        if len(rows) <= self.window.size:
            return rows, False
        return rows[1:] if self.window.backwards else rows[:-1], True


class EdgeRecord(TypedDict):
    """The columns of an edge."""

    cursor: str
    node: Node


class PageInfoRecord(TypedDict):
    """The columns of a page's information."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


async def _nodes(root: LazyPage, info: Info) -> list[Node]:
    return (await root.read(info.context))[0]


async def _edges(root: LazyPage, info: Info) -> list[EdgeRecord]:
    rows, _ = await root.read(info.context)
    return [{"cursor": cursor_of(root.nodes, row), "node": row} for row in rows]


async def _page_info(root: LazyPage, info: Info) -> PageInfoRecord:
    rows, has_more = await root.read(info.context)
    window = root.window
    return {
        "has_next_page": window.before is not None if window.backwards else has_more,
        "has_previous_page": has_more if window.backwards else window.after is not None,
        "start_cursor": cursor_of(root.nodes, rows[0]) if rows else None,
        "end_cursor": cursor_of(root.nodes, rows[-1]) if rows else None,
    }


def _total_count(root: LazyPage, info: Info) -> Awaitable[int]:
    return info.context.count(root.nodes, root.parent, root.filters)


@object_type
class PageInfo:
    """The position of a page in its list."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@object_type
class Edge(Generic[T]):
    """A node of a list with its cursor."""

    cursor: str
    node: T


@object_type
class Connection(Generic[T]):
    """A page of a list."""

    nodes: list[T] = computed(_nodes, "The nodes on the page, without cursors.")
    edges: list[Edge[T]] = computed(_edges)
    page_info: PageInfo = computed(_page_info)
    total_count: int = computed(_total_count, "The number of nodes on all pages.")


class Pagination(FieldExtension):
    """Adds the arguments of a list to a field, and resolves it to the page that they select."""

    def __init__(self, nodes: NodeList[Node], filters: Mapping[str, ArgumentType]) -> None:
        self._nodes = nodes
        self._filters = filters

    def apply(self, field: StrawberryField) -> None:
        """Add the arguments: filters first, pagination last."""
        arguments = [_optional_argument(name, type_) for name, type_ in self._filters.items()]
        arguments += [_optional_argument(name, *declared) for name, declared in PAGINATION_ARGUMENTS.items()]
        field.arguments = arguments

    def resolve(self, next_: Callable[..., object], source: Node | None, info: Info, **arguments: Any) -> LazyPage:
        """Return the page that the arguments select; its nodes are read later, together with those of other pages."""
        info.context.require(self._nodes.node_type)
        window = page_window(self._nodes, **{name: arguments.get(name) for name in PAGINATION_ARGUMENTS})
        filters = tuple(
            (name, filter_values(arguments[name])) for name in self._filters if arguments.get(name) is not None
        )
        parent = source["id"] if source is not None and self._nodes.parent else 0
        return LazyPage(self._nodes, parent, window, filters)


def _optional_argument(name: str, type_: ArgumentType, description: str | None = None) -> StrawberryArgument:
    return StrawberryArgument(name, None, StrawberryAnnotation(type_ | None), description=description)
