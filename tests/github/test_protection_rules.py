"""Answers to an environment that asks whether a job may deploy."""

import pytest

from bot.github import protection_rules
from bot.github.limits import ResponseLost
from bot.github.repository import RepositoryClient
from bot.rules.ids import RepositoryId, RunId
from bot.rules.protection_rules import run_of_callback
from tests.world import World

SHIP = """\
name: ship
on: {workflow_dispatch: {}}
jobs:
  ship:
    environment: production
"""


@pytest.fixture
async def run(world: World, client: RepositoryClient) -> RunId:
    """A run that waits for the answer of the App."""
    world.github.environment("production", rule=True)
    await world.github.commit("Ship", files={".github/workflows/ship.yml": SHIP})
    url = f"{client.root}/actions/workflows/ship.yml/dispatches"
    await client.request("POST", url, purpose="run", data={"ref": "main"})
    return RunId(world.github.runs[0].id)


async def test_a_report_decides_nothing_and_an_approval_lets_the_job_go(
    world: World, client: RepositoryClient, run: RunId
) -> None:
    assert await protection_rules.respond(client, run, "production", None, "One approval is missing.")
    assert world.github.runs[0].status == "waiting"
    assert await protection_rules.respond(client, run, "production", "approved", "x" * 2_000)
    assert world.github.runs[0].status == "queued"
    assert world.github.gate_reports() == [
        {"environment": "production", "state": None, "comment": "One approval is missing."},
        {"environment": "production", "state": "approved", "comment": "x" * 1_023 + "…"},
    ]


async def test_a_rejection_fails_the_run(world: World, client: RepositoryClient, run: RunId) -> None:
    assert await protection_rules.respond(client, run, "production", "rejected", "It is frozen.")
    assert world.github.runs[0].conclusion == "failure"


async def test_an_answer_that_nobody_waits_for_is_told_from_one_that_counted(
    world: World, client: RepositoryClient, run: RunId
) -> None:
    assert not await protection_rules.respond(client, run, "staging", "approved", "Go.")
    assert not await protection_rules.respond(client, RunId(1), "production", "approved", "Go.")
    assert await protection_rules.respond(client, run, "production", "approved", "Go.")
    assert not await protection_rules.respond(client, run, "production", "approved", "Go.")
    assert len(world.github.gate_reports()) == 1


async def test_an_answer_whose_response_was_lost_can_be_given_again(
    world: World, client: RepositoryClient, run: RunId
) -> None:
    world.github.faults.lose_answer(path="*/deployment_protection_rule")
    with pytest.raises(ResponseLost):
        await protection_rules.respond(client, run, "production", "approved", "Go.")
    assert not await protection_rules.respond(client, run, "production", "approved", "Go.")
    assert world.github.runs[0].status == "queued"


async def test_the_callback_address_that_github_sends_names_the_run(
    world: World, client: RepositoryClient, run: RunId
) -> None:
    api = world.github.state.api_url
    url = f"{api}{client.root}/actions/runs/{run}/deployment_protection_rule"
    assert run_of_callback(url, api, client.full_name, RepositoryId(client.id)) == run
    assert run_of_callback(url, "https://api.github.com", client.full_name, RepositoryId(client.id)) is None
