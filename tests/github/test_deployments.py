"""Deployments on GitHub: of exactly a commit, created once, and told apart from those that jobs make."""

from typing import Any

import pytest

from bot.errors import Refusal
from bot.github import deployments
from bot.github.deployments import NewDeployment, NewStatus, deployment_fact
from bot.github.limits import ResponseLost
from bot.github.repository import RepositoryClient
from bot.rules.ids import CommitSha
from tests.world import World


def new(world: World, **fields: Any) -> NewDeployment:
    standard = {"sha": CommitSha(world.github.head()), "environment": "eu/west & more", "own_id": "7"}
    return NewDeployment(**{"production": False, **standard, **fields})


async def test_a_deployment_is_of_exactly_the_commit_whatever_its_checks_say(
    world: World, client: RepositoryClient
) -> None:
    await world.github.report_status("test", state="failure")
    number = await deployments.create(client, new(world, production=True, description="d" * 200))
    created = world.github.repository().deployments[number]
    assert (created.sha, created.ref, created.task) == (world.github.head(), world.github.head(), "deploy")
    assert (created.production, created.transient, created.environment) == (True, False, "eu/west & more")
    assert created.description == "d" * 139 + "…"
    assert created.payload == {"longshore": "7"}


async def test_a_deployment_that_github_did_not_make_is_an_error(world: World, client: RepositoryClient) -> None:
    with pytest.raises(Refusal, match="No ref found for"):
        await deployments.create(client, new(world, sha=CommitSha("1" * 40)))
    world.github.faults.refuse(202, "Auto-merged main into x on deployment.", path="*/deployments", method="POST")
    with pytest.raises(Refusal, match="did not create the deployment to `eu/west & more`: Auto-merged main into x"):
        await deployments.create(client, new(world))
    assert world.github.repository().deployments == {}


async def test_a_deployment_whose_answer_was_lost_is_found(world: World, client: RepositoryClient) -> None:
    given = new(world)
    world.github.faults.lose_answer(path="*/deployments", method="POST")
    with pytest.raises(ResponseLost):
        await deployments.create(client, given)
    (number,) = world.github.repository().deployments
    assert await deployments.find(client, given.sha, given.environment, "7") == number
    assert await deployments.find(client, given.sha, given.environment, "8") is None
    assert await deployments.find(client, given.sha, "staging", "7") is None
    assert await deployments.find(client, CommitSha(world.github.resolve("main~1")), given.environment, "7") is None


async def test_the_deployments_of_others_are_listed_with_their_creator(world: World, client: RepositoryClient) -> None:
    given = new(world, environment="staging")
    ours = await deployments.create(client, given)
    theirs = await deployments.create(client, new(world, environment="staging", own_id="8"))
    await deployments.create(client, new(world, environment="production"))
    job = world.github.repository().deployments[theirs]
    job.creator, job.payload = world.github.state.account("github-actions[bot]", "Bot"), {}
    listed = await deployments.list_for(client, given.sha, "staging")
    assert [(each.id, each.creator, each.own_id) for each in listed] == [
        (theirs, "github-actions[bot]", None),
        (ours, f"{world.github.app_slug}[bot]", "7"),
    ]


@pytest.mark.parametrize(
    ("payload", "own_id"),
    [
        ({"longshore": "7"}, "7"),
        ('{"longshore": "7"}', "7"),
        ({"longshore": 7}, None),
        ({}, None),
        ("", None),
        ("text", None),
        ("[1]", None),
        ([1], None),
        (None, None),
    ],
    ids=ascii,
)
def test_a_payload_may_have_any_form(payload: Any, own_id: str | None) -> None:
    data = {"id": 1, "sha": "1" * 40, "environment": "a", "task": "deploy", "created_at": "2026-11-30T12:00:00Z"}
    fact = deployment_fact({**data, "payload": payload, "creator": None})
    assert (fact.own_id, fact.creator) == (own_id, "")


async def test_statuses_are_listed_newest_first(world: World, client: RepositoryClient) -> None:
    number = await deployments.create(client, new(world))
    assert await deployments.newest_state(client, number) is None
    assert await deployments.set_status(client, number, NewStatus("in_progress", "d" * 200, "https://ci.example/1"))
    assert await deployments.set_status(client, number, NewStatus("success", environment_url="https://site.example"))
    listed = await deployments.statuses(client, number)
    assert [(each.state, each.description, each.log_url) for each in listed] == [
        ("success", "", ""),
        ("in_progress", "d" * 139 + "…", "https://ci.example/1"),
    ]
    assert await deployments.newest_state(client, number) == "success"
    assert world.github.repository().deployments[number].statuses[-1].environment_url == "https://site.example"


@pytest.mark.parametrize(("auto", "state"), [(True, "inactive"), (False, "success")], ids=["auto", "kept"])
async def test_a_success_makes_earlier_ones_inactive_on_request(
    world: World, client: RepositoryClient, auto: bool, state: str
) -> None:
    first, second = [await deployments.create(client, new(world, own_id=each)) for each in "12"]
    for number in (first, second):
        await deployments.set_status(client, number, NewStatus("success", auto_inactive=auto))
    assert await deployments.newest_state(client, first) == state


async def test_a_deployment_that_was_deleted_takes_no_status(world: World, client: RepositoryClient) -> None:
    number = await deployments.create(client, new(world))
    world.github.repository().deployments.clear()
    assert not await deployments.set_status(client, number, NewStatus("success"))
    assert await deployments.newest_state(client, number) is None
    assert await deployments.statuses(client, number) == []
