"""Webhook events and actions that Longshore does not handle."""

from bot.queue.intake import delivery_key
from sandbox.deliveries import delivery_guid
from tests.world import World


async def test_unknown_events_are_stored_counted_and_done(world: World) -> None:
    events = ("star", "check_run", "future_event")
    for event in events:
        assert await world.github.send(event, {"action": "created", "odd": [1, None]}, delivery=event) == 202
    await world.settle()
    rows = await world.jobs("webhook")
    assert [(row["key"], row["state"], row["attempts"], row["error"]) for row in rows] == [
        (delivery_key(delivery_guid(event)), "done", 1, None) for event in events
    ]
    metrics = world.service.metrics.exposition().decode()
    for event in events:
        assert f'longshore_webhook_deliveries_total{{event="{event}",outcome="202"}} 1.0' in metrics


async def test_ping_succeeds(world: World) -> None:
    await world.github.ping()
    await world.settle()
    assert [delivery.status for delivery in world.github.deliveries] == ["OK"]


async def test_unknown_actions_are_ignored(world: World) -> None:
    number = await world.github.pull_request()
    await world.github.comment(number, "hello")
    await world.settle()
    payload = next(sent.payload for sent in world.github.deliveries if sent.event == "issue_comment")
    assert await world.github.send("issue_comment", {**payload, "action": "pinned"}) == 202
    await world.settle()
    assert world.replies(number) == []


async def test_the_event_name_of_an_unsigned_request_is_not_used_as_a_metric_label(world: World) -> None:
    assert await world.github.send("star" * 3, {}, signature="sha256=0") == 401
    metrics = world.service.metrics.exposition().decode()
    assert 'event="unknown",outcome="401"' in metrics
    assert "starstarstar" not in metrics
