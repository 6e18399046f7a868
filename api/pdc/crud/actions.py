"""Actions on a resource: list, show, create, change and delete items, singly or in bulk.

Actions return plain JSON values and raise `PdcError` for invalid requests. A bulk request writes all of its items or
none; the error names the first invalid item, as if the items had been written one by one.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from api.pdc.crud import serializers
from api.pdc.crud.resource import Field, Item, PdcError, References, RenderContext, Resource
from api.pdc.crud.validation import read_references, validate
from bot.context import Context
from bot.errors import NotFound, Problem
from bot.operations import records
from bot.operations.changes import Change, ChangeRequest, Create, Delete, ItemRefused, Rejected, Update
from bot.rules.permissions import Visibility
from bot.store.lists import Columns, Conditions, Order, Row, Rows

MAX_ITEMS = 10_000
CHUNK_ROWS = 200  # rows of an unpaged list that are read and serialized at once, in a few milliseconds
PARTIAL_WITHOUT_CHANGES = "Partial update with no changes does not make much sense."
NO_MAPPING = "Bulk update needs a mapping."
NO_LIST = "Bulk delete needs a list of identifiers."

Chunks = AsyncIterator[list[Item]]
RowsByKey = dict[str, tuple[int, Row]]
"""The ids and columns of rows, by the keys in a request."""
Batch = Sequence[tuple[object, object]]
"""The items of a bulk request, each with the key that identifies it in errors; errors echo items that are not empty."""


def not_found() -> PdcError:
    """The error for an item that does not exist or that the caller may not see."""
    return PdcError({"detail": "Not found."}, 404)


@dataclass(frozen=True)
class ResourceRequest:
    """A request on a resource: the `fields` to return and accept, and the conditions and order of its rows.

    `viewer` is the caller's visibility, which the conditions already include.
    """

    context: Context
    resource: Resource
    rendering: RenderContext
    viewer: Visibility
    fields: tuple[Field, ...]
    conditions: Conditions
    order: Order = ()
    comment: str | None = None

    @property
    def columns(self) -> dict[str, str]:
        """The columns that the selected fields are serialized from."""
        return self.resource.columns(self.fields)

    async def render(self, rows: Rows) -> list[Item]:
        """Serialize the selected fields of some rows."""
        return await serializers.render(self.resource, self.fields, rows, self.rendering, self.viewer)


async def fetch_page(request: ResourceRequest, limit: int, offset: int) -> list[Item]:
    """A section of the list."""
    query = request.resource.query
    return await request.render(await query.rows(request.columns, request.conditions, request.order, limit, offset))


async def count(request: ResourceRequest) -> int:
    """The number of items in the list."""
    return await request.resource.query.count(request.conditions)


async def stream_all(request: ResourceRequest) -> Chunks:
    """The whole list in chunks. The order is fixed at the start: no concurrent change makes an item appear twice."""
    query, columns = request.resource.query, request.columns
    ids = await query.ids(request.conditions, request.order)

    async def chunks() -> Chunks:
        for start in range(0, len(ids), CHUNK_ROWS):
            chunk = ids[start : start + CHUNK_ROWS]
            conditions = request.conditions.copy()
            conditions.add_in("t.id", chunk)
            rows = await query.rows(columns, conditions)
            yield await request.render({row_id: rows[row_id] for row_id in chunk if row_id in rows})

    return chunks()


async def exists(request: ResourceRequest, key: str) -> bool:
    """Whether there is an item with this key."""
    return bool(await request.resource.query.count(_conditions(request, [_parse_key(request.resource, key)])))


async def fetch_one(request: ResourceRequest, key: str) -> Item:
    """The item with this key; 404 if it does not exist."""
    conditions = _conditions(request, [_parse_key(request.resource, key)])
    rows = await request.resource.query.rows(request.columns, conditions)
    if not rows:
        raise not_found()
    return (await request.render(rows))[0]


async def create(request: ResourceRequest, body: object) -> object:
    """Create an item, or all items of a list."""
    items = body if isinstance(body, list) else [body]
    refuse_too_many(items)
    references = await read_references(request.resource, items, request.viewer)
    batch = list(enumerate(items)) if isinstance(body, list) else None
    created = await _apply(request, _creations(request, items, references), batch)
    return created if isinstance(body, list) else created[0]


async def update(request: ResourceRequest, body: object, key: str | None = None, *, partial: bool) -> object:
    """Change an item, or all items in a mapping; a `partial` update changes only the fields that were sent."""
    if partial and not body:
        raise PdcError({"detail": PARTIAL_WITHOUT_CHANGES})
    if key is not None:
        items: Mapping[str, object] = {key: body}
    elif isinstance(body, dict):
        items = body
    else:
        raise PdcError({"detail": NO_MAPPING})
    refuse_too_many(items)
    rows = await _find_rows(request, items)
    references = await read_references(request.resource, list(items.values()), request.viewer)
    batch = list(items.items()) if key is None else None
    updates = _updates(request, items, rows, references, partial=partial)
    updated = await _apply(request, updates, batch)
    return updated[0] if key is not None else dict(zip(items, updated, strict=True))


async def delete(request: ResourceRequest, body: object, key: str | None = None) -> None:
    """Delete an item, or all items in a list of identifiers, where duplicates count once."""
    identifiers = body if key is None else [key]
    if not isinstance(identifiers, list):
        raise PdcError({"detail": NO_LIST})
    for identifier in identifiers:
        if isinstance(identifier, bool) or not isinstance(identifier, str | int):
            raise PdcError({"detail": f'"{identifier}" is not a valid identifier.'})
    identifiers = list(dict.fromkeys(identifiers))
    refuse_too_many(identifiers)
    rows = await _find_rows(request, map(str, identifiers))
    batch = [(identifier, None) for identifier in identifiers] if key is None else None
    await _apply(request, _deletions(identifiers, rows), batch)


def refuse_too_many(items: Collection[object]) -> None:
    """Refuse a bulk request with too many items."""
    if len(items) > MAX_ITEMS:
        raise PdcError({"detail": f"At most {MAX_ITEMS:,} items are taken at once; these are {len(items):,}."})


def to_pdc_error(problem: Problem) -> PdcError:
    """A refusal in the form of this dialect."""
    if isinstance(problem, PdcError):
        return problem
    if isinstance(problem, NotFound):
        return not_found()
    return PdcError({problem.details.get("field", "detail"): [problem.sentence]})


async def _find_rows(request: ResourceRequest, keys: Iterable[str]) -> RowsByKey:
    """The rows with these keys that meet the conditions. If several keys identify one row, only the first gets it."""
    resource = request.resource
    parsed: dict[tuple[object, ...], str] = {}
    for key in keys:
        parsed.setdefault(_parse_key(resource, key), key)
    rows = await resource.query.rows(resource.columns(resource.fields), _conditions(request, parsed))
    names = [field.name for field in resource.key_fields]
    by_parts = {tuple(row[name] for name in names): (row_id, row) for row_id, row in rows.items()}
    return {key: by_parts[parts] for parts, key in parsed.items() if parts in by_parts}


def _conditions(request: ResourceRequest, keys: Collection[tuple[object, ...]]) -> Conditions:
    """The conditions of the request, restricted to rows with these keys."""
    paths, conditions = request.resource.key, request.conditions.copy()
    for index, path in enumerate(paths):
        values = dict.fromkeys(parts[index] for parts in keys if len(parts) == len(paths))
        conditions.add_in(request.resource.query.column(path), [value for value in values if value])
    return conditions


def _parse_key(resource: Resource, key: str) -> tuple[object, ...]:
    if resource.key == ("id",):
        return (_parse_id(key),)
    return tuple(key.rsplit("/", len(resource.key) - 1))


def _parse_id(text: str) -> int:
    """A row's id; 0, which no row has, if the text is not a valid id."""
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 12 and int(digits) < 2**31 else 0


