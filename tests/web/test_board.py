"""The board: who sees which projects, and what it says about them."""

import pytest

from bot.operations import distances
from bot.operations.distances import CountChanges
from bot.rules.ids import CommitSha
from bot.store import board_queries
from bot.store.candidates import Candidate
from bot.store.database import fetch
from bot.store.projects import Repository
from tests.api.graphql.graphs import recorded_statements
from tests.conftest import postgres
from tests.web.browsers import Browser, sign_in, sign_in_as_operator
from tests.world import World


async def test_the_board_says_what_is_live_what_runs_and_what_waits_for_whom(world: World) -> None:
    operator = await sign_in_as_operator(world)
    empty = await operator.open("/")
    assert empty.status == 200
    assert "no candidate yet" in empty.text
    await world.cut("1.2.0-rc1")
    await world.complete_deployment("1.2.0-rc1")
    await world.cut("1.2.0-rc2")
    await world.deploy("1.2.0-rc2")
    board = await operator.open("/")
    assert "under way: 1" in board.text
    assert "1.2.0-rc2 ready" in board.text
    assert "live just now · root" in board.text
    assert "1.2.0-rc2 requested" in board.text or "1.2.0-rc2 deploying" in board.text
    await world.settle()
    await world.github.finish(run=2)
    await world.settle()


async def test_it_is_counted_how_far_what_is_live_is_behind_once_somebody_looks(world: World) -> None:
    operator = await sign_in_as_operator(world)
    await world.cut("1.2.0-rc1")
    await world.complete_deployment("1.2.0-rc1")
    assert "up to date" in (await operator.open("/")).text
    await world.github.commit()
    await world.github.commit()
    await world.cut("1.2.0-rc2")
    await world.settle()
    calls = len(world.github.calls)
    assert "behind" not in (await operator.open("/")).text
    await operator.open("/")
    await world.settle()
    assert len(world.github.calls) == calls + 1
    assert "2 changes behind" in (await operator.open("/")).text


async def test_a_comparison_is_requested_once_and_others_do_not_wait_for_one_that_github_does_not_give(
    world: World,
) -> None:
    repository = await Repository.get()
    pairs = [CountChanges(repository.github_id, CommitSha(base * 40), CommitSha("c" * 40)) for base in "ab"]
    asked = "SELECT count(*) AS jobs FROM jobs WHERE kind = 'count_changes'"
    for jobs in (1, 2, 2):
        await distances.request(pairs, most=1)
        assert (await fetch(asked))[0]["jobs"] == jobs
    world.expect_unfinished("count_changes")


@pytest.mark.skipif(postgres(), reason="about SQLite itself: one file, one writer, its own planner")
async def test_held_releases_are_read_by_their_index(world: World) -> None:
    statements: list[str] = []
    async with recorded_statements(world, statements):
        await board_queries.held(list(range(1, 200)))
    [sql] = [each for each in statements if "held IS NOT NULL" in each]
    plan = str([row["detail"] for row in await fetch(f"EXPLAIN QUERY PLAN {sql}")])
    assert "releases_held" in plan and "releases_project" not in plan


async def test_nothing_is_counted_of_a_repository_that_the_app_does_not_reach(world: World) -> None:
    operator = await sign_in_as_operator(world)
    await world.cut("1.2.0-rc1")
    await world.complete_deployment("1.2.0-rc1")
    await world.github.commit()
    await world.cut("1.2.0-rc2")
    await world.github.uninstall()
    await world.settle()
    jobs = (await fetch("SELECT count(*) AS jobs FROM jobs"))[0]["jobs"]
    assert (await operator.open("/")).status == 200
    assert (await fetch("SELECT count(*) AS jobs FROM jobs"))[0]["jobs"] == jobs


@pytest.mark.parametrize("status", ["failed", "canceled", "banned"])
async def test_what_is_live_is_not_behind_a_candidate_that_nobody_can_deploy(world: World, status: str) -> None:
    operator = await sign_in_as_operator(world)
    await world.cut("1.2.0-rc1")
    await world.complete_deployment("1.2.0-rc1")
    await world.github.commit()
    await world.cut("1.2.0-rc2")
    await Candidate.filter(version="1.2.0-rc2").update(status=status)
    page = (await operator.open("/")).text
    assert "up to date" in page and f"1.2.0-rc2 {status}".replace(" failed", " build failed") in page
    await world.github.commit()
    await world.cut("1.2.0-rc3", build=True)
    assert (await world.ask("POST", "/api/projects/site/releases/1.2.0/hold", {"reason": "a bug"})).status == 200
    await operator.open("/")
    await world.settle()
    assert "2 changes behind" in (await operator.open("/")).text
    await world.github.finish()
    await world.settle()


async def test_programs_find_nothing_at_the_root_and_strangers_have_to_sign_in(world: World) -> None:
    assert (await world.ask("GET", "/")).status == 404
    stranger = await Browser(world).open("/")
    assert (stranger.status, stranger.location) == (303, "/sign-in?next=%2F")


async def test_people_see_the_projects_of_repositories_that_they_may_read_on_github_now(world: World) -> None:
    world.github.person("rita", "read")
    await world.github.set_private(True)
    await world.settle()
    rita, sam = await sign_in(world, "rita"), await sign_in(world, "sam")
    assert "acme/site" in (await rita.open("/")).text
    board = await sam.open("/")
    assert "acme/site" not in board.text
    assert "Ask an admin of the repository for a role on GitHub" in board.text
    assert (await sam.open("/board/site")).status == 404


async def test_unknown_addresses_are_pages_for_browsers_and_problems_for_programs(world: World) -> None:
    page = await Browser(world).open("/nowhere")
    assert (page.status, "Not found" in page.text) == (404, True)
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert (await world.ask("GET", "/nowhere")).json["status"] == 404
