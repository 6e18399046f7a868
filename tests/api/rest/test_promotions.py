"""Promotions, and where a commit is live."""

from tests.world import World

PROMOTE = "/api/projects/site/candidates/{}/promote"
WHERE = "/api/projects/site/where"


async def test_a_candidate_is_promoted_from_one_environment_to_the_next(world: World) -> None:
    await world.cut("1.0-rc1")
    first = await world.ask("POST", PROMOTE.format("1.0-rc1"), {})
    assert (first.status, first.json["environment_name"]) == (201, "staging")
    await world.settle()
    await world.github.finish(run=1, conclusion="success")
    await world.settle()
    second = await world.ask("POST", PROMOTE.format("1.0-rc1"), {"wait": True})
    assert (second.status, second.json["environment_name"]) == (201, "production")
    await world.settle()
    await world.github.finish(run=2, conclusion="success")
    await world.settle()
    last = await world.ask("POST", PROMOTE.format("1.0-rc1"), {})
    assert last.status == 409
    assert "the last environment" in last.json["detail"]


async def test_a_promotion_can_be_tried(world: World) -> None:
    await world.cut("1.0-rc1")
    tried = await world.ask("POST", PROMOTE.format("1.0-rc1"), {"dry_run": True})
    assert (tried.status, tried.json["would"]) == (200, ["Deploy 1.0-rc1 to staging: dispatch deploy.yml."])
    assert await world.statuses() == []


async def test_a_promotion_needs_the_grant_of_the_tier_that_it_goes_to(world: World) -> None:
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")
    token = await world.create_token("deployment:start", user="starter")
    assert (await world.ask("POST", PROMOTE.format("1.0-rc1"), {}, token=token)).status == 403


async def test_force_without_a_reason_is_refused(world: World) -> None:
    await world.cut("1.0-rc1")
    refused = await world.ask("POST", PROMOTE.format("1.0-rc1"), {"force": True})
    assert refused.status == 400
    assert "`force` needs a `reason`" in refused.json["detail"]


async def test_where_a_commit_is_live(world: World) -> None:
    older = world.github.head()
    await world.github.commit("Change something")
    await world.cut("1.0-rc1")
    await world.complete_deployment("1.0-rc1")
    found = await world.ask("GET", f"{WHERE}?commit={older}")
    assert [(each["environment"], each["presence"], each["live"]) for each in found.json["environments"]] == [
        ("staging", "live", "1.0-rc1"),
        ("production", "nothing_live", None),
    ]


async def test_where_takes_a_commit_or_a_pull_request(world: World) -> None:
    for query in ("", f"?commit={world.github.head()}&pull_request=1"):
        assert (await world.ask("GET", WHERE + query)).status == 400
    assert (await world.ask("GET", f"{WHERE}?pull_request=99")).status == 404
    assert (await world.ask("GET", f"{WHERE}?commit=main")).status == 400
