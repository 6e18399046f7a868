"""Field types: they accept values as existing clients send them, and refuse others with the errors that they expect."""

import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import date, datetime

import orjson

from api.http.types import format_utc
from api.pdc.crud.resource import FieldType, Reference
from bot.rules.validation import json_kind
from bot.store.content import ContentRepo, Product, ProductVersion, Rpm, Sla
from bot.store.releases import Release

MAX_BIGINT = 2**63 - 1
NO_ROW = -1  # an id that no row has
TRUE = {"t", "T", "true", "True", "TRUE", "1", 1}
FALSE = {"f", "F", "false", "False", "FALSE", "0", 0}
BAD_DATE = "Date has wrong format. Use one of these formats instead: YYYY[-MM[-DD]]."
NOT_AN_INTEGER = "A valid integer is required."
NOT_PRINTABLE = "Only accept printable text."
_ISO_DATE_LENGTH = len("2017-01-31")
_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,19}(\.0*)?\s*")
_LINE_BREAKS = dict.fromkeys(map(ord, "\t\r\n"), " ")


def text(
    max_length: int, *, pattern: str = "", mismatch: str = "", empty_is_null: bool = False, max_bytes: int = 0
) -> FieldType:
    """One line of printable text; numbers are accepted as text.

    The whole text must match `pattern`; `mismatch` is the error if it does not. `max_bytes` limits indexed values.
    """
    grammar = re.compile(pattern) if pattern else None

    def parse(value: object) -> str:
        stripped = _parse_text(value, max_length)
        if not stripped:
            raise ValueError("This field may not be blank.")
        if grammar is not None and grammar.fullmatch(stripped) is None:
            raise ValueError(mismatch)
        if not stripped.isprintable():
            raise ValueError(NOT_PRINTABLE)
        if max_bytes and len(stripped.encode()) > max_bytes:
            raise ValueError(f"Ensure this field has no more than {max_bytes} bytes.")
        return stripped

    schema = {"type": "string", "minLength": 1, "maxLength": max_length}
    return FieldType("string", parse, schema, empty_is_null=empty_is_null)


def multiline_text(max_length: int) -> FieldType:
    """Text of any number of lines, which may be empty."""

    def parse(value: object) -> str:
        stripped = _parse_text(value, max_length)
        if not stripped.translate(_LINE_BREAKS).isprintable():
            raise ValueError(NOT_PRINTABLE)
        return stripped

    return FieldType("string", parse, {"type": "string", "maxLength": max_length})


