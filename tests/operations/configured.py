"""Configuration files of a repository, for tests to push, approve and look at."""

from typing import Any

from bot.operations import config_approvals, users
from bot.operations.config_approvals import ApprovedChange
from bot.operations.config_jobs import ApplyConfiguration
from bot.queue.jobs import enqueue
from bot.store.config_files import ConfigChange
from bot.store.projects import Environment, Repository
from tests.world import PROJECT, World

FILE = ".github/longshore.yml"
START = "version: 1\nprojects:\n"
SITE = START + "  site:\n    build: {workflow: build.yml}\n    environments:\n"
STAGING = "      staging: {tier: staging, workflow: deploy.yml}\n"
PRODUCTION = "      production: {tier: production, workflow: deploy.yml"
RULE = "approvals: {count: 1, from: [user:carol]}"
GATED = f"{PRODUCTION}, {RULE}, checks: [ci]}}\n"
UNCHECKED = f"{PRODUCTION}, {RULE}}}\n"


async def push(world: World, text: str | None, by: str = "alice") -> str:
    """Push the file to the default branch, and wait."""
    commit = await world.github.commit("Configure", files={FILE: text}, by=by)
    await world.settle()
    return commit


async def look_again(world: World) -> None:
    await enqueue(ApplyConfiguration((await Repository.get()).github_id))
    await world.settle()


async def environment(name: str = "production", project: str = PROJECT) -> Environment:
    return await Environment.get(project__name=project, name=name)


async def settings(name: str = "production") -> dict[str, Any]:
    return (await environment(name)).gate_settings


async def waiting() -> list[ConfigChange]:
    return await ConfigChange.filter(outcome=None).order_by("id").select_related("environment", "project")


async def approve(world: World, by: str, name: str = "production", role: str = "write") -> list[ApprovedChange]:
    """Approve as a person whose role GitHub tells, and wait."""
    person = world.github.person(by, role)
    context = await world.context()
    actor = await users.actor_from_github(context, person.id, by, await Repository.get())
    approved = await config_approvals.approve(context.acting_as(actor, "pull comment"), PROJECT, name)
    await world.settle()
    return approved


async def gated(world: World) -> str:
    """A world whose file gates production: carol's approval and a check."""
    world.github.person("carol")
    return await push(world, SITE + STAGING + GATED)
