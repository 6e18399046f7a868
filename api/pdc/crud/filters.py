"""Filters of lists, in the syntax that existing clients use. `{}` in a condition stands for a value."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime

from api.pdc.crud.field_types import parse_date
from api.pdc.crud.resource import Filter, PdcError
from bot.store.lists import Conditions

NO_ROWS, INVALID_DATE = "1 = 0", "0 = 1"  # both match nothing; after INVALID_DATE, further filters are not parsed
DATE_FORMATS = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y")
MAX_INTEGER = 2**31 - 1
BOOLEANS = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}
_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}")


def exact(condition: str) -> Filter:
    """Match the last value, stripped; an empty value does not filter."""

    def add(values: list[str], conditions: Conditions, today: date) -> None:
        if value := values[-1].strip():
            conditions.add(condition, value)

    return add


def one_of(column: str, subquery: str = "") -> Filter:
    """Match any of the values. `subquery` maps them to values of the column; its `{}` stands for all of them."""

    def add(values: list[str], conditions: Conditions, today: date) -> None:
        _add_one_of(conditions, column, [value for value in values if value], subquery)

    return add


def no_values(values: list[str], conditions: Conditions, today: date) -> None:
    """Match nothing: no row has a value of the field. An empty value does not filter."""
    if any(values):
        conditions.add(NO_ROWS)


def one_of_existing(column: str, subquery: str, count: str) -> Filter:
    """Match any of the values, but nothing if one of them does not exist; `count` counts those that exist."""

    def add(values: list[str], conditions: Conditions, today: date) -> None:
        distinct = list(dict.fromkeys(values))
        if "" in distinct:
            conditions.add(NO_ROWS)
            return
        _add_one_of(conditions, column, distinct, subquery)
        if len(distinct) > 1:
            conditions.add(f"({count.format(_placeholders(distinct))}) = {len(distinct)}", *distinct)

    return add


def _add_one_of(conditions: Conditions, column: str, values: Sequence[object], subquery: str = "") -> None:
    """Require one of the values, or one of those that a subquery maps them to. A single value can use an index."""
    if not values:
        conditions.add(NO_ROWS)
    elif subquery:
        operator = "=" if len(values) == 1 else "IN"
        conditions.add(f"{column} {operator} ({subquery.format(_placeholders(values))})", *values)
    elif len(values) == 1:
        conditions.add(f"{column} = {{}}", *values)
    else:
        conditions.add_in(column, values)


def _placeholders(values: Sequence[object]) -> str:
    return ", ".join("{}" for _ in values)


def integers(column: str, name: str, *, maximum: int = MAX_INTEGER) -> Filter:
    """Match any of the integers; the column has values from 0 to `maximum`."""
    return _integers(column, maximum, lambda value: [f"Value [{value}] of {name} is not an integer"])


def row_ids(column: str) -> Filter:
    """Match any of the ids of rows."""
    return _integers(column, MAX_INTEGER, lambda value: f"invalid literal for int() with base 10: '{value}'")


def _integers(column: str, maximum: int, error: Callable[[str], object]) -> Filter:
    def parse(value: str) -> int:
        if _INTEGER.fullmatch(value) is None:
            raise PdcError({"detail": error(value)})
        digits = value.strip().lstrip("+-0")[: len(str(maximum)) + 1] or "0"
        return -int(digits) if "-" in value else int(digits)

    def add(values: list[str], conditions: Conditions, today: date) -> None:
        numbers = [parse(value) for value in values if value]
        _add_one_of(conditions, column, [number for number in numbers if 0 <= number <= maximum])

    return add


def _parse_boolean(value: str) -> bool:
    """Parse 1, t, true, 0, f or false in any case."""
    if (parsed := BOOLEANS.get(value.lower())) is None:
        raise PdcError({"detail": f"{value} is not a valid boolean value"})
    return parsed


def boolean(condition: str, parse: Callable[[str], bool] = _parse_boolean) -> Filter:
    """Match rows by whether a condition holds, according to the last value; an empty value does not filter.

    `{}` in the condition stands for today's date.
    """

    def add(values: list[str], conditions: Conditions, today: date) -> None:
        if value := values[-1].strip():
            clause = condition if parse(value) else f"NOT {condition}"
            conditions.add(clause, *([today] if "{}" in condition else []))

    return add


def compare_date(column: str, operator: str = "=") -> Filter:
    """Compare with the last value, a date in one of several formats; an invalid date matches nothing (INVALID_DATE)."""

    def add(values: list[str], conditions: Conditions, today: date) -> None:
        if value := values[-1].strip():
            parsed = _parse_date(value)
            if parsed is None:
                conditions.add(INVALID_DATE)
            else:
                conditions.add(f"{column} {operator} {{}}", parsed)

    return add


def one_of_dates(column: str) -> Filter:
    """Match any of the dates, each as year-month-day."""

    def parse(value: str) -> date:
        with suppress(ValueError):
            return parse_date(value)
        if _DATE.fullmatch(value):
            sentence = f"'{value}' value has the correct format (YYYY-MM-DD) but it is an invalid date."
        else:
            sentence = f"'{value}' value has an invalid date format. It must be in YYYY-MM-DD format."
        raise PdcError({"detail": [sentence]})

    def add(values: list[str], conditions: Conditions, today: date) -> None:
        _add_one_of(conditions, column, [] if values == [""] else [parse(value) for value in values])

    return add


def _parse_date(value: str) -> date | None:
    for date_format in DATE_FORMATS:
        with suppress(ValueError):
            return datetime.strptime(value, date_format).date()  # noqa: DTZ007 - a date has no time zone
    return None
