"""The one operation that writes content rows, with all checks, their change set and an audit entry."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

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
    Rejected,
    Table,
)
from bot.operations.record_locks import KeyOwners, key_locks, row_locks
from bot.store import change_sets
from bot.store.change_sets import ChangeSetColumns
from bot.store.database import dialect, exclusive_transaction, execute_many, reserve_ids, shared_transaction, take
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
MAX_NARROW_CHANGES = 10  # a request of more changes excludes other writers, which takes one lock instead of hundreds


async def apply(context: Context, table: Table, request: ChangeRequest) -> Rows:
    """Make all changes of a request or none; return the created and changed rows, in order.

    Refuses (ItemRefused) the first change that is invalid: a row that does not exist or no longer meets the conditions,
    a duplicate, a violation, and what `prepare` refuses; Conflict when other requests interfere twice; Forbidden
    outside the project of a token; Unavailable when other writers take too long.
    """
    authorize(context.actor, GRANT)
    batch = _Batch(context, table, request, context.now())
    for attempt in _attempts(batch):
        with suppress(IntegrityError):  # a duplicate or a concurrent change, which the next attempt identifies
            return await _try(batch, attempt)
    raise Conflict("Another request has just changed what this one is about. Send it again.")


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
    def only_inserts(self) -> bool:
        """Whether there are only valid new rows: duplicates are then found by the database as they are inserted."""
        return self.rejection is None and all(
            isinstance(change, Create) and change.violation is None for change in self.changes
        )

    @property
    def keys_are_known(self) -> bool:
        """Whether the keys of unique constraints that the changes claim are known before any row is read."""
        return self.table.prepare is None and all(isinstance(change, Create | Delete) for change in self.changes)

    @cached_property
    def is_narrow(self) -> bool:
        """Whether locks of its rows, of rows that they refer to, and of their keys exclude all that it may meet.

        docs/decisions/009-locks-of-content-writes.md says why these are enough.
        """
        limit = MAX_NARROW_CHANGES if self.table.prepare is None else 1
        deletes = any(isinstance(change, Delete) for change in self.changes)
        return len(self.changes) <= limit and not (deletes and self.table.query.has_dependents)


@dataclass(frozen=True)
class _Prepared:
    """Rows to be changed by id, the columns to write for each change (None deletes) up to the first refused one."""

    stored: Rows
    columns: Sequence[Columns | None]
    refusal: ItemRefused | None


class _Attempt(NamedTuple):
    """How changes are tried: with locks of single rows, and with a search for duplicates before they are written."""

    narrow: bool
    checked: bool


def _attempts(batch: _Batch) -> Iterator[_Attempt]:
    """Each attempt leaves less to chance than the one before; the last excludes all other writers of content."""
    if batch.only_inserts:  # the database finds duplicates as it inserts
        yield _Attempt(batch.is_narrow, checked=False)
    yield _Attempt(batch.is_narrow, checked=True)
    if batch.is_narrow or not batch.only_inserts:
        yield _Attempt(narrow=False, checked=True)


async def _try(batch: _Batch, attempt: _Attempt) -> Rows:
    """Write rows, after every check if the attempt is a checked one; IntegrityError when the database finds a fault."""
    async with _transaction(batch, attempt):
        prepared = await _prepare(batch)
        takes_keys = attempt.narrow and not batch.keys_are_known
        if takes_keys or attempt.checked or prepared.refusal is not None:
            keys = await _read_keys(batch, prepared)
            if takes_keys:
                await take(key_locks(batch.table, keys.new))
            await _refuse_first_invalid(batch, prepared, keys)
        return await _write(batch, prepared)


def _transaction(batch: _Batch, attempt: _Attempt) -> AbstractAsyncContextManager[None]:
    if not attempt.narrow:
        return exclusive_transaction(GRANT)
    taken = row_locks(batch.table, batch.changes)
    if batch.keys_are_known:
        taken += key_locks(batch.table, [change.values for change in batch.changes if isinstance(change, Create)])
    return shared_transaction(GRANT, taken, short=batch.table.prepare is None)


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
    if batch.table.prepare is not None:  # other operations write or lock rows of such a table, too
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


@dataclass(frozen=True)
class _Keys:
    """The columns of unique constraints: those of stored rows, and those of each change once it is made.

    A new row has no id yet and is identified by its negative index. If the changes leave all keys alone, none is read.
    """

    row_ids: Sequence[int]
    stored: Rows
    new: Sequence[Columns]


async def _read_keys(batch: _Batch, prepared: _Prepared) -> _Keys:
    row_ids = [
        -index if row_id is None else row_id for index, row_id in enumerate(batch.row_ids[: len(prepared.columns)])
    ]
    names = {column: column for unique in batch.table.unique for column in unique.columns}
    if not any(names.keys() & columns.keys() for columns in prepared.columns if columns is not None):
        return _Keys(row_ids, {}, [])
    stored = await _read_columns(batch.table, names, list(prepared.stored))
    pairs = zip(row_ids, prepared.columns, strict=True)
    return _Keys(row_ids, stored, [{**stored.get(row_id, {}), **(columns or {})} for row_id, columns in pairs])


async def _refuse_first_invalid(batch: _Batch, prepared: _Prepared, keys: _Keys) -> None:
    """Examine changes in order; ItemRefused for the first that is a duplicate, a violation, or refused already."""
    table, constraints = batch.table.query.table, []
    for unique in batch.table.unique if keys.new else ():
        owners = await ids_by_key(table, unique.columns, map(unique.key, keys.new))
        constraints.append(KeyOwners(unique, owners))
    for index, (change, row_id) in enumerate(zip(batch.changes, keys.row_ids, strict=False)):
        try:
            for constraint in constraints:
                if row_id in keys.stored:
                    constraint.release(row_id, keys.stored[row_id])
                if not isinstance(change, Delete):
                    constraint.claim(row_id, keys.new[index])
        except Refusal as refusal:
            raise ItemRefused(index, refusal) from None
        if not isinstance(change, Delete) and change.violation is not None:
            raise ItemRefused(index, change.violation)
    if prepared.refusal is not None:
        raise prepared.refusal


async def _read_columns(table: Table, names: Mapping[str, str], ids: Sequence[int]) -> Rows:
    if not ids:
        return {}
    conditions = Conditions()
    conditions.add_in("t.id", ids)
    return await table.query.rows(names, conditions)


async def _write(batch: _Batch, prepared: _Prepared) -> Rows:
    """Write the rows, the change set and the audit entry."""
    if len(batch.changes) == 1 and dialect() == "postgres" and (columns := prepared.columns[0]) is not None:
        statements = _statements(batch, batch.row_ids, [columns])
        written = await batch.table.query.write(statements[0], batch.table.columns) if statements else prepared.stored
        ids = list(written)
    else:
        ids, written = await _write_rows(batch, prepared)
    await _require_own_project(batch, list(written))
    await _log(batch, ids, prepared.stored, written)
    return {row_id: written[row_id] for row_id in ids if row_id in written}


async def _write_rows(batch: _Batch, prepared: _Prepared) -> tuple[list[int], Rows]:
    """Write the rows; return the ids of all changes, and the rows that are there afterwards."""
    count = batch.row_ids.count(None)
    new_ids = iter(await reserve_ids(batch.table.query.table, count) if count else ())
    ids = [next(new_ids) if row_id is None else row_id for row_id in batch.row_ids]
    statements = _statements(batch, ids, prepared.columns)
    for sql, group in groupby(statements, key=itemgetter(0)):  # in order: a row may take the key that another gave up
        await execute_many(sql, [args for _, args in group])
    kept = [row_id for row_id, columns in zip(ids, prepared.columns, strict=True) if columns is not None]
    return ids, await _read(batch.table, kept, Conditions())


def _statements(batch: _Batch, ids: Sequence[int | None], columns: Sequence[Columns | None]) -> list[Statement]:
    table, now = batch.table.query.table, batch.context.now()
    updated: Columns = {"updated_at": now} if batch.table.timestamps else {}
    created: Columns = {"created_at": now, **updated} if batch.table.timestamps else {}
    statements = []
    for row_id, stored_id, values in zip(ids, batch.row_ids, columns, strict=True):
        if stored_id is None:
            new = values or {}
            statements.append(insert_statement(table, row_id, {**new, **created} if created else new))
        elif values is None:
            statements.append(delete_statement(table, stored_id))
        elif values or updated:
            statements.append(update_statement(table, stored_id, {**values, **updated}))
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
    context, name, act = batch.context, batch.table.name, RecordsChanged.act
    text = orjson.dumps(changes, default=str).decode()
    columns = (context.actor.name, batch.received_at, context.now(), batch.request.comment, name, text)
    remark = f", {len(changes)} of {name}"
    number = await change_sets.add(ChangeSetColumns(*columns), context.channel, act, remark)
    events.announce(context, RecordsChanged(target=f"change set {number}{remark}", new={"changeset": number}))


def _logged(table: Table, rows: Rows) -> Rows:
    """Convert rows to the values of the change log."""
    return dict(zip(rows, table.log_values(list(rows.values())), strict=True))
