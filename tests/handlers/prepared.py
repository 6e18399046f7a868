"""Worlds in which a command has something to do: what has to be so before each, by the first word of its row."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.store.projects import Environment
from tests.operations.configured import GATED, SITE, STAGING, UNCHECKED, push
from tests.world import PROJECT, World

PROJECTS = f"/api/projects/{PROJECT}"
RULE: dict[str, Any] = {"approvals": {"count": 1, "from": ["role:read"]}}

Preparation = Callable[[World, str], Awaitable[None]]
"""Makes a world ready for a command about an environment and the candidate 1.4.0-rc1, which exists."""


async def must(world: World, method: str, path: str, body: Any = None) -> None:
    """Send a request as the admin that has to succeed."""
    answer = await world.ask(method, path, body)
    assert answer.status < 300, answer.json


async def nothing(world: World, environment: str) -> None:
    """The candidate suffices."""


async def under_way(world: World, environment: str) -> None:
    await must(world, "POST", f"/api/releases/{PROJECT}/environments/{environment}/deployments", CANDIDATE)


async def deployed_twice(world: World, environment: str) -> None:
    """Both 1.3.0-rc1 and 1.4.0-rc1 were deployed: a pipeline reports it."""
    await world.cut("1.3.0-rc1")
    for version in ("1.3.0-rc1", "1.4.0-rc1"):
        assert (await world.report(version, "success", environment)).status == 200


async def needs_approval(world: World, environment: str) -> None:
    await Environment.filter(name=environment).update(gate_settings=RULE)


async def held(world: World, environment: str) -> None:
    await must(world, "POST", f"{PROJECTS}/releases/1.4.0/hold", {"reason": "before"})


async def banned(world: World, environment: str) -> None:
    await must(world, "POST", f"{PROJECTS}/candidates/1.4.0-rc1/ban", {"reason": "before"})


async def frozen(world: World, environment: str) -> None:
    await must(world, "POST", f"{PROJECTS}/environments/{environment}/freezes", {"reason": "before"})


async def has_notes(world: World, environment: str) -> None:
    await must(world, "PATCH", f"/api/projects/{PROJECT}/releases/1.4.0", {"notes": "Faster."})


async def announced(world: World, environment: str) -> None:
    body = {"release": {"version": "1.4.0", "changelog": "Faster."}}
    await must(world, "POST", f"/projects/{PROJECT}/releases.json", body)


async def weakened_by_file(world: World, environment: str) -> None:
    """The configuration file no longer asks for a check on production; carol has to approve that."""
    world.github.person("carol", "write")
    for gates in (GATED, UNCHECKED):
        await push(world, SITE + STAGING + gates)


CANDIDATE = {"release_candidate_version": "1.4.0-rc1"}
PREPARATIONS: Mapping[str, Preparation] = {
    "rollback": deployed_twice,
    "cancel": under_way,
    "approve": needs_approval,
    "approve config": weakened_by_file,
    "unhold": held,
    "unban": banned,
    "unfreeze": frozen,
    "announce": has_notes,
    "announcement approve": announced,
    "announcement reject": announced,
}


async def prepare(world: World, word: str, environment: str = "staging") -> None:
    """Make a world ready for a command. The candidate 1.4.0-rc1 must have been cut."""
    await PREPARATIONS.get(word, nothing)(world, environment)
