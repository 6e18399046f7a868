"""The one operation that writes content rows, with all checks, their change set and an audit entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby
from operator import itemgetter

import orjson
from tortoise.exceptions import IntegrityError

from bot.context import FORBIDDEN, Context, authorize
from bot.errors import Conflict, Forbidden, NotFound, Refusal
from bot.events.administration import RecordsChanged
from bot.operations import events
from bot.operations.changes import (
    Change,
    ChangeRequest,
    Create,
    Delete,
    Draft,
    ItemRefused,
    Key,
    Rejected,
    Table,
    Unique,
)
from bot.store.database import exclusive_transaction, execute_many, fetch, reserve_ids
from bot.store.lists import (
    Columns,
    Conditions,
    Rows,
    Statement,
    delete_statement,
    ids_by_key,
    insert_statement,
    update_statement,
)

GRANT = "content:write"
MAX_PRECHECKED_INSERTS = 100  # more new rows than this are inserted before their keys are looked up


async def apply(context: Context, table: Table, request: ChangeRequest) -> Rows:
    """Make all changes of a request or none; return the created and changed rows, in order.

    Refuses (ItemRefused) the first change that is invalid: a row that does not exist or no longer meets the conditions,
    a duplicate, a violation, and what `prepare` refuses; Conflict when other requests interfere twice; Forbidden
    outside the project of a token; Unavailable when other writers take too long.
    """
    authorize(context.actor, GRANT)
    batch = _Batch(context, table, request, context.now())
    try:
        return await (_insert_unchecked(batch) if batch.is_large_insert else _write_checked(batch))
    except IntegrityError:  # a duplicate or a concurrent change; the second attempt identifies it
        pass
    try:
        return await _write_checked(batch)
    except IntegrityError as error:
        raise Conflict("Another request has just changed what this one is about. Send it again.") from error


@dataclass(frozen=True)
class _Batch:
    """The changes of one request to one table, and when the request arrived."""

    context: Context
    table: Table
    request: ChangeRequest
    received_at: datetime

    @cached_property
    def changes(self) -> list[Change]:
        """The changes before the first rejected item."""
        changes: list[Change] = []
        for change in self.request.changes:
            if isinstance(change, Rejected):
                break
            changes.append(change)
        return changes

    @cached_property
    def row_ids(self) -> list[int | None]:
        """The id of the stored row of each change, None for a new one."""
        return [None if isinstance(change, Create) else change.row_id for change in self.changes]

    @property
    def rejection(self) -> ItemRefused | None:
        """The refusal of the first rejected item."""
        index = len(self.changes)
        rejected = self.request.changes[index] if index < len(self.request.changes) else None
        return ItemRefused(index, rejected.problem) if isinstance(rejected, Rejected) else None

    @property
    def is_large_insert(self) -> bool:
        """Whether there are only valid new rows, and so many that looking up their keys first would be slow."""
        return (
            self.rejection is None
            and len(self.changes) > MAX_PRECHECKED_INSERTS
            and all(isinstance(change, Create) and change.violation is None for change in self.changes)
        )


@dataclass(frozen=True)
class _Prepared:
    """Rows to be changed by id, the columns to write for each change (None deletes) up to the first refused one."""

    stored: Rows
    columns: Sequence[Columns | None]
    refusal: ItemRefused | None


async def _insert_unchecked(batch: _Batch) -> Rows:
    """Insert rows and leave it to the database to find duplicates (IntegrityError)."""
    async with exclusive_transaction(GRANT):
        prepared = await _prepare(batch)
        if prepared.refusal is not None:
            await _refuse_first_invalid(batch, prepared)
        return await _write(batch, prepared)


async def _write_checked(batch: _Batch) -> Rows:
    """Write rows after every check; IntegrityError when a concurrent transaction interferes."""
    async with exclusive_transaction(GRANT):
        prepared = await _prepare(batch)
        await _refuse_first_invalid(batch, prepared)
        return await _write(batch, prepared)


async def _prepare(batch: _Batch) -> _Prepared:
    """Lock and read the rows to be changed, and determine the columns to write."""
    stored = await _lock_stored(batch)
    await _require_own_project(batch, list(stored))
    if batch.table.prepare is None:
        columns = [None if isinstance(change, Delete) else change.values for change in batch.changes]
        return _Prepared(stored, columns, batch.rejection)
    drafts = [
        Draft(row_id, None if row_id is None else stored[row_id], change.values)
        for row_id, change in zip(batch.row_ids, batch.changes, strict=True)
        if not isinstance(change, Delete)
    ]
    columns, prepared = [], batch.table.prepare(batch.context, drafts)
    try:
        for change in batch.changes:
            columns.append(None if isinstance(change, Delete) else await anext(prepared))
    except Forbidden:
        raise
    except Refusal as refusal:
        return _Prepared(stored, columns, ItemRefused(len(columns), refusal))
    return _Prepared(stored, columns, batch.rejection)


async def _lock_stored(batch: _Batch) -> Rows:
    """Lock and read the rows to be changed or deleted; ItemRefused for the first that does not exist."""
    ids = [row_id for row_id in batch.row_ids if row_id is not None]
    if not ids:
        return {}
    deletes = any(isinstance(change, Delete) for change in batch.changes)
    await batch.table.query.lock(ids, for_deletion=deletes)
    stored = await _read(batch.table, ids, batch.request.conditions)
    for index, row_id in enumerate(batch.row_ids):
        if row_id is not None and row_id not in stored:
            raise ItemRefused(index, NotFound("Not found."))
    return stored


async def _read(table: Table, ids: Sequence[int], conditions: Conditions) -> Rows:
    """Read the table's columns of those rows that meet the conditions."""
    if not ids:
        return {}
    conditions = conditions.copy()
    conditions.add_in("t.id", ids)
    return await table.query.rows(table.columns, conditions)