def _creations(request: ResourceRequest, items: Iterable[object], references: References) -> Iterator[Change]:
    resource, accepted = request.resource, {field.name: field.column for field in request.fields}
    fields = [field for field in resource.fields if field.column]
    for item in items:
        values = validate(fields, accepted, item, references, partial=False)
        yield Create(_columns(fields, values), resource.check(values, references, None))


def _updates(
    request: ResourceRequest, items: Mapping[str, object], rows: RowsByKey, references: References, *, partial: bool
) -> Iterator[Change]:
    resource, accepted = request.resource, {field.name: field.column for field in request.fields}
    fields = [field for field in request.fields if field.column]
    for key, item in items.items():
        if partial and not item:
            raise PdcError({"detail": PARTIAL_WITHOUT_CHANGES})
        if key not in rows:
            raise not_found()
        row_id, row = rows[key]
        values = validate(fields, accepted, item, references, partial=partial)
        yield Update(row_id, _columns(fields, values), resource.check(values, references, row))


def _deletions(identifiers: Iterable[object], rows: RowsByKey) -> Iterator[Change]:
    for identifier in identifiers:
        if str(identifier) not in rows:
            raise not_found()
        row_id, _ = rows.pop(str(identifier))
        yield Delete(row_id)


def _columns(fields: Sequence[Field], values: Item) -> Columns:
    return {field.column: values[field.name] for field in fields if field.name in values}


async def _apply(request: ResourceRequest, changes: Iterator[Change], batch: Batch | None) -> list[Item]:
    """Apply changes and serialize the rows; the first invalid change raises PdcError."""
    valid: list[Change | Rejected] = []
    try:
        for change in changes:
            valid.append(change)  # noqa: PERF402 - `extend` would lose the changes before the invalid one
    except PdcError as error:
        valid.append(Rejected(error))
    change_request = ChangeRequest(valid, request.comment, request.conditions)
    try:
        rows = await records.apply(request.context, serializers.table(request.resource), change_request)
    except ItemRefused as refused:
        raise _item_error(refused, batch) from refused
    return await request.render(rows)


def _item_error(refused: ItemRefused, batch: Batch | None) -> PdcError:
    """The error for a refused item; in a bulk request it names the item by its key."""
    error = to_pdc_error(refused.problem)
    if batch is None:
        return error
    key, item = batch[refused.index]
    detail = error.body["detail"] if isinstance(error.body, dict) and "detail" in error.body else error.body
    invalid_data = {"invalid_data": item} if item else {}
    return PdcError({"id_of_invalid_data": key, "detail": detail, **invalid_data}, error.status)
