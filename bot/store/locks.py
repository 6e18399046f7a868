"""Locks of PostgreSQL that transactions hold to their end, and that are waited for in one order by all of them.

docs/decisions/009-locks-of-content-writes.md says which a write of content takes, and why they cannot deadlock.
SQLite needs none: it has one writer at a time.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple


class Lock(NamedTuple):
    """A lock. Those of rows come before those of keys in the order; a `shared` one excludes only those that are not."""

    order: int
    number: int
    shared: bool

    @property
    def statement(self) -> str:
        """The statement that waits for the lock and takes it."""
        return f"SELECT pg_advisory_xact_lock{'_shared' * self.shared}({self.number})"


def row_lock(table: str, row_id: int, *, shared: bool = False) -> Lock:
    """The lock of a row: to change it, or `shared` to refer to it."""
    return Lock(0, _number(table, row_id), shared)


def key_lock(table: str, columns: tuple[str, ...], key: tuple[Any, ...]) -> Lock:
    """The lock of a key of a unique constraint: to give it to a row."""
    return Lock(1, _number(table, columns, key), shared=False)


def _number(*parts: object) -> int:
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest(), signed=True)


def statements(locks: Iterable[Lock]) -> str:
    """The statements that take these locks one by one, in their order."""
    strongest: dict[tuple[int, int], Lock] = {}
    for lock in sorted(locks):  # a lock that is not shared comes before the same one that is
        strongest.setdefault(lock[:2], lock)
    return "; ".join(lock.statement for lock in strongest.values())


def of_everything(name: str, *, shared: bool = False) -> str:
    """The statement that takes the lock which is called `name`."""
    quoted = name.replace("'", "''")
    return f"SELECT pg_advisory_xact_lock{'_shared' * shared}(hashtext('{quoted}'))"
