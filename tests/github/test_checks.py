"""What check runs and commit statuses say about a commit, from all pages of both."""

import pytest

from bot.errors import Unavailable
from bot.github import check_runs, checks
from bot.github.repository import RepositoryClient
from bot.rules.checks import CheckRunContent
from bot.rules.ids import CommitSha
from tests.world import World


async def states(world: World, client: RepositoryClient) -> dict[tuple[str | None, str], str]:
    found = await checks.results(client, CommitSha(world.github.head()))
    return {(each.app, each.name): each.state for each in found}


async def test_check_runs_and_commit_statuses_count_alike(world: World, client: RepositoryClient) -> None:
    assert await states(world, client) == {}
    await world.github.report_check("test", conclusion="success")
    await world.github.report_check("docs", conclusion="skipped")
    await world.github.report_check("slow", conclusion=None)
    await world.github.report_check("test", conclusion="failure", app="github-actions")
    await world.github.report_status("cla", state="success")
    await world.github.report_status("deploy", state="pending")
    await world.github.report_status("test", state="error")
    assert await states(world, client) == {
        ("ci-bot", "test"): "green",
        ("ci-bot", "docs"): "green",
        ("ci-bot", "slow"): "pending",
        ("github-actions", "test"): "failed",
        (None, "cla"): "green",
        (None, "deploy"): "pending",
        (None, "test"): "failed",
    }


async def test_the_newest_of_each_counts(world: World, client: RepositoryClient) -> None:
    for conclusion in ("failure", "success"):
        await world.github.report_check("test", conclusion=conclusion)
    for state in ("success", "failure"):
        await world.github.report_status("cla", state=state)
    assert await states(world, client) == {("ci-bot", "test"): "green", (None, "cla"): "failed"}


async def test_all_pages_of_both_are_read(world: World, client: RepositoryClient) -> None:
    for number in range(130):
        await world.github.report_check(f"check {number}")
        await world.github.report_status(f"status {number}")
    assert len(await states(world, client)) == 260


async def test_more_checks_than_can_be_read_are_no_answer(world: World, client: RepositoryClient) -> None:
    for number in range(1001):
        await world.github.report_status(f"status {number}")
    with pytest.raises(Unavailable) as refused:
        await states(world, client)
    assert refused.value.details["reason"] == "the commit has more than 1,000 statuses"


async def test_our_own_check_runs_are_known_by_our_app(world: World, client: RepositoryClient) -> None:
    sha = CommitSha(world.github.head())
    await world.github.report_check("longshore")
    await check_runs.create(client, CheckRunContent("longshore", sha, "1", "queued", "Waiting", ""))
    found = {each.app: (each.is_ours, each.state) for each in await checks.results(client, sha)}
    assert found == {"ci-bot": (False, "green"), world.github.app_slug: (True, "pending")}


async def test_a_job_of_actions_names_its_run(world: World, client: RepositoryClient) -> None:
    sha, run = CommitSha(world.github.head()), "https://github.com/acme/site/actions/runs/17/job/48"
    for app in ("github-actions", "ci-bot"):
        await world.github.report_check("deploy", app=app)
    for shown in world.github.check_runs():
        shown.details_url = run
    assert {each.app: each.run_id for each in await checks.results(client, sha)} == {
        "github-actions": 17,
        "ci-bot": None,
    }


async def test_a_commit_that_github_does_not_know_is_no_answer(world: World, client: RepositoryClient) -> None:
    with pytest.raises(Unavailable):
        await checks.results(client, CommitSha("1" * 40))


@pytest.mark.parametrize("path", ["*/check-runs*", "*/status*"])
async def test_half_an_answer_is_none(world: World, client: RepositoryClient, path: str) -> None:
    await world.github.report_check("test")
    world.github.faults.fail(path=path, times=None)
    with pytest.raises(Unavailable):
        await states(world, client)


async def test_checks_are_remembered_for_ten_seconds_where_they_are_only_shown(
    world: World, client: RepositoryClient
) -> None:
    now, head = [0.0], CommitSha(world.github.head())
    remembered = checks.Checks(lambda: now[0])

    async def shown(*, fresh: bool = False) -> int:
        return len(await remembered.results(client, head, fresh=fresh))

    assert await shown() == 0
    await world.github.report_check("test")
    assert (await shown(), await shown(fresh=True), await shown()) == (0, 1, 1)
    await world.github.report_check("docs")
    now[0] = 9.9
    assert await shown() == 1
    now[0] = 10.1
    assert await shown() == 2
    await world.github.report_check("slow")
    remembered.forget(client.installation)
    assert await shown() == 3


async def test_a_failure_to_read_checks_is_not_remembered(world: World, client: RepositoryClient) -> None:
    remembered, head = checks.Checks(), CommitSha(world.github.head())
    world.github.faults.fail(path="*/check-runs", status=403, times=1, body='{"message": "Forbidden"}')
    with pytest.raises(Unavailable):
        await remembered.results(client, head, fresh=False)
    assert await remembered.results(client, head, fresh=False) == []
