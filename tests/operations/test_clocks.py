"""GitHub's clock and ours differ: its times are compared with its clock, so nothing happens twice, late or never."""

from datetime import timedelta

import pytest

from bot.github.app import GitHub
from bot.rules.ids import InstallationId
from sandbox.workflows import BUILD, DEPLOY
from server.service import app_keys
from tests.world import World

SKEWS = (-600, -300, 300, 600)
UNNAMED = {
    f".github/workflows/{name}.yml": text.replace("run-name", "# run-name")
    for name, text in (("build", BUILD), ("deploy", DEPLOY))
}


async def remove_run_names(world: World) -> None:
    """Keep the request ids out of the titles of runs."""
    await world.github.commit("Remove run names", files=UNNAMED)
    await world.settle()


def restart(world: World) -> None:
    """Forget what the process has learned from GitHub, as a restart does."""
    settings = world.service.settings
    observer = world.service.metrics.on_github_call
    world.service.github = GitHub(app_keys(settings), world.session, observer, lambda request: None)


def forget_tokens(world: World) -> None:
    """Forget the installation tokens, which a jump of GitHub's clock has invalidated."""
    world.service.github.forget(InstallationId(world.github.installation_id))


async def build_once(world: World) -> None:
    """Dispatch a build, lose the response, find the run, finish it."""
    world.github.faults.lose_answer()
    assert (await world.cut("1.2-rc1", build=True)).status == 201
    await world.settle(skip_delays=True)
    await world.github.finish(run=1)
    await world.settle()


@pytest.mark.parametrize("named", [True, False], ids=["found by its name", "found by its tag"])
@pytest.mark.parametrize("skew", SKEWS)
async def test_a_lost_response_makes_no_second_run_whatever_the_clocks_say(
    world: World, skew: int, named: bool
) -> None:
    world.github.skew(skew)
    if not named:
        await remove_run_names(world)
    await build_once(world)
    assert len(world.github.dispatches) == 1
    assert await world.status("1.2-rc1") == "ready"
    assert await world.alarms() == []


@pytest.mark.parametrize("skew", [-600, 600])
async def test_a_restarted_process_finds_the_run_of_its_predecessor(world: World, skew: int) -> None:
    await remove_run_names(world)
    world.github.skew(skew)
    world.github.faults.lose_answer()
    await world.cut("1.2-rc1")
    await world.deploy("1.2-rc1")
    await world.settle()
    restart(world)
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 1
    await world.github.finish(run=1)
    await world.settle()
    assert await world.statuses() == [("1.2-rc1", "success")]


@pytest.mark.parametrize("skews", [(0, 600), (0, -600), (600, -600), (-600, 600)], ids=str)
async def test_a_clock_that_jumps_during_the_search_makes_no_second_run(world: World, skews: tuple[int, int]) -> None:
    before, after = skews
    world.github.skew(before)
    world.github.faults.lose_answer()
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    world.github.skew(after)
    forget_tokens(world)
    await world.settle(skip_delays=True)
    assert len(world.github.dispatches) == 1
    assert await world.status("1.2-rc1") == "building"


async def test_a_run_of_an_earlier_request_is_not_taken_for_the_one_that_is_searched_for(world: World) -> None:
    """Its tag, commit and starter are the same; it was created before the request was sent."""
    await remove_run_names(world)
    world.github.skew(600)
    world.github.faults.lose_answer(times=2)
    await world.cut("1.2-rc1")
    for environment in ("staging", "production"):
        await world.deploy("1.2-rc1", environment)
    await world.settle(skip_delays=True)
    assert await world.statuses() == [("1.2-rc1", "unknown")]
    world.github.advance(60)
    world.github.faults.lose_answer()
    await world.deploy("1.2-rc1")
    await world.settle(skip_delays=True)
    await world.github.finish(run=3)
    await world.settle()
    assert await world.statuses() == [("1.2-rc1", "success"), ("1.2-rc1", "unknown")]


@pytest.mark.parametrize("skew", [-7200, -600, 600, 7200])
async def test_a_fresh_command_is_performed_and_a_late_one_is_not(world: World, skew: int) -> None:
    number = await world.github.pull_request()
    world.github.skew(skew)
    await world.cut("1.0-rc1")  # any answer of GitHub's tells its time
    await world.github.comment(number, f"/release cut 1.2 at {world.github.head()}")
    await world.settle()
    assert await world.status("1.2-rc1") == "building"
    world.github.faults.hold()
    await world.github.comment(number, f"/release cut 1.3 at {world.github.head()}")
    world.github.advance(3601)
    forget_tokens(world)
    await world.cut("1.0-rc2")
    world.github.faults.release()
    await world.settle()
    assert (await world.ask("GET", "/api/releases/site/releases/1.3-rc1")).status == 404
    assert "in time" in world.replies(number)[-1]


@pytest.mark.parametrize("skew", [-7200, -1200, 1200, 7200])
async def test_a_delivery_that_was_missed_after_a_sweep_is_found_by_the_next(world: World, skew: int) -> None:
    world.github.skew(skew)
    number = await world.github.pull_request()
    await world.settle()
    await world.sweep()
    world.github.faults.webhooks(drop=1.0)
    await world.github.comment(number, "/release help")
    await world.settle()
    world.github.faults.clear()
    await world.sweep()
    assert len(world.replies(number)) == 1


@pytest.mark.parametrize("skew", [-600, 600])
async def test_a_webhook_about_a_run_that_is_searched_for_waits_for_it(world: World, skew: int) -> None:
    world.github.skew(skew)
    world.github.faults.lose_answer()
    world.github.faults.fail(path="*/workflows/*/runs", times=None)
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    assert sorted(await world.unfinished_jobs()) == ["dispatch", "webhook"]
    world.github.faults.clear()
    await world.settle(skip_delays=True)
    assert await world.unfinished_jobs() == []
    assert len(world.github.dispatches) == 1


@pytest.mark.parametrize("skew", [-600, 600])
async def test_a_rate_limit_lasts_until_its_reset_by_githubs_clock(world: World, skew: int) -> None:
    world.github.skew(skew)
    world.github.faults.limit("primary", retry_after=40, path="*/compare/*")
    response = await world.cut("1.2-rc1")
    assert response.status == 503
    assert 38 <= int(response.headers["Retry-After"]) <= 42


@pytest.mark.parametrize("skew", [-86_400, -600, 600, 86_400])
async def test_the_time_that_a_process_knows_is_githubs(world: World, skew: int) -> None:
    world.github.skew(skew)
    await world.cut("1.2-rc1")
    context = await world.context()
    assert abs(context.github_now() - context.now() - timedelta(seconds=skew)) < timedelta(seconds=2)
