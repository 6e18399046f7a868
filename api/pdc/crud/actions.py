"""What is done with a resource: its rows listed, shown, made, changed and deleted, one or many at once.

Everything here answers with plain JSON values, or raises `Invalid` for what is wrong with what was sent. Of many all
are written or none, and the refusal names the first that is wrong, as if they had been taken one by one.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.pdc.crud import serializers
from api.pdc.crud.resource import Field, Invalid, Known, Resource, View
from api.pdc.crud.validation import references, shape
from bot.context import Context
from bot.errors import NotFound, Problem
from bot.operations import records
from bot.operations.records import Change, ItemRefused, Row
from bot.rules.permissions import Visibility
from bot.store.lists import Where

MOST_ITEMS = 10_000
PIECE = 200  # rows that are read and shown at once of a list without pages: some milliseconds
PARTIAL_WITHOUT_CHANGES = "Partial update with no changes does not make much sense."
NO_MAPPING = "Bulk update needs a mapping."
NO_LIST = "Bulk delete needs a list of identifiers."


def not_found() -> Invalid:
    """That there is no such item, or none for the caller."""
    return Invalid({"detail": "Not found."}, 404)


@dataclass(frozen=True)
class ResourceRequest:
    """One call of a resource. `selected` are the fields that it shows and takes, `where` its filters.

    `viewer` says whose rows the caller sees; it is in `where` already.
    """

    context: Context
    resource: Resource
    view: View
    viewer: Visibility
    selected: tuple[Field, ...]
    where: Where
    order: Sequence[tuple[str, bool]] = ()
    comment: str | None = None

    @property
    def shown(self) -> dict[str, str]:
        """What is read: names to paths."""
        return serializers.read(self.resource, self.selected)

    async def rendered(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Rows as they are answered."""
        return await serializers.render(self.resource, self.selected, rows, self.view, self.viewer)


async def page(asked: ResourceRequest, limit: int, offset: int) -> list[dict[str, Any]]:
    """A piece of the list."""
    rows = await asked.resource.listing.page(asked.shown, asked.where, asked.order, limit, offset)
    return await asked.rendered(rows)


async def count(asked: ResourceRequest) -> int:
    """How many items the list has."""
    return await asked.resource.listing.count(asked.where)


async def everything(asked: ResourceRequest) -> AsyncIterator[list[dict[str, Any]]]:
    """The whole list, piece by piece, in the order it has now: of what is changed meanwhile nothing comes twice."""
    numbers = await asked.resource.listing.numbers(asked.where, asked.order)

    async def pieces() -> AsyncIterator[list[dict[str, Any]]]:
        shown = asked.shown
        for start in range(0, len(numbers), PIECE):
            piece = numbers[start : start + PIECE]
            where = asked.where.copy()
            where.among("t.id", piece)
            rows = {row["#"]: row for row in await asked.resource.listing.page(shown, where)}
            yield await asked.rendered([rows[number] for number in piece if number in rows])

    return pieces()


async def exists(asked: ResourceRequest, key: str) -> bool:
    """Whether there is an item of this key."""
    return key in await _rows(asked, [key], {"#": "id"})


async def one(asked: ResourceRequest, key: str) -> dict[str, Any]:
    """One item; refused when there is none of this key."""
    rows = await _rows(asked, [key], asked.shown)
    if key not in rows:
        raise not_found()
    return (await asked.rendered([rows[key]]))[0]


async def create(asked: ResourceRequest, body: Any) -> Any:
    """Make one item, or all of a list."""
    items = body if isinstance(body, list) else [body]
    keys = range(len(items)) if isinstance(body, list) else None
    refuse_too_many(items)
    made = await _written(asked, items, [None] * len(items), keys, made=True)
    return made if isinstance(body, list) else made[0]


async def update(asked: ResourceRequest, body: Any, key: str | None = None, *, partial: bool) -> Any:
    """Change one item, or all that a mapping names; `partial` changes only what is given."""
    if partial and not body:
        raise Invalid({"detail": PARTIAL_WITHOUT_CHANGES})
    if key is None and not isinstance(body, dict):
        raise Invalid({"detail": NO_MAPPING})
    items: dict[str, Any] = body if key is None else {key: body}
    refuse_too_many(items)
    rows = await _rows(asked, items, serializers.table(asked.resource).shown)
    keys = list(items) if key is None else None
    there = [rows.get(each) for each in items]
    changed = await _written(asked, list(items.values()), there, keys, partial=partial)
    return changed[0] if key is not None else dict(zip(items, changed, strict=True))


