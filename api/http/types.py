"""Kinds of values that dialects share: how times are read and shown, and values that a rule reads."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from bot.errors import Refusal
from bot.rules.packages import parse_status


def said_utc(moment: datetime | str) -> str:
    """A time in UTC, as it is answered. SQLite gives text."""
    if isinstance(moment, str):
        if moment.endswith("+00:00"):
            return f"{moment[:10]}T{moment[11:-6]}Z"
        moment = datetime.fromisoformat(moment)
    if moment.tzinfo is None:  # the first and last moment there are: PostgreSQL keeps them as infinite
        moment = moment.replace(tzinfo=UTC)
    return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat().removesuffix("+00:00") + "Z"


def _said_in_utc(text: object) -> datetime:
    with suppress(ValueError, OverflowError):
        if isinstance(text, str) and (moment := datetime.fromisoformat(text)).tzinfo is not None:
            return moment.astimezone(UTC)
    raise PydanticCustomError("moment", "Must be a time with its zone, as in 2026-11-03T18:00:00Z")


def by_rule(rule: Callable[[object], Any]) -> BeforeValidator:
    """A value of a body or a query as a rule takes it, refused in the rule's own words."""

    def validate(value: object) -> Any:
        try:
            return rule(value)
        except Refusal as refusal:
            raise PydanticCustomError("sentence", "{sentence}", {"sentence": refusal.sentence}) from refusal

    return BeforeValidator(validate)


Timed = WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization")
Moment = Annotated[datetime, PlainSerializer(said_utc, return_type=str), Timed]
Instant = Annotated[datetime, BeforeValidator(_said_in_utc)]  # as programs say it
Status = Annotated[int, by_rule(parse_status)]
