"""Deliveries of the App's webhook. https://docs.github.com/en/rest/apps/webhooks"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.github.app import GitHub
from bot.github.fields import required
from bot.github.transport import ApiError
from bot.rules.ids import DeliveryId


@dataclass(frozen=True)
class DeliveryFact:
    """One attempt of GitHub to deliver a webhook. `status_code` is that of our response; 0 if there was none."""

    id: DeliveryId
    guid: str
    event: str
    delivered_at: datetime
    ok: bool
    status_code: int


async def recent(github: GitHub, age: timedelta) -> AsyncIterator[DeliveryFact]:
    """The attempts to deliver webhooks to the App that are at most so old, newest first."""
    url: str | None = "/app/hook/deliveries?per_page=100"
    while url is not None:
        page, url = await github.as_app("GET", url)
        start = github.now() - age - timedelta(minutes=1)  # an answer has told GitHub's time
        for item in page:
            fact = _delivery_fact(item)
            if fact.delivered_at < start:
                return
            yield fact


async def payload(github: GitHub, delivery: DeliveryId) -> dict[str, Any] | None:
    """The payload that GitHub sent, or tried to send, in one delivery; None when GitHub no longer has it."""
    try:
        response = await github.as_app("GET", f"/app/hook/deliveries/{delivery}")
    except ApiError as error:
        error.raise_unless(404)
        return None
    body = required(response.data, "request").get("payload")
    return body if isinstance(body, dict) else None


async def redeliver(github: GitHub, delivery: DeliveryId) -> None:
    """Have GitHub deliver once more what it delivered, or tried to deliver, before."""
    await github.as_app("POST", f"/app/hook/deliveries/{delivery}/attempts")


def _delivery_fact(item: Any) -> DeliveryFact:
    return DeliveryFact(
        id=DeliveryId(int(required(item, "id"))),
        guid=str(required(item, "guid")).lower(),
        event=str(required(item, "event")),
        delivered_at=datetime.fromisoformat(str(required(item, "delivered_at"))),
        ok=item.get("status") == "OK",
        status_code=int(item.get("status_code") or 0),
    )