async def _require_own_project(batch: _Batch, ids: Sequence[int]) -> None:
    """Refuse (Forbidden) rows of other projects for a token of one project."""
    project_id, query = batch.context.actor.project_id, batch.table.query
    if project_id is None or not ids:
        return
    if not query.project:
        raise Forbidden(FORBIDDEN)
    conditions = Conditions()
    conditions.add_in("t.id", ids)
    rows = await query.rows({"project": query.project}, conditions)
    if any(row["project"] != project_id for row in rows.values()):
        raise Forbidden(FORBIDDEN)


class _KeyOwners:
    """Which row has each key of a unique constraint, kept up to date while changes are examined in order."""

    def __init__(self, unique: Unique, owners: dict[Key, int]) -> None:
        self.unique, self._owners = unique, owners

    def release(self, row_id: int, columns: Columns) -> None:
        """Free the key of a row that is about to change or to be deleted."""
        key = self.unique.key(columns)
        if self._owners.get(key) == row_id:
            del self._owners[key]

    def claim(self, row_id: int, columns: Columns) -> None:
        """Give a row its new key; refused if another row has it."""
        if self._owners.setdefault(self.unique.key(columns), row_id) != row_id:
            raise self.unique.refusal(columns)


async def _refuse_first_invalid(batch: _Batch, prepared: _Prepared) -> None:
    """Examine changes in order; ItemRefused for the first that is a duplicate, a violation, or refused already."""
    stored = await _read_unique_columns(batch.table, list(prepared.stored))
    changes = batch.changes[: len(prepared.columns)]
    # a new row has no id yet and is identified by its negative index
    row_ids = [-index if row_id is None else row_id for index, row_id in enumerate(batch.row_ids[: len(changes)])]
    new = [
        {**stored.get(row_id, {}), **(columns or {})} for row_id, columns in zip(row_ids, prepared.columns, strict=True)
    ]
    constraints = [
        _KeyOwners(unique, await ids_by_key(batch.table.query.table, unique.columns, map(unique.key, new)))
        for unique in batch.table.unique
    ]
    for index, (change, row_id) in enumerate(zip(changes, row_ids, strict=True)):
        try:
            for owners in constraints:
                if row_id in stored:
                    owners.release(row_id, stored[row_id])
                if not isinstance(change, Delete):
                    owners.claim(row_id, new[index])
        except Refusal as refusal:
            raise ItemRefused(index, refusal) from None
        if not isinstance(change, Delete) and change.violation is not None:
            raise ItemRefused(index, change.violation)
    if prepared.refusal is not None:
        raise prepared.refusal


async def _read_unique_columns(table: Table, ids: Sequence[int]) -> Rows:
    """The stored values of the columns that unique constraints cover."""
    names = {column: column for unique in table.unique for column in unique.columns}
    if not names or not ids:
        return {}
    conditions = Conditions()
    conditions.add_in("t.id", ids)
    return await table.query.rows(names, conditions)


async def _write(batch: _Batch, prepared: _Prepared) -> Rows:
    """Write the rows, the change set and the audit entry."""
    new_ids = iter(await reserve_ids(batch.table.query.table, batch.row_ids.count(None)))
    ids = [next(new_ids) if row_id is None else row_id for row_id in batch.row_ids]
    statements = _statements(batch, ids, prepared.columns)
    for sql, group in groupby(statements, key=itemgetter(0)):  # in order: a row may take the key that another gave up
        await execute_many(sql, [args for _, args in group])
    written = await _read(batch.table, ids, Conditions())
    await _require_own_project(batch, list(written))
    await _log(batch, ids, prepared.stored, written)
    return {row_id: written[row_id] for row_id in ids if row_id in written}


def _statements(batch: _Batch, ids: Sequence[int], columns: Sequence[Columns | None]) -> list[Statement]:
    table, now = batch.table.query.table, batch.context.now()
    updated: Columns = {"updated_at": now} if batch.table.timestamps else {}
    created: Columns = {"created_at": now, **updated} if batch.table.timestamps else {}
    statements = []
    for row_id, stored_id, values in zip(ids, batch.row_ids, columns, strict=True):
        if values is None:
            statements.append(delete_statement(table, row_id))
        elif stored_id is None:
            statements.append(insert_statement(table, row_id, {**values, **created} if created else values))
        elif values or updated:
            statements.append(update_statement(table, row_id, {**values, **updated}))
    return statements


async def _log(batch: _Batch, ids: Sequence[int], before: Rows, after: Rows) -> None:
    """Record the change set, and an audit entry that refers to it; nothing if nothing changed."""
    if not ids:
        return
    old, new = (_logged(batch.table, rows) for rows in (before, after))
    changes = [
        {
            "resource": batch.table.name,
            "resource_id": str(row_id),
            "old_value": old.get(row_id),
            "new_value": new.get(row_id),
        }
        for row_id in ids
    ]
    context, name = batch.context, batch.table.name
    rows = await fetch(
        "INSERT INTO changesets (author, requested_on, committed_on, comment, resource, changes) "
        "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        *(context.actor.name, batch.received_at, context.now(), batch.request.comment, name),
        orjson.dumps(changes, default=str).decode(),
    )
    number = rows[0]["id"]
    subject = f"change set {number}, {len(changes)} of {name}"
    await events.record(context, RecordsChanged(target=subject, new={"changeset": number}))


def _logged(table: Table, rows: Rows) -> Rows:
    """Convert rows to the values of the change log."""
    return dict(zip(rows, table.log_values(list(rows.values())), strict=True))
