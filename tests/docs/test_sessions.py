"""Run every session in the documentation against the service and compare the responses."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.operations import personal_tokens
from bot.operations.users import NewToken
from tests.docs.sessions import Step, difference, parse_steps
from tests.world import World

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES_WITH_SESSIONS = [str(page.relative_to(ROOT)) for page in PAGES if "$ curl " in page.read_text()]
TIMEOUT = 20.0  # seconds


async def _finish_run(world: World, conclusion: str) -> None:
    await world.github.finish(run=len(world.github.runs), conclusion=conclusion)


ACTIONS: dict[str, Callable[[World], Awaitable[None]]] = {
    "GitHub runs the workflow, and it succeeds.": lambda world: _finish_run(world, "success"),
    "GitHub runs the workflow, and it fails.": lambda world: _finish_run(world, "failure"),
}
"""Remarks that trigger something; other remarks have no effect."""


async def session_environment(world: World) -> dict[str, str]:
    """Return the variables that commands may use: URLs, tokens, and the newest commit of `acme/site`."""
    return {
        "PATH": os.environ["PATH"],
        "LONGSHORE": world.url,
        "SANDBOX": world.service.settings.github_api_url.rstrip("/"),
        "TOKEN": world.token,
        "READER": await world.create_token("project:read", "content:read", user="reader"),
        "COMMIT": world.github.head(),
    }


async def _personal_token(world: World, login: str) -> str:
    """Return a personal token of a maintainer."""
    world.github.person(login, "maintain")
    new = NewToken(f"{login}-laptop", ["project:read", "deployment:start"])
    return (await personal_tokens.create_for(await world.context(), login, new))[1]


async def run_command(command: str, environment: dict[str, str]) -> str:
    """Run a command in bash; return its standard output, followed by its standard error if it failed."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), TIMEOUT)
    finally:
        if process.returncode is None:
            process.kill()
    return output.decode() + (errors.decode() if process.returncode else "")


async def run_step(world: World, step: Step, environment: dict[str, str]) -> str:
    """Run a step; return how its response differs from the documented one, or an empty text."""
    if step.remark:
        if step.remark in ACTIONS:
            await ACTIONS[step.remark](world)
        return ""
    return difference(step.expected, await run_command(step.command, environment))


@pytest.mark.parametrize("page", PAGES_WITH_SESSIONS)
async def test_every_response_in_the_documentation_is_the_actual_one(world: World, page: str) -> None:
    """Run one page's sessions in a world with the project `site` of `acme/site` and its two environments."""
    environment, failures, text = await session_environment(world), [], (ROOT / page).read_text()
    if "$ALICE" in text:
        environment["ALICE"] = await _personal_token(world, "alice")
    for step in parse_steps(text):
        if diff := await run_step(world, step, environment):
            failures.append(f"{page}:{step.line}\n$ {step.command}\n{diff}\n")
        await world.settle()
    assert not failures, "\n" + "\n".join(failures)
