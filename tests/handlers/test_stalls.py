"""The largest and worst deliveries do not make the event loop stand still."""

import asyncio
from itertools import count

import pytest
import structlog

from tests.handlers.conftest import WebhookClient, headers_for
from tests.stalls import FILLS, LIMIT, MIB, Fill, lists, longest_stall, numbers, request, send, text


@pytest.fixture(autouse=True)
def plain_logging() -> None:
    """Log as the service does, and not with the values of all variables."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()])


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("fill", "size"),
    [*((fill, MIB // 4) for fill in FILLS), *((fill, 25 * MIB) for fill in (lists, numbers, text))],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
async def test_a_signed_delivery(webhooks: WebhookClient, fill: Fill, size: int) -> None:
    body, guids = b'{"zen":' + fill(size - 8) + b"}", count()
    prepared = [request("POST", "/webhooks/github", body, headers_for(body, guid=str(next(guids)))) for _ in range(5)]

    async def act() -> None:
        assert await asyncio.to_thread(send, (webhooks.host, webhooks.port), prepared.pop()) == 202
        await webhooks.settle()

    assert await longest_stall(act) < LIMIT


@pytest.mark.parametrize(("content_type", "piece"), [(FORM, b"%2c"), (FORM, b"+"), (FORM, b"&")])
async def test_a_signed_form(webhooks: WebhookClient, content_type: str, piece: bytes) -> None:
    body, guids = b"payload=" + piece * (8 * MIB // len(piece)), count()

    async def act() -> None:
        headers = headers_for(body, guid=str(next(guids)), **{"Content-Type": content_type})
        data = await asyncio.to_thread(request, "POST", "/webhooks/github", body, headers)
        assert await asyncio.to_thread(send, (webhooks.host, webhooks.port), data) == 202
        await webhooks.settle()

    assert await longest_stall(act) < LIMIT


async def test_an_unsigned_delivery_in_tiny_chunks(webhooks: WebhookClient) -> None:
    data = request("POST", "/webhooks/github", b"x" * MIB, headers_for(b"other"), chunk=1)

    async def act() -> None:
        assert await asyncio.to_thread(send, (webhooks.host, webhooks.port), data) == 401

    assert await longest_stall(act) < LIMIT