def _parse_text(value: object, max_length: int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("Not a valid string.")
    stripped = str(value).strip()
    if len(stripped) > max_length:
        raise ValueError(f"Ensure this field has no more than {max_length} characters.")
    return stripped


def _parse_name(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | list | dict):
        raise ValueError("Not a valid string.")
    return str(value)


def _parse_integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(NOT_AN_INTEGER)
    if _INTEGER.fullmatch(str(value)) is None:
        raise ValueError(NOT_AN_INTEGER)
    return int(str(value).strip().partition(".")[0])


def _parse_count(value: object) -> int:
    number = _parse_integer(value)
    if number < 0:
        raise ValueError("Ensure this value is greater than or equal to 0.")
    if number > MAX_BIGINT:
        raise ValueError(f"Ensure this value is less than or equal to {MAX_BIGINT}.")
    return number


def _parse_boolean(value: object) -> bool:
    if isinstance(value, str | int | float) and value in TRUE:
        return True
    if isinstance(value, str | int | float) and value in FALSE:
        return False
    raise ValueError(f'"{value}" is not a valid boolean.')


def parse_date(value: object) -> date:
    """Parse a date as year-month-day, padded or not; ValueError for anything else."""
    if isinstance(value, str) and (match := _DATE.fullmatch(value)):
        with suppress(ValueError):
            return date.fromisoformat(value) if len(value) == _ISO_DATE_LENGTH else date(*map(int, match.groups()))
    raise ValueError(BAD_DATE)


def choice(*names: str) -> FieldType:
    """One word of a vocabulary."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError(not_allowed(value, names))
        return value

    return FieldType("string", parse, {"type": "string", "enum": list(names)}, empty_is_null=True)


def choices(*names: str) -> FieldType:
    """A list of words of a vocabulary, sorted and without duplicates."""
    word = choice(*names)

    def parse(value: object) -> list[str]:
        if not isinstance(value, list):
            raise ValueError(f"Expected a list of items but got {json_kind(value)}.")
        return sorted({str(word.parse(item)) for item in value})

    return FieldType("list", parse, {"type": "array", "items": word.schema}, decode_json)


def not_allowed(value: object, names: Sequence[str]) -> str:
    """The error for a word that is not in the vocabulary."""
    accepted = ", ".join(f"'{name}'" for name in names)
    return f"'{value}' is not allowed value. Use one of {accepted}."


def decode_json(value: object) -> object:
    """A list or object, which SQLite stores as JSON text."""
    return orjson.loads(value) if isinstance(value, str) else value


def _serialize_datetime(value: datetime | str) -> str:
    utc = format_utc(value)
    return utc if "." in utc else f"{utc[:-1]}.000000Z"


def _keep(value: object) -> object:
    return value


NAME = FieldType("field", _parse_name, {"type": "string"}, empty_is_null=True)
INTEGER = FieldType("integer", _parse_integer, {"type": "integer"})
COUNT = FieldType("integer", _parse_count, {"type": "integer", "minimum": 0, "maximum": MAX_BIGINT})
BOOLEAN = FieldType("boolean", _parse_boolean, {"type": "boolean"}, bool)
DATE = FieldType("date", parse_date, {"type": "string", "format": "date"}, str)
DATETIME = FieldType("datetime", _keep, {"type": "string", "format": "date-time"}, _serialize_datetime)
URL = FieldType("field", _keep, {"type": "string", "format": "uri"})
LIST = FieldType("list", _keep, {"type": "array"}, decode_json)
OBJECT = FieldType("field", _keep, {"type": "object"}, decode_json)


def _parse_row_id(value: object) -> int:
    number = _parse_integer(value)
    return number if 0 < number < 2**31 else NO_ROW


def _repo_not_found(value: object, repos: object) -> dict[str, str]:
    return {"detail": f"Repo with id {value} doesn't exist"}


def _parse_repo(value: object) -> int:
    if not isinstance(value, dict):
        raise ValueError({"detail": f"Input [{value}] must be a dict."})
    if list(value) != ["id"]:
        raise ValueError({"detail": 'Only accepts {"id":"int"}'})
    try:
        number = _parse_integer(value["id"])
    except ValueError:
        raise ValueError(f"Value [{value['id']}] is not an integer") from None
    if _parse_row_id(number) == NO_ROW:
        raise ValueError(_repo_not_found(number, None))
    return number


ROW_ID = FieldType("integer", _parse_row_id, {"type": "integer"})
REPO_OBJECT = FieldType(
    "field",
    _parse_repo,
    {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"], "additionalProperties": False},
    lambda repo: {**repo, "shadow": bool(repo["shadow"])},
    empty_is_null=True,
)


def _object_not_found(key: str) -> Callable[[object, object], str]:
    return lambda value, _: f"Object with {key}={value} does not exist."


def _sla_not_found(value: object, slas: Collection[object]) -> str:
    return not_allowed(value, [str(name) for name in slas])


RELEASE = Reference(Release, "release_id", _object_not_found("release_id"), project="project_id")
PRODUCT = Reference(Product, "short", _object_not_found("short"))
PRODUCT_VERSION = Reference(ProductVersion, "product_version_id", _object_not_found("product_version_id"))
SLA = Reference(Sla, "name", _sla_not_found, closed=True)
RPM = Reference(Rpm, "id")
REPO = Reference(
    ContentRepo,
    "id",
    _repo_not_found,
    columns=("name", "content_format"),
    project="variant__release__project_id",
)
