"""The mechanism of resources: rows that are listed, filtered, ordered, paged, made, changed and deleted by declaration.

A resource is a value: its fields with their kinds and paths, what is unique, its filters and orders. Everything here
answers with plain JSON values or raises `Invalid`; how it comes and goes over HTTP is its dialect's.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any
from urllib.parse import quote

from tortoise.models import Model

from bot.context import Context
from bot.errors import Problem, Refusal
from bot.operations import records
from bot.operations.records import Change, ItemRefused, Prepare, Row, Table, Unique
from bot.store.lists import Listing, Where, known

MOST_ITEMS = 10_000
REQUIRED: Any = object()
PARTIAL_WITHOUT_CHANGES = "Partial update with no changes does not make much sense."
NO_MAPPING = "Bulk update needs a mapping."
NO_LIST = "Bulk delete needs a list of identifiers."
NOT_FOUND = {"detail": "Not found."}

Values = Mapping[str, Any]
Known = Mapping[str, Mapping[Any, Row]]


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
        return f"{self.base}/{resource}/{quote(str(key), safe='')}{self.suffix}"


@dataclass(frozen=True)
class Kind:
    """A kind of value: its name for people, how it is read (ValueError says what is wrong), shown and described.

    With `empty` an empty text is no value at all.
    """

    name: str
    read: Callable[[Any], Any]
    schema: Mapping[str, Any]
    show: Callable[[Any], Any] | None = None
    empty: bool = False


@dataclass(frozen=True)
class Refers:
    """A value that names another row by its `key`; `unknown` is the refusal of one that names none.

    Without `unknown` the resource's check tells. `columns` of that row are wanted by checks; with `closed` the refusal
    lists all that there are.
    """

    model: type[Model]
    key: str
    unknown: Callable[[Any, Mapping[Any, Row]], Any] | None = None
    columns: tuple[str, ...] = ()
    closed: bool = False


@dataclass(frozen=True)
class Many:
    """Values of rows that refer to this one: `shows` of each row of `listing` whose column `by` is its number."""

    listing: Listing
    by: str
    shows: str


@dataclass(frozen=True)
class Field:
    """One field. `path` is where it is read (several, by name, make an object), `column` where it is written.

    Without `column` it is read-only. `show` makes what is shown of what was read; `many` reads it from other rows.
    """

    name: str
    kind: Kind
    path: str | Mapping[str, str] | None = None
    column: str = ""
    default: Any = REQUIRED
    nullable: bool = False
    refers: Refers | None = None
    show: Callable[[Any, View], Any] | None = None
    many: Many | None = None

    @property
    def columns(self) -> dict[str, str]:
        """What is read for it: names to paths."""
        if isinstance(self.path, str):
            return {self.name: self.path}
        return {f"{self.name}.{part}": path for part, path in (self.path or {}).items()}

    def shown(self, row: Row, view: View) -> Any:
        """What is shown of a row."""
        value = row.get(self.name)
        if isinstance(self.path, Mapping):
            value = {part: row[f"{self.name}.{part}"] for part in self.path}
        if self.show is not None:
            return self.show(value, view)
        return value if self.kind.show is None or value is None else self.kind.show(value)


Filter = Callable[[list[str], Where, date], None]


@dataclass(frozen=True)
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
    def table(self) -> Table:
        """What writes its rows."""
        shown = {"#": "id", **self.columns}
        for each in self.fields:
            shown |= each.columns
        return Table(self.name, self.listing, shown, self.unique, self.prepare, self.stamped)

    @cached_property
    def orders(self) -> dict[str, str]:
        """The names to order by, with their paths."""
        plain = {each.name: each.path for each in self.fields if isinstance(each.path, str) and each.show is None}
        return {**plain, **self.order}

    def order_path(self, name: str) -> str:
        """The path that a name to order by stands for; refused when it is none."""
        if name in self.orders:
            return self.orders[name]
        first, _, rest = name.partition("__")
        if rest and first in self.nested:
            path, other = self.nested[first]
            return f"{path}__{other.order_path(rest)}"
        raise Invalid({"detail": f"Unknown ordering key: {first}"})


@dataclass(frozen=True)
class Asked:
    """One call of a resource. `selected` are the fields that it shows and takes, `where` its filters."""

    context: Context
    resource: Resource
    view: View
    selected: tuple[Field, ...]
    where: Where
    order: Sequence[tuple[str, bool]] = ()
    comment: str | None = None

    @property
    def shown(self) -> dict[str, str]:
        """What is read: names to paths."""
        columns = {"#": "id", **self.resource.columns}
        for each in self.selected:
            columns |= each.columns
        return columns

    async def rendered(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Rows as they are answered."""
        for each in self.selected:
            if each.many is not None:
                await self._gather(each.name, each.many, rows)
        return [self._item(row) for row in rows]

    def _item(self, row: Row) -> dict[str, Any]:
        item = {each.name: each.shown(row, self.view) for each in self.selected}
        if self.resource.beside is not None:
            self.resource.beside(item, row)
        return item

    async def _gather(self, name: str, many: Many, rows: Sequence[Row]) -> None:
        found: dict[int, list[Any]] = {row["#"]: [] for row in rows}
        where = Where()
        where.among(many.listing.column(many.by), list(found))
        many.listing.within(where, self.context.actor.sight("content:read"))
        order = [(many.listing.column(many.shows), False)]
        for each in await many.listing.page({"by": many.by, "shows": many.shows}, where, order):
            found[each["by"]].append(each["shows"])
        for row in rows:
            row[name] = found[row["#"]]


