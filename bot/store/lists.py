"""Rows of a model, read and written by SQL that is generated from paths such as `release__product_version__short`.

A path names a column through foreign keys, as in Tortoise. A page is selected first, on the columns that its conditions
and order need; only its rows are joined with the tables of the columns that are read.
"""

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from tortoise.models import Model

from bot.rules.permissions import Visibility
from bot.store import visibility
from bot.store.database import dialect, fetch
from bot.store.placeholders import placeholder_list, shift

CONTAINERS = (list, dict)  # Python types of JSON values that columns store as text
MAX_INLINE_VALUES = 100  # values passed as separate parameters; more of them are passed as one list
NO_ROW = "1 = 0"  # the condition that no row meets
_ID = "row id"  # alias of the id; no column can have this name
_TYPES = {int: "BIGINT", str: "TEXT", bool: "BOOL"}

Row = dict[str, Any]
"""The values of the selected columns of a row, by name."""

Rows = dict[int, Row]
"""Rows by id, in the order in which they were read."""

Columns = Mapping[str, Any]
"""Values to be written, by column."""

Order = Sequence[tuple[str, bool]]
Statement = tuple[str, list[Any]]


@dataclass
class Conditions:
    """The conditions of a WHERE clause, joined by AND, and their parameters."""

    clauses: list[str] = field(default_factory=list)
    args: list[Any] = field(default_factory=list)

    def add(self, clause: str, *values: Any) -> None:
        """Add a condition; each `{}` in it stands for one of the values."""
        start = len(self.args) + 1
        self.clauses.append(clause.format(*(f"${number}" for number in range(start, start + len(values)))))
        self.args += values

    def value(self, value: Any) -> str:
        """Add a value that conditions may refer to, without one; return its placeholder."""
        self.args.append(value)
        return f"${len(self.args)}"

    def add_in(self, column: str, values: Sequence[Any]) -> None:
        """Require that the column has one of these values; without values no row matches."""
        if len(values) <= MAX_INLINE_VALUES:
            self.add(f"{column} IN ({', '.join('{}' for _ in values)})" if values else NO_ROW, *values)
        elif dialect() == "postgres":
            self.add(f"{column} = ANY({{}})", list(values))
        else:
            self.add(f"{column} IN (SELECT value FROM json_each({{}}))", orjson.dumps(list(values)).decode())

    def copy(self) -> "Conditions":
        """Copy the conditions, to add more to the copy."""
        return Conditions(list(self.clauses), list(self.args))

    def __str__(self) -> str:
        return f"WHERE {' AND '.join(self.clauses)}" if self.clauses else ""


def containing(text: str) -> str:
    """The pattern of a LIKE with `ESCAPE '!'` for what contains a text."""
    escaped = text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"


