"""Events of webhooks that do not reach us, which are alarms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bot.events.event import Event


@dataclass(frozen=True, kw_only=True)
class WebhooksUnsigned(Event):
    """No request to the webhook route was signed with our secret, and several were not."""

    act: ClassVar[str] = "webhook.unsigned"
    alarm: ClassVar[bool] = True
    subject_format: ClassVar[str] = "webhooks"
    after_fields: ClassVar[Mapping[str, str]] = {"is": "reason"}

    reason: str


@dataclass(frozen=True, kw_only=True)
class WebhooksRefused(Event):
    """GitHub's newest deliveries were refused: `status` is that of the newest response."""

    act: ClassVar[str] = "webhook.refused"
    alarm: ClassVar[bool] = True
    subject_format: ClassVar[str] = "{count} deliveries"
    after_fields: ClassVar[Mapping[str, str]] = {"status": "status", "reason": "reason"}

    count: int
    status: int
    reason: str