async def delete(asked: ResourceRequest, body: Any, key: str | None = None) -> None:
    """Delete one item, or all that a list names. Equal names count once."""
    if key is None and not isinstance(body, list):
        raise Invalid({"detail": NO_LIST})
    named = body if key is None else [key]
    for each in named:
        if isinstance(each, bool) or not isinstance(each, str | int):
            raise Invalid({"detail": f'"{each}" is not a valid identifier.'})
    named = list(dict.fromkeys(named))
    refuse_too_many(named)
    rows = await _rows(asked, [str(each) for each in named], serializers.table(asked.resource).shown)
    changes: list[Change] = []
    wrong = None
    for index, each in enumerate(named):
        row = rows.pop(str(each), None)
        if row is None:
            wrong = ItemRefused(index, not_found())
            break
        changes.append(Change(row["#"], None))
    await _applied(asked, changes, wrong, [None] * len(named), named if key is None else None)


def refuse_too_many(items: Collection[Any]) -> None:
    """Refuse more than are taken at once."""
    if len(items) > MOST_ITEMS:
        raise Invalid({"detail": f"At most {MOST_ITEMS:,} items are taken at once; these are {len(items):,}."})


async def _rows(asked: ResourceRequest, keys: Iterable[str], shown: Mapping[str, str]) -> dict[str, Row]:
    """The rows of these keys, among those that the filters leave. Of two keys of one row the first has it."""
    paths = asked.resource.key
    wanted: dict[tuple[Any, ...], str] = {}
    for key in keys:
        wanted.setdefault((_number(key),) if paths == ("id",) else tuple(key.rsplit("/", len(paths) - 1)), key)
    where = asked.where.copy()
    for place, path in enumerate(paths):
        values = dict.fromkeys(parts[place] for parts in wanted if len(parts) == len(paths))
        where.among(asked.resource.listing.column(path), [value for value in values if value])
    named = {f"key {path}": path for path in paths}
    rows = await asked.resource.listing.page({**shown, **named}, where)
    found = {tuple(row[name] for name in named): row for row in rows}
    return {key: found[parts] for parts, key in wanted.items() if parts in found}


def _number(text: str) -> int:
    """A row's number; 0, which no row has, for what cannot be one."""
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.isdecimal() and len(plain) < 12 and int(plain) < 2**31 else 0


async def _written(
    asked: ResourceRequest,
    items: Sequence[Any],
    rows: Sequence[Row | None],
    keys: Sequence[Any] | None,
    *,
    made: bool = False,
    partial: bool = False,
) -> list[dict[str, Any]]:
    """Items written, to the rows that are there or `made`, and shown."""
    known = await references(asked.resource, items, asked.viewer)
    changes: list[Change] = []
    wrong, names = None, {each.name: each.column for each in asked.selected}
    fields = [each for each in (asked.resource.fields if made else asked.selected) if each.column]
    for index, (item, row) in enumerate(zip(items, rows, strict=True)):
        try:
            if partial and not item:
                raise Invalid({"detail": PARTIAL_WITHOUT_CHANGES})
            if row is None and not made:
                raise not_found()
            values = shape(fields, names, item, known, partial=partial)
            changes.append(_change(asked.resource, fields, values, known, row))
        except Invalid as invalid:
            wrong = ItemRefused(index, invalid)
            break
    return await asked.rendered(await _applied(asked, changes, wrong, items, keys))


def _change(of: Resource, fields: Sequence[Field], values: Mapping[str, Any], known: Known, row: Row | None) -> Change:
    refusal = None if of.check is None else of.check(values, known, row)
    columns = {each.column: values[each.name] for each in fields if each.name in values}
    return Change(None if row is None else row["#"], columns, refusal)


async def _applied(
    asked: ResourceRequest,
    changes: Sequence[Change],
    wrong: ItemRefused | None,
    items: Sequence[Any],
    keys: Sequence[Any] | None,
) -> list[Row]:
    """Write; what is refused of several items says which one, by its key."""
    try:
        table = serializers.table(asked.resource)
        return await records.apply(
            asked.context, table, changes, comment=asked.comment, wrong=wrong, within=asked.where
        )
    except ItemRefused as refused:
        invalid = said(refused.problem)
        if keys is None:
            raise invalid from refused
        detail = invalid.said
        if isinstance(detail, dict) and "detail" in detail:
            detail = detail["detail"]
        body = {"id_of_invalid_data": keys[refused.index], "detail": detail}
        if items[refused.index]:
            body["invalid_data"] = items[refused.index]
        raise Invalid(body, invalid.status) from refused


def said(problem: Problem) -> Invalid:
    """A refusal as a resource answers it."""
    if isinstance(problem, Invalid):
        return problem
    if isinstance(problem, NotFound):
        return not_found()
    return Invalid({problem.details.get("field", "detail"): [problem.sentence]})
