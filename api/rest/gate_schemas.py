"""The gates' settings of an environment as requests and responses have them."""

from typing import Any

from pydantic import BaseModel, Field, SkipValidation, ValidationError, model_validator
from pydantic_core import ErrorDetails

from api.http.bodies import StrictModel
from api.http.types import Timestamp
from api.http.validation import bad_request
from bot.rules.gate_settings import (
    FIELDS,
    ApprovalRule,
    Duration,
    Entries,
    GateSettings,
    Name,
    RequiredCheck,
    Window,
)


def _is_misread(error: ErrorDetails) -> bool:
    """Whether an error says that an object, as which a check may be written, is no name."""
    return error["loc"][-1] == "constrained-str" and isinstance(error["input"], dict)


class GateFields(StrictModel):
    """The settings of an environment's gates. Null resets one to its default; lists and objects are replaced whole."""

    after: SkipValidation[tuple[Name, ...] | None] = Field(
        None, description="Environments to which the same commit was deployed before.", examples=[["staging"]]
    )
    soak: SkipValidation[Duration | None] = Field(
        None, description="How long it has to have been there.", examples=["30m"]
    )
    downgrade: SkipValidation[str | None] = Field(
        None, description="`refuse` (the default on production tiers) or `allow` older commits.", examples=["refuse"]
    )
    checks: SkipValidation[tuple[Name | RequiredCheck, ...] | None] = Field(
        None, description="Checks that have to be green at the commit: names, globs, or `all`.", examples=[["test"]]
    )
    approvals: SkipValidation[ApprovalRule | None] = Field(
        None,
        description="How many people have to approve, and who.",
        examples=[{"count": 2, "from": ["role:maintain"]}],
    )
    deployers: SkipValidation[Entries | None] = Field(
        None, description="Who may deploy, besides holding the grant.", examples=[["team:acme/operators"]]
    )
    force: SkipValidation[bool | None] = Field(None, description="Whether gates can be overridden.", examples=[True])
    auto: SkipValidation[bool | None] = Field(
        None, description="Whether every candidate that becomes ready is deployed."
    )
    wait_at_most: SkipValidation[Duration | None] = Field(
        None, description="How long a deployment waits for gates.", examples=["7d"]
    )
    windows: SkipValidation[tuple[Window, ...] | None] = Field(
        None,
        description="Recurring times in which deployments are denied, or outside of which they are.",
        examples=[[{"deny": "FREQ=WEEKLY;BYDAY=FR;BYHOUR=14", "for": "58h", "reason": "weekend"}]],
    )

    @model_validator(mode="after")
    def _check(self) -> "GateFields":
        """Refuse values that are wrong by themselves; whether they fit to the stored ones is seen later."""
        try:
            GateSettings.model_validate({name: value for name, value in self.gates().items() if value is not None})
        except ValidationError as error:
            if of_fields := [each for each in error.errors(include_url=False) if each["loc"] and not _is_misread(each)]:
                raise bad_request(GateSettings, of_fields) from error
        return self

    def gates(self) -> dict[str, Any]:
        """The settings that were sent, as they were written."""
        return {name: getattr(self, name) for name in FIELDS if name in self.model_fields_set}


class WeakenedResponse(BaseModel):
    """The last change over REST that weakened the gates: by whom, when, and of which settings."""

    by: str
    at: Timestamp
    fields: list[str]


class GatesResponse(BaseModel):
    """The gates' settings in force: defaults, and what the tier implies, are filled in."""

    after: list[str]
    soak: str
    downgrade: str
    checks: list[str | dict[str, str | None]]
    approvals: dict[str, object]
    deployers: list[str]
    force: bool
    auto: bool
    wait_at_most: str
    windows: list[dict[str, str | None]]
