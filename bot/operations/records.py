"""The one operation by which rows of the content network are written: grant, change log, audit, one transaction."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson
from tortoise.exceptions import IntegrityError

from bot.context import FORBIDDEN, Context, authorize
from bot.errors import Conflict, Forbidden, NotFound, Problem, Refusal
from bot.operations import audit
from bot.store.database import exclusive_transaction, execute_many, fetch, reserve_ids
from bot.store.lists import Listing, Where, holders, statement

GRANT = "content:write"
FEW = 100  # rows, among which second ones are looked for before they are written

Row = dict[str, Any]
PrepareOne = Callable[[Row | None, Row], Awaitable[Row]]
Prepare = Callable[[Context, Sequence[tuple[Row | None, Row]]], Awaitable[PrepareOne]]


@dataclass(frozen=True)
class Unique:
    """Columns whose values no two rows have in common, and the refusal of a second one from what it would be."""

    columns: tuple[str, ...]
    refusal: Callable[[Row], Refusal]

    @cached_property
    def key(self) -> Callable[[Row], tuple[Any, ...]]:
        """What takes the values out of a row."""
        first = itemgetter(self.columns[0])
        return itemgetter(*self.columns) if len(self.columns) > 1 else lambda row: (first(row),)


@dataclass(frozen=True)
class Table:
    """Rows that are written by `apply`: what they are called, what they show (names to paths), what is unique.

    Every row shows its number as `#`; `told` makes of rows what the change log keeps of them.

    `prepare` is shown all rows with their new values, inside the transaction, and gives what turns each of them into
    columns or refuses it; `stamped` rows know when they were created and updated.
    """

    name: str
    listing: Listing
    shown: Mapping[str, str]
    told: Callable[[Sequence[Row]], list[Row]]
    unique: Sequence[Unique] = ()
    prepare: Prepare | None = None
    stamped: bool = False


@dataclass(frozen=True)
class Change:
    """One row to be: made (no `row`), changed, or deleted (no `values`).

    `refusal` is what is known to be wrong with it, told once it is known to be unique.
    """

    row: int | None
    values: Row | None
    refusal: Problem | None = None


class ItemRefused(Problem):
    """One of several changes is refused, and all of them with it. `index` is its place among them."""

    def __init__(self, index: int, problem: Problem) -> None:
        super().__init__(problem.sentence, **problem.details)
        self.index, self.problem = index, problem


async def apply(
    context: Context,
    table: Table,
    changes: Sequence[Change],
    *,
    comment: str | None = None,
    wrong: ItemRefused | None = None,
    within: Where | None = None,
) -> list[Row]:
    """Make all of the changes or none; the rows as they then are, in order.

    Rows to be changed have to be `within` some conditions, still. `wrong` is known to be wrong with the change that
    would come next: it is told unless one of these is refused.
    Refuses (ItemRefused) a row that is gone, one that is not unique, and what `prepare` refuses; Conflict when another
    request has just come between; Forbidden beyond the scope of a token; Unavailable while others write for long.
    """
    authorize(context.actor, GRANT)
    begun, within = context.now(), within or Where()
    with suppress(IntegrityError):  # not unique, or changed by others meanwhile: once more, and this time it is looked
        return await _apply(context, table, changes, begun, comment, wrong, within, looks=False)
    try:
        return await _apply(context, table, changes, begun, comment, wrong, within, looks=True)
    except IntegrityError as clash:
        raise Conflict("Another request has just changed what this one is about. Send it again.") from clash


async def _apply(
    context: Context,
    table: Table,
    changes: Sequence[Change],
    begun: datetime,
    comment: str | None,
    wrong: ItemRefused | None,
    within: Where,
    *,
    looks: bool,
) -> list[Row]:
    """The same in one transaction. With `looks` second ones are always looked for, else where the database cannot tell.

    It tells when all rows are new and nothing is wrong with them otherwise. For many of them looking takes long.
    """
    async with exclusive_transaction(GRANT):
        before = await _before(table, changes, within)
        await _stay_within_scope(context, table, before)
        written, wrong = await _prepared(context, table, changes, before, wrong)
        known = before or wrong is not None or any(change.refusal is not None for change in changes)
        if looks or known or len(changes) <= FEW:
            await _refuse_second_ones(table, changes, before, written)
        if wrong is not None:
            raise wrong
        ids = await _write(context, table, changes, written)
        after = await _shown(table, ids, Where())
        await _stay_within_scope(context, table, after)
        await _log(context, table, begun, comment, [(before.get(row), after.get(row)) for row in ids])
    return [after[row] for row in ids if row in after]


async def _shown(table: Table, ids: Sequence[int], within: Where) -> dict[int, Row]:
    """The rows of these numbers, as they are shown."""
    where = within.copy()
    where.among("t.id", ids)
    return {row["#"]: row for row in await table.listing.page(table.shown, where)} if ids else {}


async def _before(table: Table, changes: Sequence[Change], within: Where) -> dict[int, Row]:
    """The rows that are there and that others cannot change meanwhile."""
    ids = [change.row for change in changes if change.row is not None]
    await table.listing.lock(ids, gone=any(change.values is None for change in changes))
    before = await _shown(table, ids, within)
    for index, change in enumerate(changes):
        if change.row is not None and change.row not in before:
            raise ItemRefused(index, NotFound("Not found."))
    return before


async def _stay_within_scope(context: Context, table: Table, rows: Mapping[int, Row]) -> None:
    """A token for one project writes rows of that project only."""
    mine = context.actor.project_id
    if mine is None or not rows:
        return
    if not table.listing.project:
        raise Forbidden(FORBIDDEN)
    where = Where()
    where.among("t.id", list(rows))
    owners = await table.listing.page({"project": table.listing.project}, where)
    if any(owner["project"] != mine for owner in owners):
        raise Forbidden(FORBIDDEN)


async def _prepared(
    context: Context,
    table: Table,
    changes: Sequence[Change],
    before: Mapping[int, Row],
    wrong: ItemRefused | None,
) -> tuple[list[Row | None], ItemRefused | None]:
    """The columns to be written for each change up to the first that is refused, and the refusal."""
    if table.prepare is None:
        return [each.values for each in changes], wrong
    pairs = [(before.get(each.row or 0), None if each.values is None else dict(each.values)) for each in changes]
    prepare = await table.prepare(context, [(row, new) for row, new in pairs if new is not None])
    written: list[Row | None] = []
    for index, (row, values) in enumerate(pairs):
        if values is not None:
            try:
                values = await prepare(row, values)
            except Forbidden:
                raise
            except Refusal as refusal:
                return written, ItemRefused(index, refusal)
        written.append(values)
    return written, wrong


async def _refuse_second_ones(
    table: Table, changes: Sequence[Change], before: Mapping[int, Row], written: Sequence[Row | None]
) -> None:
    """Refuse the first change, one after the other, that would make a second row of a kind or is refused anyway."""
    raw = await _columns(table, before)
    changes = changes[: len(written)]
    old = [raw.get(change.row or 0) for change in changes]
    new = [{**(was or {}), **(values or {})} for was, values in zip(old, written, strict=True)]
    keys = [[unique.key(row) for row in new] for unique in table.unique]
    taken = [
        (unique, of, await holders(table.listing.table, unique.columns, of))
        for unique, of in zip(table.unique, keys, strict=True)
    ]
    for index, (change, was, values) in enumerate(zip(changes, old, written, strict=True)):
        row = change.row or -index
        for unique, of, holder in taken:
            if was is not None and holder.get(unique.key(was)) == row:
                del holder[unique.key(was)]
            if values is not None and holder.setdefault(of[index], row) != row:
                raise ItemRefused(index, unique.refusal(new[index]))
        if change.refusal is not None:
            raise ItemRefused(index, change.refusal)


async def _columns(table: Table, rows: Mapping[int, Row]) -> dict[int, Row]:
    """What stands in the unique columns of rows."""
    names = {column: column for unique in table.unique for column in unique.columns}
    if not names or not rows:
        return {}
    where = Where()
    where.among("t.id", list(rows))
    return {row["#"]: row for row in await table.listing.page({"#": "id", **names}, where)}


async def _write(context: Context, table: Table, changes: Sequence[Change], written: Sequence[Row | None]) -> list[int]:
    """Write, and say which rows the changes were about."""
    new = iter(await reserve_ids(table.listing.table, sum(change.row is None for change in changes)))
    statements: list[tuple[str, list[Any]]] = []
    ids = []
    for change, values in zip(changes, written, strict=True):
        number = next(new) if change.row is None else change.row
        ids.append(number)
        values = _stamped(context, table, change, values)
        if values != {}:
            statements.append(statement(table.listing.table, number, values, made=change.row is None))
    for sql, same in groupby(statements, key=itemgetter(0)):  # in their order: one may take what another leaves
        await execute_many(sql, [args for _, args in same])
    return ids


def _stamped(context: Context, table: Table, change: Change, values: Row | None) -> Row | None:
    if values is None or not table.stamped:
        return values
    now = context.now()
    return {**values, **({"created_at": now} if change.row is None else {}), "updated_at": now}


async def _log(
    context: Context,
    table: Table,
    begun: datetime,
    comment: str | None,
    pairs: Sequence[tuple[Row | None, Row | None]],
) -> None:
    """The change set, whole in one row, and a line in the audit log that leads there; nothing where nothing changed."""
    if not pairs:
        return
    before, after = (iter(table.told([row for row in side if row is not None])) for side in zip(*pairs, strict=True))
    changes = [
        {
            "resource": table.name,
            "resource_id": str((new or old or {})["#"]),
            "old_value": None if old is None else next(before),
            "new_value": None if new is None else next(after),
        }
        for old, new in pairs
    ]
    written = await fetch(
        "INSERT INTO changesets (author, requested_on, committed_on, comment, resource, changes) "
        "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        *(context.actor.name, begun, context.now(), comment, table.name),
        orjson.dumps(changes, default=str).decode(),
    )
    number = written[0]["id"]
    subject = f"change set {number}, {len(changes)} of {table.name}"
    await audit.record(context, "records.apply", subject, after={"changeset": number})
