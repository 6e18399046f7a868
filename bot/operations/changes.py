"""The input of `records.apply`: changes to rows, the table to change, and the refusal of a change."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Any, NamedTuple

from bot.context import Context
from bot.errors import Problem, Refusal
from bot.store.lists import Columns, Conditions, ModelQuery, Row

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Create:
    """Insert a row. `violation` is the refusal of a rule that it breaks; duplicates are refused first."""

    values: Columns
    violation: Problem | None = None


@dataclass(frozen=True)
class Update:
    """Change columns of a row. `violation` is the refusal of a rule that it breaks; duplicates are refused first."""

    row_id: int
    values: Columns
    violation: Problem | None = None


@dataclass(frozen=True)
class Delete:
    """Delete a row."""

    row_id: int


@dataclass(frozen=True)
class Rejected:
    """An item that failed validation, reported unless an earlier change is refused. Changes after it are ignored."""

    problem: Problem


Change = Create | Update | Delete


@dataclass(frozen=True)
class ChangeRequest:
    """Changes to make together, why, and the conditions that rows to be changed or deleted have to meet."""

    changes: Sequence[Change | Rejected]
    comment: str | None = None
    conditions: Conditions = field(default_factory=Conditions)


class ItemRefused(Problem):
    """One of several changes is refused, and with it all of them. `index` is its position in the request."""

    def __init__(self, index: int, problem: Problem) -> None:
        super().__init__(problem.sentence, **problem.details)
        self.index, self.problem = index, problem


class Draft(NamedTuple):
    """A row about to be written: its id and stored values (None for a new row), and its new values."""

    row_id: int | None
    stored: Row | None
    values: Columns

    def get(self, name: str) -> Any:
        """The new value, or else the stored one."""
        return self.values.get(name, None if self.stored is None else self.stored.get(name))


Preparer = Callable[[Context, Sequence[Draft]], AsyncIterator[Columns]]
"""Yields the columns to write for each draft in order, inside the transaction; raises to refuse a draft."""


@dataclass(frozen=True)
class Unique:
    """A unique constraint: its columns, and the refusal of a row with the key of another."""

    columns: tuple[str, ...]
    refusal: Callable[[Columns], Refusal]

    @cached_property
    def key(self) -> Callable[[Columns], Key]:
        """Extracts the constraint's key from a row's columns."""
        first = itemgetter(self.columns[0])
        return itemgetter(*self.columns) if len(self.columns) > 1 else lambda columns: (first(columns),)


@dataclass(frozen=True)
class Table:
    """A table that `apply` writes.

    `columns` (names and paths) are read of every written row; `log_values` converts these rows to the values of the
    change log. Rows with `timestamps` have `created_at` and `updated_at`.
    """

    name: str
    query: ModelQuery
    columns: Mapping[str, str]
    log_values: Callable[[Sequence[Row]], list[Row]]
    unique: Sequence[Unique] = ()
    prepare: Preparer | None = None
    timestamps: bool = False
