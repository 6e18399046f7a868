"""Lists of a model's rows, read by SQL that is made from paths such as `release__product_version__short`.

A path names columns through references, as tortoise writes them. What is read comes as dictionaries; the page is found
first, on the columns that conditions and order need, and only its rows are joined with what they show.
"""

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
from tortoise.models import Model

from bot.rules.permissions import Visibility
from bot.store import visibility
from bot.store.database import dialect, fetch

CONTAINERS = (list, dict)  # what JSON is made of; columns keep it as text
_TYPES = {int: "BIGINT", str: "TEXT", bool: "BOOL"}
FEW = 100  # values that stand in a statement one by one: with more of them they are one list


@dataclass
class Where:
    """Conditions that all hold, and the values in them."""

    conditions: list[str] = field(default_factory=list)
    args: list[Any] = field(default_factory=list)

    def add(self, condition: str, *values: Any) -> None:
        """One more condition; each `{}` in it stands for a value."""
        places = [f"${number}" for number in range(len(self.args) + 1, len(self.args) + 1 + len(values))]
        self.conditions.append(condition.format(*places))
        self.args += values

    def among(self, column: str, values: Sequence[Any]) -> None:
        """The column has one of these values; no row does when there are none."""
        if len(values) <= FEW:
            self.add(f"{column} IN ({', '.join('{}' for _ in values)})" if values else "1 = 0", *values)
        elif dialect() == "postgres":
            self.add(f"{column} = ANY({{}})", list(values))
        else:
            self.add(f"{column} IN (SELECT value FROM json_each({{}}))", orjson.dumps(list(values)).decode())

    def copy(self) -> "Where":
        """The same conditions, to which others can be added."""
        return Where(list(self.conditions), list(self.args))

    def __str__(self) -> str:
        return f"WHERE {' AND '.join(self.conditions)}" if self.conditions else ""


