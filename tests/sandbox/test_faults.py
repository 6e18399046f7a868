"""Webhook deliveries and injected faults."""

import asyncio
import hashlib
import hmac
import time

import aiohttp
import pytest

from sandbox.deliveries import delivery_guid
from tests.sandbox.conftest import Lab


async def test_deliveries_are_signed_and_carry_their_headers(lab: Lab) -> None:
    await lab.github.commit()
    await lab.github.settle()
    webhook = lab.received[0]
    mac = hmac.new(lab.github.webhook_secret.encode(), webhook.raw, hashlib.sha256).hexdigest()
    assert webhook.headers["X-Hub-Signature-256"] == f"sha256={mac}"
    assert webhook.headers["X-GitHub-Hook-Installation-Target-Type"] == "integration"
    assert webhook.headers["X-GitHub-Hook-Installation-Target-ID"] == str(lab.github.app_id)
    assert webhook.payload["installation"]["id"] == lab.github.installation_id


async def test_a_failed_delivery_is_recorded_and_redelivered_under_its_guid(lab: Lab) -> None:
    lab.response_statuses.append(503)
    await lab.github.commit()
    await lab.github.settle()
    (failed,) = (await lab.request("GET", "/app/hook/deliveries?status=failure", token=lab.jwt())).json
    assert (failed["status_code"], failed["status"] != "OK", failed["redelivery"]) == (503, True, False)
    redelivery = await lab.request("POST", f"/app/hook/deliveries/{failed['id']}/attempts", token=lab.jwt())
    assert redelivery.status == 202
    await lab.github.settle()
    assert [webhook.guid for webhook in lab.received] == [failed["guid"]] * 2
    newest = (await lab.request("GET", "/app/hook/deliveries", token=lab.jwt())).json[0]
    assert (newest["status"], newest["redelivery"]) == ("OK", True)
    detail = (await lab.request("GET", f"/app/hook/deliveries/{newest['id']}", token=lab.jwt())).json
    assert detail["request"]["payload"] == lab.received[0].payload


async def test_deliveries_are_paginated_by_cursor_only(lab: Lab) -> None:
    for _ in range(5):
        await lab.github.ping()
    await lab.github.settle()
    url, seen = "/app/hook/deliveries?per_page=2", []
    while url:
        response = await lab.request("GET", url, token=lab.jwt())
        seen += [delivery["id"] for delivery in response.json]
        link = response.headers.get("Link", "")
        assert "page=" not in link.replace("per_page=", "")
        url = link.split(">")[0].removeprefix(f"<{lab.url}") if link else ""
    assert seen == sorted(seen, reverse=True) and len(seen) == 5


async def test_dropped_deliveries_are_missed_by_the_failure_filter(lab: Lab) -> None:
    lab.github.faults.webhooks(drop=1.0)
    await lab.github.commit()
    await lab.github.settle()
    assert lab.received == []
    (lost,) = (await lab.request("GET", "/app/hook/deliveries", token=lab.jwt())).json
    assert (lost["status_code"], lost["status"] == "OK") == (0, False)
    assert (await lab.request("GET", "/app/hook/deliveries?status=failure", token=lab.jwt())).json == []
    lab.github.faults.clear()
    await lab.github.redeliver(lost["guid"])
    assert await lab.events() == ["push"]


async def test_deliveries_can_be_duplicated_and_reordered(lab: Lab) -> None:
    lab.github.faults.webhooks(double=1.0, reorder=True, seed=3)
    lab.github.faults.hold()
    sent = [await lab.github.commit() for _ in range(4)]
    lab.github.faults.release()
    await lab.github.settle()
    received = [webhook.payload["after"] for webhook in lab.received]
    assert sorted(received) == sorted(sent * 2)
    assert received != [sha for sha in sent for _ in range(2)]
    assert len({webhook.guid for webhook in lab.received}) == 4


async def test_settling_does_not_wait_for_held_and_delayed_deliveries(lab: Lab) -> None:
    lab.github.faults.hold()
    await lab.github.commit()
    assert await lab.events() == []
    lab.github.faults.release()
    assert await lab.events() == ["push"]
    lab.github.faults.webhooks(delay=(60, 90))
    await lab.github.commit()
    assert await lab.events() == ["push"]
    await lab.github.settle(delayed=True)
    assert len(lab.received) == 2


async def test_any_payload_can_be_sent(lab: Lab) -> None:
    assert (
        await lab.github.send("push", {"a": 1}, delivery="d9", signature="sha256=é".encode().decode("latin-1")) == 202
    )
    assert (lab.received[0].guid, lab.received[0].payload) == (delivery_guid("d9"), {"a": 1})


async def test_events_without_a_subscription_are_not_sent(lab: Lab) -> None:
    lab.github.state.events.remove("create")
    await lab.github.tag("v1")
    assert await lab.events() == ["push"]


async def test_failures_invalid_json_delays_and_timeouts(lab: Lab) -> None:
    faults = lab.github.faults
    faults.fail(method="POST", path="*/dispatches", status=502, times=2)
    assert [(await lab.dispatch()).status for _ in range(3)] == [502, 502, 204]
    assert len(lab.github.dispatches) == 1
    faults.garbage(path="*/branches")
    with pytest.raises(ValueError, match="Expecting"):
        _ = (await lab.repo("GET", "/branches")).json
    faults.slow(0.05, path="*/branches", times=1)
    started = time.monotonic()
    await lab.repo("GET", "/branches")
    assert time.monotonic() - started >= 0.05
    faults.time_out(path="*/branches")
    with pytest.raises(TimeoutError):
        await lab.repo("GET", "/branches", timeout=aiohttp.ClientTimeout(total=0.1))
    assert (await lab.repo("GET", "/branches")).status == 200


@pytest.mark.parametrize(
    ("kind", "status", "remaining"), [("primary", 403, "0"), ("secondary", 403, "4999"), ("429", 429, "4999")]
)
async def test_rate_limits(lab: Lab, kind: str, status: int, remaining: str) -> None:
    lab.github.faults.limit(kind, retry_after=7)
    refused = await lab.repo("GET", "")
    assert (refused.status, refused.headers["X-RateLimit-Remaining"]) == (status, remaining)
    assert refused.headers.get("Retry-After") == (None if kind == "primary" else "7")
    assert ("secondary rate" in refused.text) == (kind != "primary")
    assert (await lab.repo("GET", "")).status == 200


async def test_the_whole_api_can_be_down(lab: Lab) -> None:
    lab.github.faults.down()
    assert (await lab.repo("GET", "")).status == 503
    lab.github.faults.up()
    assert (await lab.repo("GET", "")).status == 200


async def test_closing_leaves_nothing_behind(lab: Lab) -> None:
    lab.github.run_seconds = (60, 60)
    await lab.dispatch()
    folder = lab.github.state.folder
    await lab.github.close()
    await lab.github.close()
    assert not folder.exists()
    assert not [task for task in asyncio.all_tasks() if "complete_automatically" in repr(task)]
