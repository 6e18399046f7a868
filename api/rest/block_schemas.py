"""Request and response models of what stops deployments: freezes, locks, holds and bans."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field, WithJsonSchema

from api.http.bodies import StrictModel
from api.http.types import Timestamp, ZonedDateTime, parsed_by
from bot.rules.durations import parse_duration
from bot.store.gates import EnvironmentLock, Freeze

Duration = Annotated[timedelta, parsed_by(parse_duration), WithJsonSchema({"type": "string", "examples": ["2h"]})]


class BlockBody(StrictModel):
    """Why something is stopped, and until when: `until` a time or `for` a duration; neither: until it is ended."""

    reason: str = Field(examples=["Investigating a leak."])
    until: ZonedDateTime | None = None
    lasts: Duration | None = Field(None, alias="for", description="A duration such as `30m`, `2h` or `7d`.")


class ReasonBody(StrictModel):
    """Why a release is held, or a candidate is banned."""

    reason: str


class FreezeResponse(BaseModel):
    """A freeze. `scope` is `environment`, `project` or `service`; `environment` names the one of the first scope."""

    id: int
    scope: str = Field(examples=["environment"])
    environment: str | None = Field(examples=["production"])
    by: str = Field(examples=["ada"])
    reason: str = Field(examples=["Holidays."])
    since: Timestamp
    until: Timestamp | None


class LockResponse(BaseModel):
    """A lock: only its owner can deploy to the environment."""

    owner: str = Field(examples=["ada"])
    reason: str = Field(examples=["Investigating a leak."])
    since: Timestamp
    until: Timestamp | None


class HoldResponse(BaseModel):
    """A release, and who holds it, why, and since when."""

    release_version: str
    held: dict[str, object]


def freeze_response(freeze: Freeze) -> FreezeResponse:
    """The response for a freeze, whose environment and user must have been fetched."""
    return FreezeResponse(
        id=freeze.id,
        scope=freeze.scope,
        environment=None if freeze.environment is None else freeze.environment.name,
        by=freeze.created_by.name,
        reason=freeze.reason,
        since=freeze.since,
        until=freeze.until,
    )


def lock_response(lock: EnvironmentLock) -> LockResponse:
    """The response for a lock, whose owner must have been fetched."""
    return LockResponse(owner=lock.owner.name, reason=lock.reason, since=lock.since, until=lock.until)
