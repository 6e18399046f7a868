"""The documentation against the service: every session in it is run, and every answer in it is one that is given."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.docs.sessions import Step, difference, steps
from tests.world import World

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SESSIONS = [str(page.relative_to(ROOT)) for page in PAGES if "$ curl " in page.read_text()]
SECONDS = 20.0


async def _finish(world: World, conclusion: str) -> None:
    await world.github.finish(run=len(world.github.runs), conclusion=conclusion)


TOLD: dict[str, Callable[[World], Awaitable[None]]] = {
    "GitHub runs the workflow, and it succeeds.": lambda world: _finish(world, "success"),
    "GitHub runs the workflow, and it fails.": lambda world: _finish(world, "failure"),
}
"""What happens elsewhere between two commands of a session when it says so; any other remark is one."""

PREPARED: dict[str, Callable[[World], Awaitable[None]]] = {}
"""What has happened before a page's first command, where its own sessions cannot bring it about."""


async def variables(world: World) -> dict[str, str]:
    """What the commands of a session may use: where we are, tokens, and the newest commit of `acme/site`."""
    return {
        "PATH": os.environ["PATH"],
        "LONGSHORE": world.url,
        "TOKEN": world.token,
        "READER": await world.with_grants("project:read", "content:read", user="reader"),
        "COMMIT": world.github.head(),
    }


async def perform(command: str, environment: dict[str, str]) -> str:
    """What a command prints; with what it complains of, where it fails."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment
    )
    try:
        printed, complaint = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    return printed.decode() + (complaint.decode() if process.returncode else "")


async def take(world: World, step: Step, environment: dict[str, str]) -> str:
    """Take a step; gives how what came of it differs from what is documented."""
    if step.told:
        if step.told in TOLD:
            await TOLD[step.told](world)
        return ""
    return difference(step.expected, await perform(step.command, environment))


@pytest.mark.parametrize("page", SESSIONS)
async def test_every_answer_in_the_documentation_is_the_one_that_is_given(world: World, page: str) -> None:
    """One page's sessions, in a world with the project `site` of `acme/site` and its two environments."""
    session = list(steps((ROOT / page).read_text()))
    if page in PREPARED:
        await PREPARED[page](world)
    environment, wrong = await variables(world), []
    for step in session:
        if diff := await take(world, step, environment):
            wrong.append(f"{page}:{step.line}\n$ {step.command}\n{diff}\n")
        await world.settle()
    assert not wrong, "\n" + "\n".join(wrong)