@dataclass(frozen=True)
class ModelQuery:
    """Queries on the table of a model. `project` is the path to the row's project id; empty if rows have no project."""

    model: type[Model]
    project: str = ""

    @property
    def table(self) -> str:
        """The name of the table."""
        return str(self.model._meta.db_table)

    def column(self, path: str) -> str:
        """The SQL expression for a path."""
        *references, name = path.split("__")
        return "__".join(["t", *references]) + f'."{name}"'

    def restrict(self, conditions: Conditions, viewer: Visibility) -> None:
        """Add the condition that the viewer may see a row's project."""
        if self.project and (clause := visibility.condition(viewer, self.column(self.project), conditions.args)):
            conditions.clauses.append(clause)

    async def rows(
        self,
        columns: Mapping[str, str],
        conditions: Conditions,
        order: Order = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> Rows:
        """Read rows. `columns` maps names to paths; `order` lists SQL expressions and whether they descend."""
        page = "" if limit is None else f"LIMIT {int(limit)} OFFSET {int(offset)}"
        sql = _select(self, tuple(columns.items()), str(conditions), tuple(order), page)
        return {row.pop(_ID): row for row in await fetch(sql, *conditions.args)}

    async def write(self, statement: Statement, columns: Mapping[str, str]) -> Rows:
        """Run a statement that inserts or updates one row, and read the row, at once. Only PostgreSQL can."""
        sql = _write_and_select(self, statement[0], tuple(columns.items()))
        return {row.pop(_ID): row for row in await fetch(sql, *statement[1])}

    @property
    def references(self) -> Mapping[str, str]:
        """The columns that refer to other rows, each with the table of those."""
        return _references(self.model)

    @property
    def has_dependents(self) -> bool:
        """Whether rows of other tables refer to rows of this one."""
        return bool(self.model._meta.backward_fk_fields)

    async def ids(self, conditions: Conditions, order: Order = ()) -> Sequence[int]:
        """The ids of all matching rows in order, as an array of four bytes each."""
        ordering = _order_by(order)
        joins = self.joins(f"{conditions} {ordering}")
        selection = f"SELECT t.id FROM {self.table} t {joins} {conditions} ORDER BY {ordering}"
        aggregate = "json_agg" if dialect() == "postgres" else "json_group_array"
        sql = f"SELECT CAST({aggregate}(t.id) AS TEXT) AS ids FROM ({selection}) t"
        return array("i", orjson.loads((await fetch(sql, *conditions.args))[0]["ids"] or "[]"))

    async def lock(self, ids: Sequence[int], *, for_deletion: bool) -> None:
        """Lock rows until the transaction ends; `for_deletion` also blocks new references to them.

        SQLite needs no row locks: it has one writer at a time.
        """
        if ids and dialect() == "postgres":
            conditions, strength = Conditions(), "UPDATE" if for_deletion else "NO KEY UPDATE"
            conditions.add_in("t.id", ids)
            sql = f"SELECT t.id FROM {self.table} t {conditions} ORDER BY t.id FOR {strength}"
            await fetch(sql, *conditions.args)

    async def count(self, conditions: Conditions) -> int:
        """The number of matching rows."""
        sql = f"SELECT count(*) AS n FROM {self.table} t {self.joins(str(conditions))} {conditions}"
        return int((await fetch(sql, *conditions.args))[0]["n"])

    def joins(self, sql: str) -> str:
        """The joins for every foreign key that a piece of SQL refers to."""
        return _joins(self.model, tuple(dict.fromkeys(re.findall(r"\bt__\w+(?=\.)", sql))))


@lru_cache(maxsize=256)
def _select(
    query: ModelQuery, columns: tuple[tuple[str, str], ...], where: str, order: tuple[tuple[str, bool], ...], page: str
) -> str:
    selected, ordering = _selected(query, columns), _order_by(order)
    inner_joins, outer_joins = query.joins(f"{where} {ordering}"), query.joins(f"{selected} {ordering}")
    rows = f"SELECT t.* FROM {query.table} t {inner_joins} {where} ORDER BY {ordering} {page}"
    return f"SELECT {selected} FROM ({rows}) t {outer_joins} ORDER BY {ordering}"


@lru_cache(maxsize=256)
def _write_and_select(query: ModelQuery, write: str, columns: tuple[tuple[str, str], ...]) -> str:
    selected = _selected(query, columns)
    return f"WITH written AS ({write} RETURNING *) SELECT {selected} FROM written t {query.joins(selected)}"


def _selected(query: ModelQuery, columns: tuple[tuple[str, str], ...]) -> str:
    return ", ".join([f't.id AS "{_ID}"', *(f'{query.column(path)} AS "{name}"' for name, path in columns)])


@lru_cache(maxsize=64)
def _references(model: type[Model]) -> Mapping[str, str]:
    keys: list[Any] = [model._meta.fields_map[name] for name in model._meta.fk_fields]
    return {key.source_field: key.related_model._meta.db_table for key in keys}


@lru_cache(maxsize=1024)
def _joins(model: type[Model], aliases: tuple[str, ...]) -> str:
    joins: dict[str, str] = {}
    for alias in aliases:
        parent, outer, current = "t", "", model
        for part in alias.split("__")[1:]:
            reference: Any = current._meta.fields_map[part]
            outer = "LEFT " if outer or reference.null else ""
            current, name = reference.related_model, f"{parent}__{part}"
            table, column = current._meta.db_table, reference.source_field
            joins[name] = f"{outer}JOIN {table} {name} ON {name}.id = {parent}.{column}"
            parent = name
    return " ".join(joins.values())


def _order_by(order: Order) -> str:
    """The ORDER BY expressions, made total by the id; repeated expressions are dropped."""
    columns: dict[str, bool] = {}
    for expression, descending in [*order, ("t.id", bool(order) and order[0][1])]:
        columns.setdefault(expression, descending)
    return ", ".join(expression + (" DESC" if descending else "") for expression, descending in columns.items())


class Selection(NamedTuple):
    """Rows to read with others: their columns (paths by name) and conditions."""

    query: ModelQuery
    columns: Mapping[str, str]
    conditions: Conditions


async def read_together(selections: Sequence[Selection]) -> list[Rows]:
    """Read the rows of several selections; few on PostgreSQL in one statement, as JSON, which saves round trips."""
    sought = [number for number, each in enumerate(selections) if NO_ROW not in each.conditions.clauses]
    few = not any(isinstance(arg, list) for each in selections for arg in each.conditions.args)
    found: list[Rows] = [{} for _ in selections]
    if dialect() != "postgres" or len(sought) < 2 or not few:
        for number in sought:
            query, columns, conditions = selections[number]
            found[number] = await query.rows(columns, conditions)
        return found
    parts: list[str] = []
    args: list[Any] = []
    for number in sought:
        query, columns, conditions = selections[number]
        inner = _select(query, tuple(columns.items()), shift(str(conditions), len(args)), (), "")
        parts.append(f"SELECT {number} AS part, row_to_json(r{number})::text AS value FROM ({inner}) r{number}")
        args += conditions.args
    for record in await fetch(" UNION ALL ".join(parts), *args):
        row = orjson.loads(record["value"])
        found[record["part"]][row.pop(_ID)] = row
    return found


async def ids_by_key(table: str, columns: Sequence[str], keys: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
    """Map each key that a row has (its values of `columns`) to the row's id. Keys with a null match no row."""
    keys = [key for key in dict.fromkeys(keys) if None not in key]
    if not keys:
        return {}
    names = ", ".join(f'"{name}"' for name in columns)
    args: list[Any]
    if dialect() == "postgres":
        arrays = ", ".join(f"${number}::{_TYPES[type(value)]}[]" for number, value in enumerate(keys[0], 1))
        key_rows, args = f"SELECT * FROM unnest({arrays})", [list(values) for values in zip(*keys, strict=True)]
    else:
        values = ", ".join(f"json_extract(value, '$[{index}]')" for index in range(len(columns)))
        key_rows, args = f"SELECT {values} FROM json_each($1)", [orjson.dumps(keys).decode()]
    rows = await fetch(f"SELECT id, {names} FROM {table} WHERE ({names}) IN ({key_rows})", *args)
    return {tuple(row[name] for name in columns): row["id"] for row in rows}


def insert_statement(table: str, row_id: int | None, columns: Columns) -> Statement:
    """The statement that inserts a row, and its arguments. Without an id, the database gives it one."""
    if row_id is not None:
        columns = {"id": row_id, **columns}
    return _insert_sql(table, tuple(columns)), _arguments(columns)


def update_statement(table: str, row_id: int, columns: Columns) -> Statement:
    """The statement that updates a row, and its arguments."""
    return _update_sql(table, tuple(columns)), [row_id, *_arguments(columns)]


def delete_statement(table: str, row_id: int) -> Statement:
    """The statement that deletes a row, and its arguments."""
    return f"DELETE FROM {table} WHERE id = $1", [row_id]


def _arguments(columns: Columns) -> list[Any]:
    return [orjson.dumps(value).decode() if isinstance(value, CONTAINERS) else value for value in columns.values()]


@lru_cache(maxsize=256)
def _insert_sql(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    return f"INSERT INTO {table} ({names}) VALUES ({placeholder_list(len(columns))})"


@lru_cache(maxsize=256)
def _update_sql(table: str, columns: tuple[str, ...]) -> str:
    assignments = ", ".join(f'"{column}" = ${number}' for number, column in enumerate(columns, 2))
    return f"UPDATE {table} SET {assignments} WHERE id = $1"
