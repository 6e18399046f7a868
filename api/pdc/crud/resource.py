"""What a resource is: rows that are listed, filtered, ordered, paged, made, changed and deleted by declaration.

A resource is a value: its fields with their kinds and paths, what is unique, its filters and orders. `api.acts` does
what is asked of it, `api.shaping` reads what is sent, `api.rendering` shows what is there; how it comes and goes over
HTTP is its dialect's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache, partial
from typing import Any
from urllib.parse import quote

from tortoise.models import Model

from bot.errors import Problem, Refusal
from bot.operations.records import Prepare, Row, Unique
from bot.store.lists import Listing, Where

REQUIRED: Any = object()
_quoted = lru_cache(maxsize=4096)(partial(quote, safe=""))

Values = Mapping[str, Any]
Known = Mapping[str, Mapping[Any, Row]]
Show = Callable[[Any], Any]


class Invalid(Refusal):
    """A refusal whose answer is a JSON value of its own; 400 unless another `status` is given."""

    def __init__(self, said: Any, status: int = 400) -> None:
        super().__init__(str(said.get("detail", said) if isinstance(said, dict) else said))
        self.said, self.status = said, status


@dataclass(frozen=True)
class View:
    """How one answer is shown: `base` and `suffix` make its links, `today` is the day in UTC."""

    base: str
    suffix: str
    today: date

    def url(self, resource: str, key: Any) -> str:
        """The link to one item."""
        return f"{self.base}/{resource}/{_quoted(str(key))}{self.suffix}"


@dataclass(frozen=True)
class Kind:
    """A kind of value: its name, how it is read (ValueError says what is wrong; `empty` text is none) and shown."""

    name: str
    read: Callable[[Any], Any]
    schema: Mapping[str, Any]
    show: Show | None = None
    empty: bool = False


@dataclass(frozen=True)
class Refers:
    """A value that names another row by its `key`; `unknown` is the refusal of one that names none.

    Without `unknown` the resource's check tells. `columns` of that row are wanted by checks; with `closed` the refusal
    lists all that there are. `project` is the path of the row's project: only rows that the caller sees are known.
    """

    model: type[Model]
    key: str
    unknown: Callable[[Any, Mapping[Any, Row]], Any] | None = None
    columns: tuple[str, ...] = ()
    closed: bool = False
    project: str = ""


@dataclass(frozen=True)
class Many:
    """Values of rows that refer to this one: `shows` of each row of `listing` whose column `by` is its number."""

    listing: Listing
    by: str
    shows: str


@dataclass(frozen=True)
class Field:
    """One field. `path` is where it is read (several, by name, make an object), `column` where it is written.

    Without `column` it is read-only. `show` gives, for a view, what makes what is shown of each value that was read;
    `many` reads it from other rows.
    """

    name: str
    kind: Kind
    path: str | Mapping[str, str] | None = None
    column: str = ""
    default: Any = REQUIRED
    nullable: bool = False
    refers: Refers | None = None
    show: Callable[[View], Show] | None = None
    many: Many | None = None

    @property
    def columns(self) -> dict[str, str]:
        """What is read for it: names to paths."""
        if isinstance(self.path, str):
            return {self.name: self.path}
        return {f"{self.name}.{part}": path for part, path in (self.path or {}).items()}


Filter = Callable[[list[str], Where, date], None]


@dataclass(frozen=True, eq=False)
class Resource:
    """Rows as a dialect speaks of them.

    `key` are the paths by which an item is found; `filters` and `order` go by the names that callers use, `nested`
    leads to the orders of another resource at a path. `check` finds what else is wrong with values, their references
    and the row that is there; `beside` adds to a shown item what further `columns` tell.
    """

    name: str
    title: str
    listing: Listing
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ("id",)
    unique: tuple[Unique, ...] = ()
    filters: Mapping[str, Filter] = field(default_factory=dict)
    order: Mapping[str, str] = field(default_factory=dict)
    nested: Mapping[str, tuple[str, "Resource"]] = field(default_factory=dict)
    default_order: str = "id"
    acts: frozenset[str] = frozenset({"create", "update", "delete"})
    prepare: Prepare | None = None
    stamped: bool = False
    check: Callable[[Values, Known, Row | None], Problem | None] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    beside: Callable[[dict[str, Any], Row], None] | None = None
    description: str = ""
    for_strangers: bool = True

    @cached_property
    def orders(self) -> dict[str, str]:
        """The names to order by, with their paths."""
        plain = {each.name: each.path for each in self.fields if isinstance(each.path, str) and each.show is None}
        return {**plain, **self.order}