async def page(asked: Asked, limit: int | None, offset: int) -> list[dict[str, Any]]:
    """A piece of the list; all of it without a limit."""
    rows = await asked.resource.listing.page(asked.shown, asked.where, asked.order, limit, offset)
    return await asked.rendered(rows)


async def count(asked: Asked) -> int:
    """How many items the list has."""
    return await asked.resource.listing.count(asked.where)


async def exists(asked: Asked, key: str) -> bool:
    """Whether there is an item of this key."""
    return key in await _rows(asked, [key], {"#": "id"})


async def one(asked: Asked, key: str) -> dict[str, Any]:
    """One item; refused when there is none of this key."""
    rows = await _rows(asked, [key], asked.shown)
    if key not in rows:
        raise Invalid(NOT_FOUND, 404)
    return (await asked.rendered([rows[key]]))[0]


async def create(asked: Asked, body: Any) -> Any:
    """Make one item, or all of a list or none."""
    items = body if isinstance(body, list) else [body]
    changes, wrong = await _changes(asked, list(enumerate(items)), {}, partial=False)
    rows = await _applied(asked, changes, wrong, items, list(range(len(items))) if isinstance(body, list) else None)
    made = await asked.rendered(rows)
    return made if isinstance(body, list) else made[0]


async def update(asked: Asked, body: Any, key: str | None = None, *, partial: bool) -> Any:
    """Change one item, or all that a mapping names or none; `partial` changes only what is given."""
    if partial and not body:
        raise Invalid({"detail": PARTIAL_WITHOUT_CHANGES})
    if key is None and not isinstance(body, dict):
        raise Invalid({"detail": NO_MAPPING})
    items: dict[str, Any] = body if key is None else {key: body}
    rows = await _rows(asked, list(items), asked.resource.table.shown)
    changes, wrong = await _changes(asked, list(items.items()), rows, partial=partial)
    keys = list(items) if key is None else None
    changed = await asked.rendered(await _applied(asked, changes, wrong, list(items.values()), keys))
    return changed[0] if key is not None else dict(zip(items, changed, strict=True))


async def delete(asked: Asked, body: Any, key: str | None = None) -> None:
    """Delete one item, or all that a list names or none. Equal names count once."""
    if key is None and not isinstance(body, list):
        raise Invalid({"detail": NO_LIST})
    named = body if key is None else [key]
    for each in named:
        if isinstance(each, bool) or not isinstance(each, str | int):
            raise Invalid({"detail": f'"{each}" is not a valid identifier.'})
    named = list(dict.fromkeys(named))
    rows = await _rows(asked, [str(each) for each in named], asked.resource.table.shown)
    changes: list[Change] = []
    wrong = None
    for index, each in enumerate(named):
        row = rows.pop(str(each), None)
        if row is None:
            wrong = ItemRefused(index, Invalid(NOT_FOUND, 404))
            break
        changes.append(Change(row["#"], None))
    await _applied(asked, changes, wrong, named, named if key is None else None, deleted=True)


async def _rows(asked: Asked, keys: Sequence[str], shown: Mapping[str, str]) -> dict[str, Row]:
    """The rows of these keys, among those that the filters leave."""
    paths = asked.resource.key
    wanted: dict[tuple[Any, ...], str] = {tuple(key.rsplit("/", len(paths) - 1)): key for key in keys}
    if paths == ("id",):
        wanted = {(_number(key),): key for key in keys}
    where = Where(list(asked.where.conditions), list(asked.where.args))
    for place, path in enumerate(paths):
        values = dict.fromkeys(parts[place] for parts in wanted if len(parts) == len(paths))
        where.among(asked.resource.listing.column(path), [value for value in values if value])
    named = {f"key {path}": path for path in paths}
    rows = await asked.resource.listing.page({**shown, **named}, where)
    found = {wanted.get(tuple(row[name] for name in named), ""): row for row in rows}
    return {key: found[key] for key in keys if key in found}


def _number(text: str) -> int:
    """A row's number; 0, which no row has, for what cannot be one."""
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.isdecimal() and int(plain[:12]) < 2**31 and len(plain) < 12 else 0


