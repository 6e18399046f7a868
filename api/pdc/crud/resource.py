"""Declarations of resources: their fields with types and paths, unique constraints, filters and orderings.

A resource is a value. `actions` performs requests on it, `validation` parses items, `serializers` renders rows, and
`api.pdc.views` handles HTTP.
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
"""The default of a field that must be sent."""

_quote = lru_cache(maxsize=4096)(partial(quote, safe=""))

Item = dict[str, object]
Serializer = Callable[[Any], object]


class PdcError(Refusal):
    """A refusal that determines the whole body of the response, a JSON value."""

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
    """How the values of a field are read and shown: `parse` takes what clients send, `serialize` what is stored.

    `parse` raises ValueError with the error for the client. With `empty_is_null`, an empty string counts as null.
    """

    name: str
    parse: Callable[[object], object]
    schema: Mapping[str, Any]
    serialize: Serializer | None = None
    empty_is_null: bool = False


@dataclass(frozen=True)
class Reference:
    """A field value that identifies another row by its column `key`.

    - `not_found` returns the error for an unknown value, given the value and the known keys; without it, the resource's
      own check reports unknown values.
    - `columns` of the row are read for checks.
    - `closed` references read all rows, so that the error can list their keys.
    - `project` is the path to the row's project: rows that the caller may not see count as unknown.
    """

    model: type[Model]
    key: str
    not_found: Callable[[object, Collection[object]], object] | None = None
    columns: tuple[str, ...] = ()
    closed: bool = False
    project: str = ""


@dataclass(frozen=True)
class ReferencedRows:
    """The rows that items refer to: ids by key, and the columns that checks need by id."""

    ids: Mapping[object, int]
    rows: Rows


References = Mapping[str, ReferencedRows]
"""Referenced rows by field."""


@dataclass(frozen=True)
class RelatedValues:
    """The values at `path` of all rows whose `foreign_key` refers to this row."""

    query: ModelQuery
    foreign_key: str
    path: str


@dataclass(frozen=True)
class Field:
    """A field: its value is read from `path` (several paths by name make an object) and written to `column`.

    A field without `column` is read-only. `serializer` returns a function that replaces the serializer of the type;
    `related` reads the values from other rows.
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
        """The columns to read for the field: paths by name."""
        if isinstance(self.path, str):
            return {self.name: self.path}
        return {f"{self.name}.{part}": path for part, path in (self.path or {}).items()}


OrderKey = str
"""SQL to order by, in which `{path}` stands for a column of the row, and `{}` for the word of a vocabulary."""


@dataclass(frozen=True)
class Orderings:
    """The names that a list can be ordered by.

    - `keys`: what each name orders by; nothing if all rows have the same value.
    - `nested`: the names of the rows that some names refer to, and the paths to these rows. The path is empty where
      PDC's database has two rows for what is one row here.
    """

    keys: Mapping[str, tuple[OrderKey, ...]]
    nested: Mapping[str, tuple[str, "Orderings"]] = field(default_factory=dict)


Filter = Callable[[list[str], Conditions, date], None]
"""Adds the condition for the values of a query parameter."""

Check = Callable[[Item, References, Row | None], Problem | None]
"""Returns the problem if an item's values violate a rule, given the rows that items refer to and the stored row."""


def no_violation(values: Item, references: References, row: Row | None) -> None:
    """The check of resources without rules of their own."""


@dataclass(frozen=True, eq=False)
class Resource:
    """Rows of a model as the dialect presents them.

    - `key`: the paths that identify an item.
    - `filters`: by the names that clients use.
    - `orderings`: names to order by besides those of the fields.
    - `add_derived`: adds fields that are computed from `extra_columns` to a serialized item.
    - `anonymous_access`: without it, a token with access to all projects is needed to read.
    """

    name: str
    title: str
    query: ModelQuery
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ("id",)
    unique: tuple[Unique, ...] = ()
    filters: Mapping[str, Filter] = field(default_factory=dict)
    orderings: Orderings = Orderings({})
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
        return tuple(field for path in self.key for field in self.fields if field.path == path)

    @cached_property
    def order_names(self) -> Orderings:
        """All names to order by."""
        plain = (field for field in self.fields if field.serializer is None)
        fields = {field.name: (f"{{{field.path}}}",) for field in plain if isinstance(field.path, str)}
        return Orderings({"id": ("{id}",), **fields, **self.orderings.keys}, self.orderings.nested)

    def columns(self, fields: Sequence[Field]) -> dict[str, str]:
        """The columns to read for serializing some fields: paths by name."""
        return {**self.extra_columns, **{name: path for field in fields for name, path in field.columns.items()}}
