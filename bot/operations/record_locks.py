"""Which locks a write of content takes (docs/decisions/009-locks-of-content-writes.md), and who has which key."""

from collections.abc import Iterable, Sequence

from bot.operations.changes import Change, Create, Delete, Key, Table, Unique
from bot.store.lists import Columns
from bot.store.locks import Lock, key_lock, row_lock


def row_locks(table: Table, changes: Iterable[Change]) -> list[Lock]:
    """The locks of the rows that are changed or deleted, and of those that they will refer to."""
    query, locks = table.query, []
    for change in changes:
        if not isinstance(change, Create):
            locks.append(row_lock(query.table, change.row_id))
        values: Columns = {} if isinstance(change, Delete) else change.values
        referred = ((parent, values.get(column)) for column, parent in query.references.items())
        locks += [row_lock(parent, row_id, shared=True) for parent, row_id in referred if isinstance(row_id, int)]
    return locks


def key_locks(table: Table, rows: Sequence[Columns]) -> list[Lock]:
    """The locks of the keys that rows are about to have."""
    return [key_lock(table.query.table, unique.columns, unique.key(row)) for unique in table.unique for row in rows]


class KeyOwners:
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
