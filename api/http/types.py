"""Field types that dialects share: times, and values that a rule of `bot.rules` parses."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from bot.errors import Refusal
from bot.rules.packages import parse_status


def format_utc(time: datetime | str) -> str:
    """Format a time as ISO 8601 in UTC with `Z`. SQLite returns times as text."""
    if isinstance(time, str):
        if time.endswith("+00:00"):
            return f"{time[:10]}T{time[11:-6]}Z"
        time = datetime.fromisoformat(time)
    if time.tzinfo is None:  # datetime.min and datetime.max, which PostgreSQL stores as infinite
        time = time.replace(tzinfo=UTC)
    return (time if time.tzinfo is UTC else time.astimezone(UTC)).isoformat().removesuffix("+00:00") + "Z"


def _parse_zoned(text: object) -> datetime:
    with suppress(ValueError, OverflowError):
        if isinstance(text, str) and (time := datetime.fromisoformat(text)).tzinfo is not None:
            return time.astimezone(UTC)
    raise PydanticCustomError("moment", "must be a time with its zone, as in 2026-11-03T18:00:00Z")


def parsed_by(rule: Callable[[object], object]) -> BeforeValidator:
    """Validate a field with a rule of `bot.rules`; the rule's refusal is the error message."""

    def validate(value: object) -> object:
        try:
            return rule(value)
        except Refusal as refusal:
            raise PydanticCustomError("sentence", "{sentence}", {"sentence": refusal.sentence}) from refusal

    return BeforeValidator(validate)


DATE_TIME_SCHEMA = WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization")
Timestamp = Annotated[datetime, PlainSerializer(format_utc, return_type=str), DATE_TIME_SCHEMA]
ZonedDateTime = Annotated[datetime, BeforeValidator(_parse_zoned)]
ReleaseStatus = Annotated[int, parsed_by(parse_status)]
