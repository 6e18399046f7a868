"""Webhooks that are not signed with our secret: one alarm and a warning, until the first that is."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from bot.rules.webhooks import REMEDY
from bot.store.audit import AuditEntry
from bot.store.database import execute
from sandbox.deliveries import delivery_guid, sign
from tests.handlers.conftest import PING, WebhookClient, headers_for, signature
from tests.operations.test_metrics import scrape
from tests.outages import eventually
from tests.world import World

WRONG = {**headers_for(PING), "X-Hub-Signature-256": signature(PING, "another secret")}
UNSIGNED = {name: value for name, value in WRONG.items() if name != "X-Hub-Signature-256"}


async def readiness(world: World) -> dict[str, str]:
    """The warnings of /readyz, whose status stays 200."""
    response = await world.ask("GET", "/readyz", token="")
    assert (response.status, response.json["status"]) == (200, "ok")
    return dict(response.json.get("warnings", {}))


async def send_wrong(world: World, times: int, *, signed: bool = True) -> None:
    """Send webhooks that are signed with another secret, or not at all."""
    for number in range(times):
        headers = {**(WRONG if signed else UNSIGNED), "X-GitHub-Delivery": delivery_guid(f"wrong-{number}")}
        async with world.session.post(f"{world.url}/webhooks/github", data=PING, headers=headers) as response:
            assert response.status == 401
    await asyncio.sleep(0.05)  # for the alarm, which nobody waits for
    await world.settle()


@pytest.mark.parametrize("signed", [True, False], ids=["with another secret", "without a signature"])
async def test_several_wrong_signatures_without_a_right_one_are_an_alarm_and_a_warning(
    world: World, signed: bool
) -> None:
    with capture_logs() as logs:
        await send_wrong(world, 2, signed=signed)
        assert (await world.alarms(), await readiness(world)) == ([], {})
        await send_wrong(world, 1, signed=signed)
    assert await world.alarms() == ["webhook.unsigned"]
    assert REMEDY in (await readiness(world))["webhooks"]
    assert (await scrape(world))['longshore_alarms_total{alarm="webhook.unsigned"}'] == 1
    assert [line["event"] for line in logs if line["log_level"] != "info"] == ["webhooks unsigned", "alarm"]


async def test_a_right_signature_ends_the_warning_for_good(world: World) -> None:
    await send_wrong(world, 5)
    assert "webhooks" in await readiness(world)
    await world.github.ping()
    await world.settle()
    assert await readiness(world) == {}
    await send_wrong(world, 50)
    assert await readiness(world) == {}
    assert await world.alarms() == ["webhook.unsigned"]


async def test_strangers_raise_no_alarm_once_a_right_signature_was_seen(world: World) -> None:
    await world.github.ping()
    await world.settle()
    with capture_logs() as logs:
        await send_wrong(world, 50)
    assert (await world.alarms(), await readiness(world)) == ([], {})
    assert [line for line in logs if line["log_level"] != "info"] == []


async def test_the_alarm_is_raised_once_a_day_however_often_the_service_starts(world: World) -> None:
    await send_wrong(world, 100)
    assert await world.alarms() == ["webhook.unsigned"]
    await world.service._report_unsigned_webhooks()  # as another process would
    assert await world.alarms() == ["webhook.unsigned"]
    (entry,) = await AuditEntry.all().filter(act="webhook.unsigned")
    await AuditEntry.filter(id=entry.id).update(at=entry.at - timedelta(days=2))
    await world.service._report_unsigned_webhooks()
    assert await world.alarms() == ["webhook.unsigned"] * 2


async def test_an_alarm_that_cannot_be_recorded_is_logged_and_the_warning_stays(webhooks: WebhookClient) -> None:
    await execute("ALTER TABLE audit_entries RENAME TO mislaid")
    with capture_logs() as logs:
        for _ in range(4):
            assert (await webhooks.post(PING, WRONG)).status == 401

        async def is_logged() -> bool:
            return any(line["event"] == "background task failed" for line in logs)

        await eventually(is_logged)
    await execute("ALTER TABLE mislaid RENAME TO audit_entries")
    of_pages = "events not read"  # whose feed misses the table too
    errors = [line["event"] for line in logs if line["log_level"] == "error" and line["event"] != of_pages]
    assert errors == ["background task failed"]
    assert webhooks.service.signatures.warning is not None


# --- what GitHub says about its deliveries


async def test_deliveries_that_we_answered_401_are_an_alarm_and_a_warning_until_one_arrives(world: World) -> None:
    secret, world.github.state.deliverer.secret = world.github.webhook_secret, "another secret"
    await world.github.ping()
    await world.settle()
    assert world.github.deliveries[-1].status_code == 401
    for _ in range(3):
        await world.sweep()
    assert await world.alarms() == ["webhook.refused"]
    (alarm,) = await world.audit("webhook.refused")
    assert alarm.after["status"] == 401 and REMEDY in alarm.after["reason"]
    assert REMEDY in (await readiness(world))["webhooks"]
    world.github.state.deliverer.secret = secret
    await world.github.ping()
    await world.settle()
    assert await readiness(world) == {}


@pytest.mark.parametrize("status", [302, 404, 405, 407])
async def test_deliveries_that_a_proxy_refuses_are_an_alarm_too(world: World, status: int) -> None:
    world.github.webhook_url = f"{world.url}/elsewhere"
    await world.github.ping()
    await world.settle()
    world.github.deliveries[-1].status_code = status
    await world.sweep()
    assert await world.alarms() == ["webhook.refused"]
    warning = (await readiness(world))["webhooks"]
    assert f"answered {status}" in warning and "/webhooks/github" in warning


async def test_deliveries_that_were_refused_before_the_last_one_that_arrived_are_no_alarm(world: World) -> None:
    secret, world.github.state.deliverer.secret = world.github.webhook_secret, "another secret"
    await world.github.ping()
    await world.settle()
    world.github.state.deliverer.secret = secret
    await world.github.ping()
    await world.settle()
    await world.sweep()
    assert (await world.alarms(), await readiness(world)) == ([], {})


async def test_deliveries_that_were_lost_in_an_outage_are_no_alarm(world: World) -> None:
    await world.github.ping()
    await world.settle()
    for status in (0, 500, 502, 503):
        world.github.deliveries[-1].status, world.github.deliveries[-1].status_code = "failed", status
        await world.sweep()
    assert (await world.alarms(), await readiness(world)) == ([], {})


def test_the_sandbox_signs_as_these_tests_do() -> None:
    assert sign("another secret", PING)["X-Hub-Signature-256"] == WRONG["X-Hub-Signature-256"]
