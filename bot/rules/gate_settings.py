"""The settings of an environment's gates, written alike over REST and in the repository's configuration file.

Only what is set is stored, so that defaults that depend on the tier follow it.
"""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError

from bot.errors import Refusal
from bot.rules.approvers import check_entry
from bot.rules.durations import EXPECTED as DURATION
from bot.rules.durations import LONGEST, format_duration, parse_duration
from bot.rules.recurrences import check_rule, check_timezone

PRODUCTION = "production"
MAX_ENTRIES = 50
MAX_APPROVALS = 20
MAX_WINDOWS = 20
EXPIRE_AFTER = timedelta(days=7)
WAIT_AT_MOST = timedelta(days=7)


def _refused(check: Callable[[str], Any]) -> BeforeValidator:
    """A validator that turns a refusal into an error of its field."""

    def validate(value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return check(value)
        except Refusal as refusal:
            raise PydanticCustomError("value", "{sentence}", {"sentence": refusal.sentence}) from refusal

    return BeforeValidator(validate)


def _duration(value: object) -> object:
    if isinstance(value, int | float):  # pydantic would take it as seconds
        raise PydanticCustomError("value", "{sentence}", {"sentence": f"A duration is {DURATION}."})
    return value


Duration = Annotated[
    timedelta,
    Field(ge=timedelta(), le=LONGEST, json_schema_extra={"type": "string", "examples": ["30m"]}),
    _refused(parse_duration),
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str),
]
Entry = Annotated[str, _refused(check_entry)]
Entries = Annotated[tuple[Entry, ...], Field(max_length=MAX_ENTRIES)]
Name = Annotated[str, Field(min_length=1, max_length=100)]


class Settings(BaseModel):
    """The base of settings: immutable, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class RequiredCheck(Settings):
    """A check that has to be green, of one app (its slug) only if that is named."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    app: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class ApprovalRule(Settings):
    """How many people have to approve, and who counts. `from` left out: see `GateSettings.approvers`."""

    count: Annotated[int, Field(ge=0, le=MAX_APPROVALS, strict=True)] = 1
    from_: Entries | None = Field(None, alias="from")
    authors: Annotated[bool, Field(strict=True)] = False
    expire_after: Duration = EXPIRE_AFTER

    @model_validator(mode="after")
    def _check_from(self) -> "ApprovalRule":
        if self.from_ == () and self.count > 0:
            raise PydanticCustomError("value", "`from` names nobody: name who may approve, or leave it out.")
        return self


NO_APPROVALS = ApprovalRule.model_validate({"count": 0})


class Window(Settings):
    """A recurring time in which deployments are denied, or outside of which they are: an RFC 5545 rule.

    `for` is elapsed time. Times are local ones of `timezone`; the rule begins on 2000-01-01 at 00:00.
    """

    deny: Annotated[str, _refused(check_rule)] | None = None
    allow: Annotated[str, _refused(check_rule)] | None = None
    for_: Duration = Field(alias="for")
    timezone: Annotated[str, _refused(check_timezone)] = "UTC"
    reason: Annotated[str, Field(max_length=200)] = ""

    @model_validator(mode="after")
    def _check_kind(self) -> "Window":
        if (self.deny is None) == (self.allow is None):
            raise PydanticCustomError("value", "A window has either `deny` or `allow`.")
        if self.for_ <= timedelta():
            raise PydanticCustomError("value", "`for` must be longer than 0s.")
        return self


class GateSettings(Settings):
    """The settings of an environment's gates."""

    after: Annotated[tuple[Name, ...], Field(max_length=MAX_ENTRIES)] = ()
    soak: Duration = timedelta()
    downgrade: Literal["refuse", "allow"] | None = None
    checks: Annotated[tuple[Name | RequiredCheck, ...], Field(max_length=MAX_ENTRIES)] = ()
    approvals: ApprovalRule = NO_APPROVALS
    deployers: Entries = ()
    force: Annotated[bool, Field(strict=True)] = True
    auto: Annotated[bool, Field(strict=True)] = False
    wait_at_most: Duration = WAIT_AT_MOST
    windows: Annotated[tuple[Window, ...], Field(max_length=MAX_WINDOWS)] = ()

    @model_validator(mode="after")
    def _check_auto(self) -> "GateSettings":
        if self.auto and self.deployers:
            raise PydanticCustomError(
                "value", "`auto` deploys for nobody: it cannot be set where `deployers` are named."
            )
        if self.soak and not self.after:
            raise PydanticCustomError("value", "`soak` is the time on the environments in `after`: name them.")
        if self.wait_at_most <= timedelta():
            raise PydanticCustomError("value", "`wait_at_most` must be longer than 0s.")
        return self

    def approvers(self, tier: str) -> tuple[str, ...]:
        """Who may approve: unless named, the role maintain on production tiers, else the role write."""
        if self.approvals.from_ is not None:
            return self.approvals.from_
        return ("role:maintain",) if tier == PRODUCTION else ("role:write",)

    def refuses_downgrades(self, tier: str) -> bool:
        """Whether older commits are refused: unless set, on production tiers."""
        return (self.downgrade or ("refuse" if tier == PRODUCTION else "allow")) == "refuse"

    @cached_property
    def required_checks(self) -> tuple[RequiredCheck, ...]:
        """The required checks, all in one form."""
        return tuple(RequiredCheck(name=each) if isinstance(each, str) else each for each in self.checks)


FIELDS = tuple(GateSettings.model_fields)
"""The names of the settings."""


def read(stored: Mapping[str, Any]) -> GateSettings:
    """The settings of an environment's row."""
    return _read(json.dumps(stored))


@lru_cache(maxsize=1024)
def _read(stored: str) -> GateSettings:
    """The settings that JSON holds, which are immutable; validating them takes ten times as long as finding them."""
    return GateSettings.model_validate(json.loads(stored))


def to_stored(settings: GateSettings) -> dict[str, Any]:
    """The form in which settings are stored and shown: those that were set, in the words in which they are written."""
    return settings.model_dump(mode="json", by_alias=True, exclude_unset=True)
