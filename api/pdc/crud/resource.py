"""Declarations of resources: rows that are listed, filtered, ordered, paged, created, changed and deleted.

A resource is a value: its fields with their types and paths, unique constraints, filters and orderings. `actions`
performs requests on it, `validation` parses what is sent, `serializers` renders rows, and `api.pdc.views` does HTTP.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache, partial
from typing import Any, Final
from urllib.parse import quote

from tortoise.models import Model

from bot.errors import Problem, Refusal
from bot.operations.changes import Preparer, Unique
from bot.store.lists import Conditions, ModelQuery, Row, Rows

REQUIRED: Final = object()
"""The default of a field that has none."""

_quote = lru_cache(maxsize=4096)(partial(quote, safe=""))

Item = dict[str, object]
Serializer = Callable[[Any], object]


class PdcError(Refusal):
    """A refusal with a JSON value of its own as the body of the response."""

    def __init__(self, body: object, status: int = 400) -> None:
        super().__init__(str(body.get("detail", body) if isinstance(body, dict) else body))
        self.body, self.status = body, status


@dataclass(frozen=True)
class RenderContext:
    """What serialized items depend on: `base_url` and `suffix` of links, and the current date in UTC."""

    base_url: str
    suffix: str
    today: date

    def url(self, resource: str, key: object) -> str:
        """The link to an item."""
        return f"{self.base_url}/{resource}/{_quote(str(key))}{self.suffix}"


@dataclass(frozen=True)
class FieldType:
    """A type of values: its name, how sent values are parsed (ValueError explains what is wrong) and stored ones shown.

    With `empty_is_null` an empty string counts as null.
    """

    name: str
    parse: Callable[[object], object]
    schema: Mapping[str, Any]
    serialize: Serializer | None = None
    empty_is_null: bool = False


@dataclass(frozen=True)
class Reference:
    """A value that identifies another row by its column `key`.

    `not_found` makes the error for a value that identifies none, from it and the keys that were found; without it the
    resource's own check reports it. `columns` of the row are read for checks. `closed` reads all rows, so that the
    error can list them. `project` is the path to the row's project: rows that the caller may not see are not found.
    """

    model: type[Model]
    key: str
    not_found: Callable[[object, Collection[object]], object] | None = None
    columns: tuple[str, ...] = ()
    closed: bool = False
    project: str = ""


@dataclass(frozen=True)
class ReferencedRows:
    """The rows that items refer to: their ids by key, and the columns that checks need, by id."""

    ids: Mapping[object, int]
    rows: Rows


References = Mapping[str, ReferencedRows]
"""Referenced rows by field."""


@dataclass(frozen=True)
class RelatedValues:
    """The values at a path of all rows whose foreign key refers to this row."""

    query: ModelQuery
    foreign_key: str
    path: str


@dataclass(frozen=True)
class Field:
    """A field: `path` is what is read (several paths by name make an object), `column` what is written.

    A field without `column` is read-only. `serializer` returns the function that serializes values that were read, in
    place of the type's own; `related` reads the values from other rows.
    """

    name: str
    type: FieldType
    path: str | Mapping[str, str] | None = None
    column: str = ""
    default: object = REQUIRED
    nullable: bool = False
    reference: Reference | None = None
    serializer: Callable[[RenderContext], Serializer] | None = None
    related: RelatedValues | None = None

    @property
    def is_required(self) -> bool:
        """Whether new items must have the field."""
        return bool(self.column) and self.default is REQUIRED

    @property
    def columns(self) -> dict[str, str]:
        """The columns that are read for it: names and paths."""
        if isinstance(self.path, str):
            return {self.name: self.path}
        return {f"{self.name}.{part}": path for part, path in (self.path or {}).items()}


Filter = Callable[[list[str], Conditions, date], None]
"""Adds the condition for the values of a query parameter."""

Check = Callable[[Item, References, Row | None], Problem | None]
"""Finds a rule that an item's values violate, given the rows that items refer to and the stored row."""


def no_violation(values: Item, references: References, row: Row | None) -> None:
    """The check of resources without rules of their own."""


@dataclass(frozen=True, eq=False)
class Resource:
    """Rows of a model as the dialect presents them.

    `key` are the paths that identify an item; `filters` and `orderings` go by the names that clients use, and
    `nested_orderings` gives access to the orderings of another resource at a path. `add_derived` adds to a serialized
    item what follows from `extra_columns`.
    """

    name: str
    title: str
    query: ModelQuery
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ("id",)
    unique: tuple[Unique, ...] = ()
    filters: Mapping[str, Filter] = field(default_factory=dict)
    orderings: Mapping[str, str] = field(default_factory=dict)
    nested_orderings: Mapping[str, tuple[str, "Resource"]] = field(default_factory=dict)
    default_ordering: str = "id"
    actions: frozenset[str] = frozenset({"create", "update", "delete"})
    prepare: Preparer | None = None
    timestamps: bool = False
    check: Check = no_violation
    extra_columns: Mapping[str, str] = field(default_factory=dict)
    add_derived: Callable[[Item, Row], None] | None = None
    description: str = ""
    anonymous_access: bool = True

    @cached_property
    def key_fields(self) -> tuple[Field, ...]:
        """The fields that hold the parts of the key."""
        return tuple(each for path in self.key for each in self.fields if each.path == path)

    @cached_property
    def ordering_paths(self) -> dict[str, str]:
        """The names to order by, with their paths."""
        own = {each.name: each.path for each in self.fields if isinstance(each.path, str) and each.serializer is None}
        return {**own, **self.orderings}

    def columns(self, fields: Sequence[Field]) -> dict[str, str]:
        """The columns that are read to serialize some of the fields: names and paths."""
        return {**self.extra_columns, **{name: path for each in fields for name, path in each.columns.items()}}
