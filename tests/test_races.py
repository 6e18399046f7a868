"""Two things at once, made to meet at their worst moment."""

import asyncio

from tests.world import PROJECT, World


async def test_a_build_cancelled_while_its_tag_is_made_is_never_dispatched(world: World) -> None:
    world.github.faults.slow(0.5, method="POST", path="*/git/refs", times=1)
    await world.cut("1.0-rc1", build=True)
    await asyncio.sleep(0.2)
    answer = await world.ask("POST", f"/api/releases/{PROJECT}/releases/1.0-rc1/cancel")
    assert (answer.status, answer.json["status"]) == (202, "canceled")
    await world.settle()
    assert world.github.dispatches == []
    assert await world.status("1.0-rc1") == "canceled"
