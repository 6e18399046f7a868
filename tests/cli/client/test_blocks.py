"""Freezes, locks, holds and bans from the command line, and the requests whose answers are lost."""

import pytest

from cli.client import blocks
from cli.client.exits import DONE, Refused, Usage
from cli.client.options import BlockOptions
from tests.cli.client.conftest import Client, Line, said
from tests.world import World

NONE = BlockOptions()


async def test_freezes_are_made_and_ended_at_each_scope(world: World, client: Client) -> None:
    caller = await client.caller()
    until = BlockOptions(until="2099-12-24 18:00")
    assert said(await blocks.freeze(caller, None, "All.", NONE)) == ["Froze the whole service: All."]
    assert said(await blocks.freeze(caller, "all", "Site.", until)) == [
        "Froze the whole project until 2099-12-24 18:00Z: Site."
    ]
    frozen = said(await blocks.freeze(caller, "staging", "Here.", BlockOptions(lasts="2h")))
    assert frozen[0].startswith("Froze staging until 20") and frozen[0].endswith("Z: Here.")
    assert said(await blocks.unfreeze(caller, "staging")) == [
        "Ended the freeze of staging by root: Here.",
        "Still in force: the freeze of the whole service by root: All.",
        "Still in force: the freeze of the whole project until 2099-12-24 18:00Z by root: Site.",
    ]
    assert said(await blocks.unfreeze(caller, "staging"))[0] == "There is no freeze of staging itself to end."
    assert said(await blocks.unfreeze(caller, "all"))[0] == "Ended the freeze of the whole project by root: Site."
    assert said(await blocks.unfreeze(caller, None)) == ["Ended the freeze of the whole service by root: All."]
    assert (await world.ask("GET", "/api/projects/site/freezes")).json == []


async def test_a_lock_a_hold_and_a_ban_are_made_and_ended(world: World, client: Client) -> None:
    await world.cut("1.4.0-rc1")
    caller = await client.caller()
    other = await client.caller(token=await world.create_token("deployment:start", "project:read"))
    assert said(await blocks.lock(caller, "staging", "A leak.", NONE)) == [
        "Locked staging for root: A leak.",
        "Nobody else can deploy there.",
    ]
    with pytest.raises(Refused, match=r"^The environment is locked by root since .* UTC: A leak\.$"):
        await blocks.lock(other, "staging", "Mine.", NONE)
    assert said(await blocks.unlock(caller, "staging")) == ["Released the lock of staging."]
    with pytest.raises(Refused, match=r"^The environment is not locked\.$"):
        await blocks.unlock(caller, "staging")
    assert said(await blocks.hold(caller, "1.4.0", "Legal."))[0] == "Held 1.4.0: Legal."
    assert said(await blocks.hold(caller, "1.4.0", "Other.")) == ["1.4.0 was held before, by root: Legal."]
    assert said(await blocks.unhold(caller, "1.4.0")) == ["Ended the hold of 1.4.0."]
    assert said(await blocks.ban(caller, "1.4.0-rc1", "It loses data."))[0] == "Banned 1.4.0-rc1: It loses data."
    assert said(await blocks.unban(caller, "1.4.0-rc1")) == ["Ended the ban of 1.4.0-rc1."]
    assert await world.status("1.4.0-rc1") == "ready"


async def test_what_a_lost_answer_has_ended_counts_as_ended(world: World, client: Client, line: Line) -> None:
    await world.cut("1.4.0-rc1")
    caller = await client.caller(line.url)
    await blocks.lock(caller, "staging", "A leak.", NONE)
    await blocks.ban(caller, "1.4.0-rc1", "It loses data.")
    await blocks.freeze(caller, "staging", "Here.", NONE)
    for end in (
        blocks.unlock(caller, "staging"),
        blocks.unban(caller, "1.4.0-rc1"),
        blocks.unfreeze(caller, "staging"),
    ):
        line.lost = 1
        assert (await end).code == DONE
    with pytest.raises(Refused, match="Release candidate is not banned"):
        await blocks.unban(caller, "1.4.0-rc1")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (BlockOptions(until="soon"), "--until: `soon` is not a time to come: write a time in UTC or with an offset"),
        (BlockOptions(until="2020-01-01"), "--until: `2020-01-01` is not a time to come: write one in the future."),
        (BlockOptions(lasts="2 hours"), "--for: `2 hours` is not a duration: write a number and a unit"),
        (BlockOptions(lasts="2h", until="2099-01-01"), "Say either --until or --for, not both."),
    ],
)
async def test_a_time_that_is_none_is_refused_before_anything_is_sent(
    client: Client, options: BlockOptions, words: str
) -> None:
    caller = await client.caller("http://127.0.0.1:9")
    for act in (blocks.freeze, blocks.lock):
        with pytest.raises(Usage) as refused:
            await act(caller, "staging", "Because.", options)
        assert refused.value.sentence.startswith(words)


def test_a_freeze_is_of_one_scope() -> None:
    assert blocks.scope_of("staging", service=False) == "staging" and blocks.scope_of(None, service=True) is None
    for environment, service in (("staging", True), (None, False)):
        with pytest.raises(Usage, match="Name an environment"):
            blocks.scope_of(environment, service=service)
