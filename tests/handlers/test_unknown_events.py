"""Events that nothing is done about: stored, counted, and well."""

import pytest

from bot.store.database import fetch
from tests.world import World


@pytest.mark.parametrize("event", ["star", "check_run", "something_of_next_year"])
async def test_an_unknown_event_is_stored_and_counted_and_ends_well(world: World, event: str) -> None:
    assert await world.github.send(event, {"action": "created", "odd": [1, None]}, delivery="g1") == 202
    await world.settle()
    (row,) = await fetch("SELECT state, attempts, error FROM jobs WHERE key = 'g1'")
    assert row == {"state": "done", "attempts": 1, "error": None}
    counted = world.service.metrics.shown().decode()
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
    counted = world.service.metrics.shown().decode()
    assert 'event="unknown",outcome="401"' in counted
    assert "starstarstar" not in counted
