"""Kinds of values, read as existing clients of these dialects expect it and refused in the words they know."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

import orjson

from api.http.types import format_utc
from api.pdc.crud.resource import Kind, Refers
from bot.store.content import ContentRepo, Product, ProductVersion, Rpm, Sla
from bot.store.releases import Release

LARGEST = 2**63 - 1
NO_ROW = -1  # the number that no row has
TRUE = {"t", "T", "true", "True", "TRUE", "1", 1}
FALSE = {"f", "F", "false", "False", "FALSE", "0", 0}
BAD_DATE = "Date has wrong format. Use one of these formats instead: YYYY[-MM[-DD]]."
PADDED = len("2017-01-31")
_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
NO_INTEGER = "A valid integer is required."
NOT_PRINTABLE = "Only accept printable text."
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,19}(\.0*)?\s*")
_BREAKS = dict.fromkeys(map(ord, "\t\r\n"), " ")


def text(longest: int, *, pattern: str = "", otherwise: str = "", empty: bool = False, octets: int = 0) -> Kind:
    """A line of at most so many printable characters that fits a pattern wholly; numbers are taken as text.

    With `empty` an empty one is none at all. `octets` are the bytes that it has at most, where an index has to hold it.
    """
    grammar = re.compile(pattern) if pattern else None

    def read(value: Any) -> str:
        said = _read_text(value, longest)
        if not said:
            raise ValueError("This field may not be blank.")
        if grammar is not None and grammar.fullmatch(said) is None:
            raise ValueError(otherwise)
        if not said.isprintable():
            raise ValueError(NOT_PRINTABLE)
        if octets and len(said.encode()) > octets:
            raise ValueError(f"Ensure this field has no more than {octets} bytes.")
        return said

    return Kind("string", read, {"type": "string", "minLength": 1, "maxLength": longest}, empty=empty)


def lines(longest: int) -> Kind:
    """Text of at most so many characters, which may be empty and of several lines."""

    def read(value: Any) -> str:
        said = _read_text(value, longest)
        if not said.translate(_BREAKS).isprintable():
            raise ValueError(NOT_PRINTABLE)
        return said

    return Kind("string", read, {"type": "string", "maxLength": longest})


def _read_text(value: Any, longest: int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("Not a valid string.")
    said = str(value).strip()
    if len(said) > longest:
        raise ValueError(f"Ensure this field has no more than {longest} characters.")
    return said


def _read_name(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | list | dict):
        raise ValueError("Not a valid string.")
    return str(value)


def _read_integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(NO_INTEGER)
    if _INTEGER.fullmatch(str(value)) is None:
        raise ValueError(NO_INTEGER)
    return int(str(value).strip().partition(".")[0])


def _read_count(value: Any) -> int:
    number = _read_integer(value)
    if number < 0:
        raise ValueError("Ensure this value is greater than or equal to 0.")
    if number > LARGEST:
        raise ValueError(f"Ensure this value is less than or equal to {LARGEST}.")
    return number


def _read_flag(value: Any) -> bool:
    if isinstance(value, str | int | float) and value in TRUE:
        return True
    if isinstance(value, str | int | float) and value in FALSE:
        return False
    raise ValueError(f'"{value}" is not a valid boolean.')


def read_date(value: Any) -> date:
    """A date as year-month-day, padded or not; ValueError otherwise."""
    if isinstance(value, str) and (match := _DATE.fullmatch(value)):
        with suppress(ValueError):
            return date.fromisoformat(value) if len(value) == PADDED else date(*map(int, match.groups()))
    raise ValueError(BAD_DATE)


def choice(*names: str) -> Kind:
    """One of these words."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError(not_allowed(value, names))
        return value

    return Kind("string", read, {"type": "string", "enum": list(names)}, empty=True)


def choices(*names: str) -> Kind:
    """A list of these words, each once, kept in order."""
    each = choice(*names)

    def read(value: Any) -> list[str]:
        if not isinstance(value, list):
            raise ValueError(f'Expected a list of items but got type "{type(value).__name__}".')
        return sorted({each.read(one) for one in value})

    return Kind("list", read, {"type": "array", "items": each.schema}, listed)


def not_allowed(value: Any, names: Sequence[str]) -> str:
    """That a word is none of those that are taken."""
    there = ", ".join(f"'{name}'" for name in names)
    return f"'{value}' is not allowed value. Use one of {there}."


def listed(value: Any) -> Any:
    """A list or object as it is stored: as JSON."""
    return orjson.loads(value) if isinstance(value, str) else value


def _moment(value: Any) -> str:
    said = format_utc(value)
    return said if "." in said else f"{said[:-1]}.000000Z"


def _nothing(value: Any) -> Any:
    return value


NAME = Kind("field", _read_name, {"type": "string"}, empty=True)
INTEGER = Kind("integer", _read_integer, {"type": "integer"})
COUNT = Kind("integer", _read_count, {"type": "integer", "minimum": 0, "maximum": LARGEST})
FLAG = Kind("boolean", _read_flag, {"type": "boolean"}, bool)
DAY = Kind("date", read_date, {"type": "string", "format": "date"}, str)
MOMENT = Kind("datetime", _nothing, {"type": "string", "format": "date-time"}, _moment)
LINK = Kind("field", _nothing, {"type": "string", "format": "uri"})
LIST = Kind("list", _nothing, {"type": "array"}, listed)
OBJECT = Kind("field", _nothing, {"type": "object"}, listed)


def _read_row(value: Any) -> int:
    number = _read_integer(value)
    return number if 0 < number < 2**31 else NO_ROW


def _unknown_repo(value: Any, _: Any) -> dict[str, str]:
    return {"detail": f"Repo with id {value} doesn't exist"}


def _read_repo(value: Any) -> int:
    if not isinstance(value, dict):
        raise ValueError({"detail": f"Input [{value}] must be a dict."})
    if list(value) != ["id"]:
        raise ValueError({"detail": 'Only accepts {"id":"int"}'})
    try:
        number = _read_integer(value["id"])
    except ValueError:
        raise ValueError(f"Value [{value['id']}] is not an integer") from None
    if _read_row(number) == NO_ROW:
        raise ValueError(_unknown_repo(number, None))
    return number


ROW = Kind("integer", _read_row, {"type": "integer"})
REPO_ROW = Kind(
    "field",
    _read_repo,
    {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"], "additionalProperties": False},
    lambda repo: {**repo, "shadow": bool(repo["shadow"])},
    empty=True,
)


def _unknown(key: str) -> Callable[[Any, Any], str]:
    return lambda value, _: f"Object with {key}={value} does not exist."


def _unknown_sla(value: Any, there: Mapping[Any, Any]) -> str:
    return not_allowed(value, [str(name) for name in there])


RELEASE = Refers(Release, "release_id", _unknown("release_id"), project="project_id")
PRODUCT = Refers(Product, "short", _unknown("short"))
PRODUCT_VERSION = Refers(ProductVersion, "product_version_id", _unknown("product_version_id"))
SLA = Refers(Sla, "name", _unknown_sla, closed=True)
RPM = Refers(Rpm, "id")
REPO = Refers(
    ContentRepo,
    "id",
    _unknown_repo,
    columns=("name", "content_format"),
    project="variant__release__project_id",
)
