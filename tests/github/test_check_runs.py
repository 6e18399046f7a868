"""Check runs of our own: created once, changed, and never longer than GitHub accepts."""

from typing import Any

import pytest

from bot.errors import Refusal
from bot.github import check_runs, checks
from bot.github.limits import ResponseLost
from bot.github.repository import RepositoryClient
from bot.rules.checks import Annotation, CheckAction, CheckRunContent
from bot.rules.ids import CommitSha
from tests.world import World

APPROVE = CheckAction("Approve", "Approve this candidate", "approve")


def content(world: World, **fields: Any) -> CheckRunContent:
    standard: dict[str, Any] = {
        "name": "longshore / 1.2",
        "head_sha": CommitSha(world.github.head()),
        "external_id": "candidate-1",
        "status": "in_progress",
        "title": "Waiting for an approval",
        "summary": "One of two.",
    }
    return CheckRunContent(**{**standard, **fields})


async def test_a_check_run_shows_all_that_it_is_given(world: World, client: RepositoryClient) -> None:
    given = content(world, text="More.", details_url="https://longshore.example/1", actions=(APPROVE,))
    fact = await check_runs.create(client, given)
    (shown,) = world.github.check_runs()
    assert (fact.id, fact.name, fact.head_sha) == (shown.id, given.name, shown.head_sha)
    assert (fact.external_id, fact.status, fact.conclusion) == ("candidate-1", "in_progress", None)
    assert [shown.output[name] for name in ("title", "summary", "text")] == [given.title, "One of two.", "More."]
    assert shown.details_url == "https://longshore.example/1"
    assert [action["identifier"] for action in shown.actions] == ["approve"]


async def test_a_change_completes_it_and_takes_its_buttons_away(world: World, client: RepositoryClient) -> None:
    fact = await check_runs.create(client, content(world, actions=(APPROVE,)))
    done = content(world, status="completed", conclusion="success", title="Approved")
    assert await check_runs.update(client, fact.id, done)
    (shown,) = world.github.check_runs()
    assert (shown.id, shown.status, shown.conclusion, shown.actions) == (fact.id, "completed", "success", [])


async def test_a_completed_check_run_can_be_waiting_again(world: World, client: RepositoryClient) -> None:
    fact = await check_runs.create(client, content(world, status="completed", conclusion="failure"))
    assert await check_runs.update(client, fact.id, content(world))
    (shown,) = world.github.check_runs()
    assert (shown.status, shown.conclusion) == ("in_progress", None)


async def test_a_check_run_that_is_gone_cannot_be_changed(world: World, client: RepositoryClient) -> None:
    assert not await check_runs.update(client, 1, content(world))


async def test_long_texts_are_cut_and_an_empty_summary_is_the_title(world: World, client: RepositoryClient) -> None:
    await check_runs.create(client, content(world, title="t" * 300, summary="", text="🚢" * 70_000))
    output = world.github.check_runs()[0].output
    assert output["title"] == "t" * 254 + "…"
    assert output["summary"] == "t" * 300
    assert output["text"].endswith("🚢…") and 65_520 < len(output["text"].encode()) <= 65_535


@pytest.mark.parametrize("count", [0, 50, 51, 120])
async def test_annotations_are_sent_in_batches(world: World, client: RepositoryClient, count: int) -> None:
    remarks = tuple(Annotation("a.py", line, line, "warning", f"Remark {line}") for line in range(1, count + 1))
    fact = await check_runs.create(client, content(world, annotations=remarks))
    (shown,) = world.github.check_runs()
    assert [each["start_line"] for each in shown.annotations] == list(range(1, count + 1))
    more = (Annotation("a.py", 500, 501, "failure", "One more", "Title"),)
    await check_runs.update(client, fact.id, content(world, annotations=more))
    assert len(world.github.check_runs()[0].annotations) == count + 1


async def test_a_check_run_whose_answer_was_lost_is_found(world: World, client: RepositoryClient) -> None:
    world.github.faults.lose_answer(path="*/check-runs")
    given = content(world)
    with pytest.raises(ResponseLost):
        await check_runs.create(client, given)
    found = await check_runs.find_own(client, given.head_sha, given.name, given.external_id)
    assert found is not None and found.id == world.github.check_runs()[0].id


async def test_only_our_own_check_run_with_our_own_id_is_found(world: World, client: RepositoryClient) -> None:
    given = content(world)
    await world.github.report_check(given.name)
    world.github.check_runs()[0].external_id = given.external_id  # of another App
    assert await check_runs.find_own(client, given.head_sha, given.name, given.external_id) is None
    await check_runs.create(client, given)
    second = await check_runs.create(client, content(world, external_id="candidate-2"))
    found = await check_runs.find_own(client, given.head_sha, given.name, "candidate-2")
    assert found is not None and found.id == second.id
    assert await check_runs.find_own(client, given.head_sha, "another name", "candidate-2") is None


async def test_an_app_that_is_known_by_its_client_id_finds_its_own(world: World, client: RepositoryClient) -> None:
    client.app_id = world.github.state.client_id
    given = content(world)
    await world.github.report_check(given.name)
    world.github.check_runs()[0].external_id = given.external_id
    assert await check_runs.find_own(client, given.head_sha, given.name, given.external_id) is None
    fact = await check_runs.create(client, given)
    assert await check_runs.find_own(client, given.head_sha, given.name, given.external_id) == fact
    assert [each.is_ours for each in await checks.results(client, given.head_sha)] == [False, True]


async def test_a_check_run_is_found_among_hundreds(world: World, client: RepositoryClient) -> None:
    given = content(world)
    fact = await check_runs.create(client, given)
    for number in range(120):
        await check_runs.create(client, content(world, external_id=f"other-{number}"))
    found = await check_runs.find_own(client, given.head_sha, given.name, given.external_id)
    assert found == fact


async def test_a_check_run_that_github_refuses_is_a_refusal_with_its_words(
    world: World, client: RepositoryClient
) -> None:
    with pytest.raises(Refusal, match=r"refused the check run `longshore / 1.2`: No commit found for SHA"):
        await check_runs.create(client, content(world, head_sha=CommitSha("1" * 40)))
    await world.github.archive()
    with pytest.raises(Refusal, match="archived"):
        await check_runs.create(client, content(world))
