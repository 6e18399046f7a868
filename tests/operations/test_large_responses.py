"""What GitHub returns is read up to a limit: strangers can write much of it."""

from tests.world import World

EMOJI = "🚢" * 65_000
MB = 1_000_000


async def test_a_missed_delivery_that_is_too_large_to_be_fetched_is_delivered_again(world: World) -> None:
    world.github.faults.webhooks(drop=1.0)
    deliverer = world.github.state.deliverer
    guid = deliverer.enqueue("push", {"sender": {}, "ref": "refs/heads/main", "commits": ["x" * 1000] * 5_000})
    await world.settle()
    world.github.faults.clear()
    await world.sweep()
    await world.settle()
    assert [attempt.status for attempt in deliverer.attempts if attempt.guid == guid] == ["timed out", "OK"]
    assert [(job["key"], job["state"]) for job in await world.jobs("webhook")][-1] == (f"webhook:{guid}", "done")
    await world.sweep()
    assert len(await world.jobs("fetch_delivery")) == 1


async def test_a_crowd_of_the_longest_comments_does_not_keep_a_command_from_being_answered_once(world: World) -> None:
    number = await world.github.pull_request()
    await world.settle()
    world.github.faults.lose_answer(path=f"*/issues/{number}/comments")
    await world.github.comment(number, "/release status")
    for _ in range(20):
        await world.github.comment(number, EMOJI, by="mallory")
    await world.settle(skip_delays=True)
    assert len(world.replies(number)) == 1
    pages = [call for call in world.github.calls if call.method == "GET" and call.path.endswith("/comments")]
    assert len(pages) >= 2


async def test_a_response_without_end_is_not_read_to_its_end(world: World) -> None:
    text = "x" * 17 * MB
    pull = world.github.repository().pulls[await world.github.pull_request()]
    pull.body = text
    await world.settle()
    await world.github.comment(pull.number, "/release cut 1.4.0")
    await world.settle()
    (job,) = await world.jobs("command")
    assert (job["state"], "its response has more than 16,777,216 bytes" in job["error"]) == ("queued", True)
    pull.body = ""
    await world.settle(skip_delays=True)
    assert len(world.replies(pull.number)) == 1
