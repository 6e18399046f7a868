"""Filters of lists, as existing clients of these dialects say them. `{}` stands for a value in their conditions."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from api.pdc.crud.field_types import read_date
from api.pdc.crud.resource import Filter, Invalid
from bot.store.lists import Where

NOTHING, NO_DATE = "1 = 0", "0 = 1"
FORMS = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y")
LARGEST = 2**31 - 1
_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}")


def exact(condition: str) -> Filter:
    """The last value given, without blanks around it; an empty one is as if not given."""

    def narrow(values: list[str], where: Where, today: date) -> None:
        if value := values[-1].strip():
            where.add(condition, value)

    return narrow


def one_of(column: str, within: str = "") -> Filter:
    """Any of the values given. `within` is a query that leads from them to the column, with `{}` for all of them."""

    def narrow(values: list[str], where: Where, today: date) -> None:
        among(where, column, within, [value for value in values if value])

    return narrow


def all_known(column: str, within: str, counted: str) -> Filter:
    """Any of the values given, but no row at all where one of them is unknown; `counted` counts the known ones."""

    def narrow(values: list[str], where: Where, today: date) -> None:
        wanted = list(dict.fromkeys(values))
        if "" in wanted:
            where.add(NOTHING)
            return
        among(where, column, within, wanted)
        if len(wanted) > 1:
            where.add(f"({counted.format(_places(wanted))}) = {len(wanted)}", *wanted)

    return narrow


def among(where: Where, column: str, within: str, values: Sequence[Any]) -> None:
    """The column has one of the values, or is what a query gives for them. One value lets an index be walked."""
    if not values:
        where.add(NOTHING)
    elif within:
        sign = "=" if len(values) == 1 else "IN"
        where.add(f"{column} {sign} ({within.format(_places(values))})", *values)
    elif len(values) == 1:
        where.add(f"{column} = {{}}", *values)
    else:
        where.among(column, values)


def _places(values: Sequence[Any]) -> str:
    return ", ".join("{}" for _ in values)


def numbers(column: str, name: str, *, largest: int = LARGEST) -> Filter:
    """Any of the numbers given; the column holds none beyond `largest`."""
    return _numbers(column, largest, lambda value: [f"Value [{value}] of {name} is not an integer"])


def rows(column: str) -> Filter:
    """Any of the rows whose numbers are given."""
    return _numbers(column, LARGEST, lambda value: f"invalid literal for int() with base 10: '{value}'")


def _numbers(column: str, largest: int, refusal: Callable[[str], Any]) -> Filter:
    def read(value: str) -> int:
        if _NUMBER.fullmatch(value) is None:
            raise Invalid({"detail": refusal(value)})
        digits = value.strip().lstrip("+-0")[: len(str(largest)) + 1] or "0"
        return -int(digits) if "-" in value else int(digits)

    def narrow(values: list[str], where: Where, today: date) -> None:
        wanted = [read(value) for value in values if value]
        among(where, column, "", [number for number in wanted if 0 <= number <= largest])

    return narrow


def flag(column: str, refuse: Callable[[str], Invalid], words: dict[str, bool], *, folded: bool = False) -> Filter:
    """Whether something is so; the last value given counts, an empty one is as if not given."""

    def narrow(values: list[str], where: Where, today: date) -> None:
        value = values[-1].strip()
        if not value:
            return
        said = words.get(value.lower() if folded else value)
        if said is None:
            raise refuse(value)
        where.add(column if said else f"NOT {column}", *([today] if "{}" in column else []))

    return narrow


YES_OR_NO = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}
CASED = {**YES_OR_NO, "True": True, "False": False}


def plain_flag(column: str) -> Filter:
    """1, t, true, 0, f or false in any case."""
    return flag(
        column, lambda value: Invalid({"detail": f"{value} is not a valid boolean value"}), YES_OR_NO, folded=True
    )


def day(column: str, sign: str = "=") -> Filter:
    """A date in one of several forms; no row at all where it is none (NO_DATE). The last value given counts."""

    def narrow(values: list[str], where: Where, today: date) -> None:
        if value := values[-1].strip():
            parsed = _date(value)
            where.add(NO_DATE) if parsed is None else where.add(f"{column} {sign} {{}}", parsed)

    return narrow


def days(column: str) -> Filter:
    """Any of the dates given, each as year-month-day."""

    def read(value: str) -> date:
        with suppress(ValueError):
            return read_date(value)
        if _DATE.fullmatch(value):
            said = f"'{value}' value has the correct format (YYYY-MM-DD) but it is an invalid date."
        else:
            said = f"'{value}' value has an invalid date format. It must be in YYYY-MM-DD format."
        raise Invalid({"detail": [said]})

    def narrow(values: list[str], where: Where, today: date) -> None:
        wanted = [] if values == [""] else [read(value) for value in values]
        among(where, column, "", wanted)

    return narrow


def _date(value: str) -> date | None:
    for form in FORMS:
        with suppress(ValueError):
            return datetime.strptime(value, form).date()  # noqa: DTZ007 - a day has no zone
    return None