@dataclass(frozen=True)
class Listing:
    """The rows of a model. `project` is the path of the column with their project; empty where they have none."""

    model: type[Model]
    project: str = ""

    @property
    def table(self) -> str:
        """The table of the rows themselves."""
        return str(self.model._meta.db_table)

    def column(self, path: str) -> str:
        """The SQL of a path."""
        *way, name = path.split("__")
        return "__".join(["t", *way]) + f'."{name}"'

    def within(self, where: Where, viewer: Visibility) -> None:
        """Leave only the rows that somebody sees."""
        if self.project and (condition := visibility.condition(viewer, self.column(self.project), where.args)):
            where.conditions.append(condition)

    async def page(
        self,
        shown: Mapping[str, str],
        where: Where,
        order: Sequence[tuple[str, bool]] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """Rows as they are shown: names to paths. `order` is of SQL expressions and whether they descend."""
        until = "" if limit is None else f"LIMIT {int(limit)} OFFSET {int(offset)}"
        return await fetch(_page(self, tuple(shown.items()), str(where), tuple(order), until), *where.args)

    async def numbers(self, where: Where, order: Sequence[tuple[str, bool]] = ()) -> Sequence[int]:
        """The numbers of all rows in order: four bytes each, and read at once, for the order is found once."""
        ordering = _ordering(order)
        rows = f"SELECT t.id FROM {self.table} t {self.joins(f'{where} {ordering}')} {where} ORDER BY {ordering}"
        gathered = "json_agg" if dialect() == "postgres" else "json_group_array"
        found = await fetch(f"SELECT CAST({gathered}(t.id) AS TEXT) AS numbers FROM ({rows}) t", *where.args)
        return array("i", orjson.loads(found[0]["numbers"] or "[]"))

    async def lock(self, numbers: Sequence[int], *, gone: bool) -> None:
        """Keep others from changing these rows until the transaction ends, and from referring to those to be `gone`.

        SQLite has but one that writes.
        """
        if numbers and dialect() == "postgres":
            where, how = Where(), "UPDATE" if gone else "NO KEY UPDATE"
            where.among("t.id", numbers)
            await fetch(f"SELECT t.id FROM {self.table} t {where} ORDER BY t.id FOR {how}", *where.args)

    async def count(self, where: Where) -> int:
        """How many rows there are."""
        rows = await fetch(f"SELECT count(*) AS n FROM {self.table} t {self.joins(str(where))} {where}", *where.args)
        return int(rows[0]["n"])

    def joins(self, text: str) -> str:
        """The joins for every reference that a piece of SQL goes through."""
        return _joined(self.model, tuple(dict.fromkeys(re.findall(r"\bt__\w+(?=\.)", text))))


@lru_cache(maxsize=256)
def _page(
    listing: Listing, shown: tuple[tuple[str, str], ...], where: str, order: tuple[tuple[str, bool], ...], until: str
) -> str:
    columns = ", ".join(f'{listing.column(path)} AS "{name}"' for name, path in shown)
    ordering = _ordering(order)
    joins, shown_by = listing.joins(f"{where} {ordering}"), listing.joins(f"{columns} {ordering}")
    page = f"SELECT t.* FROM {listing.table} t {joins} {where} ORDER BY {ordering} {until}"
    return f"SELECT {columns} FROM ({page}) t {shown_by} ORDER BY {ordering}"


@lru_cache(maxsize=1024)
def _joined(model: type[Model], aliases: tuple[str, ...]) -> str:
    joins: dict[str, str] = {}
    for alias in aliases:
        above, outer, at = "t", "", model
        for part in alias.split("__")[1:]:
            reference: Any = at._meta.fields_map[part]
            outer = "LEFT " if outer or reference.null else ""
            at, name = reference.related_model, f"{above}__{part}"
            joins[name] = f"{outer}JOIN {at._meta.db_table} {name} ON {name}.id = {above}.{reference.source_field}"
            above = name
    return " ".join(joins.values())


def _ordering(order: Sequence[tuple[str, bool]]) -> str:
    """The order, made whole by the rows' numbers; what was said once decides nothing when it is said again."""
    columns: dict[str, bool] = {}
    for expression, descending in [*order, ("t.id", bool(order) and order[0][1])]:
        columns.setdefault(expression, descending)
    return ", ".join(expression + (" DESC" if descending else "") for expression, descending in columns.items())


async def holders(table: str, columns: Sequence[str], keys: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
    """Which row has which of these combinations of values in some of its columns; nothing has one with a null."""
    wanted = [key for key in dict.fromkeys(keys) if None not in key]
    if not wanted:
        return {}
    names = ", ".join(f'"{name}"' for name in columns)
    args: list[Any]
    if dialect() == "postgres":
        lists = ", ".join(f"${place}::{_TYPES[type(value)]}[]" for place, value in enumerate(wanted[0], 1))
        given, args = f"SELECT * FROM unnest({lists})", [list(values) for values in zip(*wanted, strict=True)]
    else:
        values = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(columns)))
        given, args = f"SELECT {values} FROM json_each($1)", [orjson.dumps(wanted).decode()]
    rows = await fetch(f"SELECT id, {names} FROM {table} WHERE ({names}) IN ({given})", *args)
    return {tuple(row[name] for name in columns): row["id"] for row in rows}


def statement(table: str, number: int, values: dict[str, Any] | None, *, made: bool) -> tuple[str, list[Any]]:
    """The statement that writes one row, and its arguments; the row's number is the first. Without values it goes."""
    if values is None:
        return f"DELETE FROM {table} WHERE id = $1", [number]
    stored = [orjson.dumps(each).decode() if isinstance(each, CONTAINERS) else each for each in values.values()]
    return _writing(table, tuple(values), made), [number, *stored]


@lru_cache(maxsize=256)
def _writing(table: str, columns: tuple[str, ...], made: bool) -> str:
    if made:
        names = ", ".join(f'"{column}"' for column in columns)
        places = ", ".join(f"${place}" for place in range(1, len(columns) + 2))
        return f"INSERT INTO {table} (id, {names}) VALUES ({places})"
    pairs = ", ".join(f'"{column}" = ${place}' for place, column in enumerate(columns, 2))
    return f"UPDATE {table} SET {pairs} WHERE id = $1"
