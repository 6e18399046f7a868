"""Loops that do not close: a deployment that tags and publishes what it deploys starts nothing, and is not answered."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from tests.handlers.test_tags import answers
from tests.world import PROJECT, World

WORKFLOW = """\
name: deploy
on:
  workflow_dispatch:
    inputs:
      release_version: {type: string}
      deployment_id: {type: string}
jobs:
  deploy:
    steps:
      - uses: sandbox/tag@v1
        with: {name: "v${{ inputs.release_version }}", message: "/release deploy 1.4.0-rc1 to production"}
      - uses: sandbox/release@v1
        with: {tag: "v${{ inputs.release_version }}", body: Notes}
"""
PRODUCTION = {"promote_on_tag": "production"}


async def counts() -> tuple[int, int]:
    """The numbers of candidates and deployments."""
    return await Candidate.all().count(), await Deployment.all().count()


async def set_up(world: World, **settings: Any) -> str:
    """A project that promotes on tags, with a workflow that tags what it deploys; returns the candidate's commit."""
    await world.ask("PATCH", f"/api/projects/{PROJECT}", settings or PRODUCTION)
    await world.github.commit("Publish what is deployed", files={".github/workflows/deploy.yml": WORKFLOW})
    await world.settle()
    commit = world.github.head()
    await world.cut("1.4.0-rc1", commit)
    return commit


async def test_a_deployment_that_tags_and_publishes_a_release_triggers_nothing(world: World) -> None:
    commit = await set_up(world)
    await world.complete_deployment("1.4.0-rc1")
    assert world.github.resolve("v1.4.0") == commit
    assert "release.published" in [sent.event for sent in world.github.deliveries] or any(
        sent.event == "release" for sent in world.github.deliveries
    )
    assert await counts() == (1, 1)
    assert (answers(world, commit), await world.deployments("production")) == ([], [])
    (entry,) = await world.audit("tag.ignored")
    assert (entry.subject, entry.after["reason"]) == ("v1.4.0", "a bot or a workflow pushed it")


@pytest.mark.parametrize("tag", ["v1.4.0", "v1.4.0-rc2", "v1.4.0rc2"])
async def test_a_tag_that_a_workflow_pushes_as_a_person_during_the_deployment_triggers_nothing(
    world: World, tag: str
) -> None:
    await world.ask("PATCH", f"/api/projects/{PROJECT}", PRODUCTION)
    await world.cut("1.4.0-rc1")
    await world.deploy("1.4.0-rc1")
    await world.settle()
    await world.github.tag(tag, annotated=True, message="/release deploy 1.4.0-rc1 to production")
    await world.settle()
    assert await counts() == (1, 1)
    assert answers(world, world.github.head()) == []
    entries = await world.audit("tag.ignored")
    assert {entry.after["reason"] for entry in entries} == {
        "it was pushed while the candidate at its commit was being deployed"
    }
    await world.github.finish(run=1)
    await world.settle()


async def test_a_tag_pushed_during_a_deployment_triggers_nothing_when_its_webhook_comes_late(world: World) -> None:
    await world.ask("PATCH", f"/api/projects/{PROJECT}", PRODUCTION)
    await world.cut("1.4.0-rc1")
    await world.deploy("1.4.0-rc1")
    await world.settle()
    world.github.faults.webhooks(drop=1.0)
    await world.github.tag("v1.4.0")
    await world.github.settle()
    push = next(sent.payload for sent in reversed(world.github.deliveries) if sent.event == "push")
    world.github.faults.clear()
    await world.github.finish(run=1)
    await world.settle()
    late = {**push, "repository": {**push["repository"], "pushed_at": push["repository"]["pushed_at"] - 1}}
    await world.github.send("push", late)
    await world.settle()
    assert await counts() == (1, 1)
    assert len(await world.audit("tag.ignored")) == 1


async def test_after_the_deployment_a_persons_tag_deploys(world: World) -> None:
    await world.ask("PATCH", f"/api/projects/{PROJECT}", PRODUCTION)
    await world.cut("1.4.0-rc1")
    await world.complete_deployment("1.4.0-rc1")
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    await Deployment.all().update(deploy_end_at=long_ago, created_at=long_ago)
    world.github.person("mia", "maintain")
    await world.github.tag("v1.4.0", by="mia")
    await world.settle()
    assert await world.statuses("production") == [("1.4.0-rc1", "pending")]


async def test_a_release_that_a_person_publishes_counts_as_the_tag_that_it_creates(world: World) -> None:
    await world.ask("PATCH", f"/api/projects/{PROJECT}", PRODUCTION)
    await world.cut("1.4.0-rc1")
    world.github.person("mia", "maintain")
    await world.github.release("v1.4.0", by="mia")
    await world.settle()
    assert await world.statuses("production") == [("1.4.0-rc1", "pending")]


async def test_bots_are_not_answered_whatever_they_push(world: World) -> None:
    world.github.state.account("helper[bot]", "Bot")
    for tag in ("v1.4.0-rc1", "v1.4.0rc1", "v1.4.0"):
        await world.github.tag(tag, by="helper[bot]", annotated=True, message="/release status")
    await world.settle()
    assert (await counts(), answers(world, world.github.head())) == ((0, 0), [])
    assert {entry.subject for entry in await world.audit("tag.ignored")} == {"v1.4.0-rc1", "v1.4.0rc1"}