async def _applied(
    asked: Asked,
    changes: Sequence[Change],
    wrong: ItemRefused | None,
    items: Sequence[Any],
    keys: Sequence[Any] | None,
    *,
    deleted: bool = False,
) -> list[Row]:
    """Write; what is refused of several items says which one, by its key."""
    try:
        return await records.apply(asked.context, asked.resource.table, changes, comment=asked.comment, wrong=wrong)
    except ItemRefused as refused:
        invalid = said(refused.problem)
        if keys is None:
            raise invalid from refused
        detail = invalid.said
        if isinstance(detail, dict) and "detail" in detail:
            detail = detail["detail"]
        body = {"id_of_invalid_data": keys[refused.index], "detail": detail}
        if items[refused.index] and not deleted:
            body["invalid_data"] = items[refused.index]
        raise Invalid(body, invalid.status) from refused


def said(problem: Problem) -> Invalid:
    """A refusal as a resource answers it."""
    if isinstance(problem, Invalid):
        return problem
    name = problem.details.get("field")
    return Invalid({name or "detail": [problem.sentence]})


async def _changes(
    asked: Asked, items: Sequence[tuple[Any, Any]], rows: Mapping[str, Row], *, partial: bool
) -> tuple[list[Change], ItemRefused | None]:
    """The changes that items ask for, up to the first that is wrong. `rows` are those to be changed, by key."""
    if len(items) > MOST_ITEMS:
        raise Invalid({"detail": f"At most {MOST_ITEMS:,} items are taken at once; these are {len(items):,}."})
    known = await _known(asked, [item for _, item in items])
    changes: list[Change] = []
    for index, (key, item) in enumerate(items):
        row = rows.get(key)
        try:
            if row is None and isinstance(key, str):
                raise Invalid(NOT_FOUND, 404)
            if partial and not item:
                raise Invalid({"detail": PARTIAL_WITHOUT_CHANGES})
            values = shape(asked, item, known, partial=partial)
        except Invalid as invalid:
            return changes, ItemRefused(index, invalid)
        check = asked.resource.check
        refusal = None if check is None else check(values, known, row)
        columns = {each.column: values[each.name] for each in asked.resource.fields if each.name in values}
        changes.append(Change(row["#"] if row else None, columns, refusal))
    return changes, None


async def _known(asked: Asked, items: Sequence[Any]) -> dict[str, Mapping[Any, Row]]:
    """The rows that the items refer to, by field."""
    found: dict[str, Mapping[Any, Row]] = {}
    for each in asked.resource.fields:
        if each.refers is not None:
            given = [item.get(each.name) for item in items if isinstance(item, dict)]
            values = []
            for value in given:
                try:
                    values.append(each.kind.read(value))
                except ValueError:
                    continue
            refers = each.refers
            found[each.name] = await known(refers.model, refers.key, values, refers.columns, everything=refers.closed)
    return found


def shape(asked: Asked, item: Any, known: Known, *, partial: bool) -> dict[str, Any]:
    """What an item asks to be written, by field; refused with everything that is wrong with it."""
    if item is None:
        raise Invalid({"detail": ["No data provided"]})
    if not isinstance(item, dict):
        raise Invalid({"detail": f"Invalid data. Expected an object, but got {type(item).__name__}."})
    _refuse_names(asked.selected, item)
    values: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for each in asked.selected:
        if not each.column:
            continue
        try:
            if each.name in item:
                values[each.name] = _read(each, item[each.name], known)
            elif not partial and each.default is REQUIRED:
                raise ValueError("This field is required.")
            elif not partial:
                values[each.name] = each.default
        except ValueError as wrong:
            errors[each.name] = wrong.args[0] if isinstance(wrong.args[0], dict) else [str(wrong)]
    if errors:
        raise Invalid(errors)
    return values


def _refuse_names(selected: Collection[Field], item: Mapping[str, Any]) -> None:
    unknown = item.keys() - {each.name for each in selected}
    if unknown:
        raise Invalid({"detail": f"Unknown fields: {', '.join(map(_quoted, sorted(unknown)))}."})
    if fixed := [each.name for each in selected if not each.column and each.name in item]:
        raise Invalid({"detail": f"Can not update read only fields: {', '.join(map(_quoted, fixed))}."})


def _quoted(name: str) -> str:
    return f'"{name}"'


def _read(each: Field, value: Any, known: Known) -> Any:
    if value is None or (value == "" and each.kind.empty):
        if each.nullable:
            return None
        raise ValueError("This field may not be null.")
    value = each.kind.read(value)
    if each.refers is None:
        return value
    row = known[each.name].get(value)
    if row is None and each.refers.unknown is not None:
        raise ValueError(each.refers.unknown(value, known[each.name]))
    return value if row is None else row["id"]
