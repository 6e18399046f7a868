"""Events that nothing is done about: stored, counted, and well."""

from tests.world import World


async def test_unknown_events_are_stored_and_counted_and_end_well(world: World) -> None:
    events = ("star", "check_run", "something_of_next_year")
    for event in events:
        assert await world.github.send(event, {"action": "created", "odd": [1, None]}, delivery=event) == 202
    await world.settle()
    rows = await world.jobs("webhook")
    assert [(row["key"], row["state"], row["attempts"], row["error"]) for row in rows] == [
        (event, "done", 1, None) for event in events
    ]
    counted = world.service.metrics.exposition().decode()
    for event in events:
        assert f'longshore_webhook_deliveries_total{{event="{event}",outcome="202"}} 1.0' in counted


async def test_ping_ends_well(world: World) -> None:
    await world.github.ping()
    await world.settle()
    assert [one.status for one in world.github.deliveries] == ["OK"]


async def test_actions_that_we_do_not_know_end_well(world: World) -> None:
    number = await world.github.pull_request()
    await world.github.comment(number, "hello")
    await world.settle()
    payload = next(one.payload for one in world.github.deliveries if one.event == "issue_comment")
    assert await world.github.send("issue_comment", {**payload, "action": "pinned"}) == 202
    await world.settle()
    assert world.replies(number) == []


async def test_what_strangers_send_is_not_counted_under_the_name_they_give(world: World) -> None:
    assert await world.github.send("star" * 3, {}, signature="sha256=0") == 401
    counted = world.service.metrics.exposition().decode()
    assert 'event="unknown",outcome="401"' in counted
    assert "starstarstar" not in counted
