"""Writes to GitHub go one at a time: those that only show something let those pass that make something happen."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.github import check_runs, comments, deployments
from bot.github.deployments import NewDeployment
from bot.github.repository import RepositoryClient
from bot.rules.checks import CheckRunContent
from bot.rules.ids import CommitSha
from tests.world import World

Show = Callable[[RepositoryClient, CommitSha, int], Awaitable[object]]

SHOWN: dict[str, Show] = {
    "check-runs": lambda client, sha, number: check_runs.create(
        client, CheckRunContent("a", sha, str(number), "queued", "a", "a")
    ),
    "deployments": lambda client, sha, number: deployments.create(
        client, NewDeployment(sha, "staging", str(number), production=False)
    ),
    "comments": lambda client, sha, number: comments.post(client, "commit", sha, f"Hello {number}"),
}


@pytest.mark.parametrize("path", SHOWN)
async def test_a_dispatch_waits_for_no_more_than_two_writes_that_only_show_something(
    world: World, client: RepositoryClient, path: str
) -> None:
    sha, url = CommitSha(world.github.head()), f"{client.root}/actions/workflows/build.yml/dispatches"
    await SHOWN[path](client, sha, 0)
    await client.request("POST", url, purpose="run", data={"ref": "main"})  # both tokens are minted by now
    world.github.faults.slow(0.3, path=f"*/{path}", times=None)
    world.github.forget_calls()
    shown = [asyncio.ensure_future(SHOWN[path](client, sha, number)) for number in range(1, 5)]
    await asyncio.sleep(0.02)
    await client.request("POST", url, purpose="run", data={"ref": "main"})
    await asyncio.gather(*shown)
    posts = [call.path.rpartition("/")[2] for call in world.github.calls if call.method == "POST"]
    assert sorted(posts) == sorted(["dispatches", *[path] * 4])
    assert posts.index("dispatches") <= 2
