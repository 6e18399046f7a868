"""The main path: a candidate is cut, built, deployed and rolled back."""

from tests.world import World


async def test_a_candidate_is_cut_built_deployed_and_rolled_back(world: World) -> None:
    response = await world.cut("1.2.0-rc1", build=True)
    assert response.status == 201
    assert response.json["status"] == "pending"
    await world.settle()
    assert await world.status("1.2.0-rc1") == "building"
    await world.github.finish(run=1)
    await world.settle()
    assert await world.status("1.2.0-rc1") == "ready"
    await world.complete_deployment("1.2.0-rc1")
    await world.complete_deployment("1.2.0-rc1", "production")
    second = await world.github.commit()
    await world.cut("1.2.0-rc2", second)
    await world.complete_deployment("1.2.0-rc2", "production")
    assert (await world.roll_back("production")).status == 201
    await world.settle()
    await world.github.finish(run=5)
    await world.settle()
    assert await world.statuses("production") == [
        ("1.2.0-rc1", "success"),
        ("1.2.0-rc2", "success"),
        ("1.2.0-rc1", "success"),
    ]


async def test_a_delivery_sent_twice_counts_once(world: World) -> None:
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    for conclusion in ("success", "failure"):
        await world.github.finish(run=1, conclusion=conclusion, delivery="d1")
    await world.settle()
    assert await world.status("1.2-rc1") == "ready"
