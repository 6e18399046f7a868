"""The first steps with a new App: where it is installed, what its repositories offer, and the first project.

For operators, who may see every repository that the App reaches.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.context import Context, authorize
from bot.errors import DatabaseUnavailable, Problem, Refusal, Unavailable
from bot.github import installations, workflows
from bot.github.installations import InstallationSummary
from bot.github.workflows import DispatchDenied
from bot.operations import environments, projects, repositories
from bot.rules import projects as rules
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.projects import Project

MAX_INSTALLATIONS = 20
MAX_PAGES = 3  # of 100 repositories each
MAX_WORKFLOWS = 30  # files that are read
AT_ONCE = 4  # questions to GitHub
USUAL = ("staging", "production")


@dataclass(frozen=True)
class Progress:
    """How far a service has come: its projects (the first few), and whether there was a candidate."""

    projects: Sequence[str]
    has_candidates: bool


@dataclass(frozen=True)
class Installations:
    """Where the App is installed, or why that is not known."""

    found: Sequence[InstallationSummary] = ()
    problem: Problem | None = None

    @property
    def repositories(self) -> list[str]:
        """The names of all repositories that are known."""
        return [name for each in self.found for name in each.repositories]


@dataclass(frozen=True)
class Offer:
    """What a repository offers: the workflow files that can be dispatched, other ones, and names for environments."""

    repository: str
    dispatchable: Sequence[str]
    others: Sequence[str]
    environments: Sequence[str]


@dataclass(frozen=True)
class NewEnvironment:
    """An environment of a new project. Without a workflow, its deployments are reported by somebody else."""

    name: str
    tier: str
    workflow: str


async def progress(context: Context) -> Progress:
    """Find out how far the service has come."""
    authorize(context.actor, "admin", everywhere=True)
    names = await Project.all().order_by("id").limit(5).values_list("name", flat=True)
    return Progress([str(name) for name in names], await Candidate.exists())


async def list_installed(context: Context) -> Installations:
    """Ask GitHub where the App is installed, and on which repositories. What it does not answer is a `problem`."""
    authorize(context.actor, "admin", everywhere=True)
    if not context.github.is_configured:
        return Installations()
    try:
        return Installations(await _list(context))
    except DatabaseUnavailable:
        raise
    except (Refusal, Unavailable) as problem:
        return Installations(problem=problem)


async def _list(context: Context) -> Sequence[InstallationSummary]:
    found = await installations.list_some(context.github, MAX_INSTALLATIONS)
    turns = asyncio.Semaphore(AT_ONCE)

    async def complete(each: InstallationSummary) -> InstallationSummary:
        async with turns:
            return await installations.with_repositories(context.github, each, MAX_PAGES)

    return await asyncio.gather(*map(complete, found))


async def offer(context: Context, full_name: str) -> Offer:
    """Ask GitHub which workflows a repository has on its default branch. Refuses one that the App does not reach."""
    authorize(context.actor, "admin", everywhere=True)
    repository = repositories.unstored(await repositories.find(context, full_name))
    client, ref = context.client_for(repository), repository.default_branch
    names = (await workflows.list_files(client, ref))[:MAX_WORKFLOWS]
    turns = asyncio.Semaphore(AT_ONCE)

    async def environments_of(name: str) -> frozenset[str] | None:
        async with turns:
            try:
                return (await workflows.get_file(client, name, ref, ref)).content.environments
            except DispatchDenied:
                return None

    found = dict(zip(names, await asyncio.gather(*map(environments_of, names)), strict=True))
    used = sorted(set().union(*(each for each in found.values() if each)))
    return Offer(
        repository.full_name,
        [name for name, environments in found.items() if environments is not None],
        [name for name, environments in found.items() if environments is None],
        used or USUAL,
    )


async def create(
    context: Context, name: str, repo: str, build_workflow: str, new_environments: Sequence[NewEnvironment]
) -> None:
    """Create a project with its environments: all of them, or nothing."""
    for each in new_environments:
        rules.check({"name": each.name, "tier": each.tier, "workflow": each.workflow or None}, rules.ENVIRONMENT)
    names = [each.name.lower() for each in new_environments]
    if len(set(names)) < len(names):
        raise Refusal("Two environments have the same name.", field="environments")
    new = await projects.prepare(context, name, repo, build_workflow=build_workflow or None)
    async with transaction():
        await projects.insert(context, new)
        for position, each in enumerate(new_environments):
            await environments.create(
                context, name, each.name, tier=each.tier, workflow=each.workflow or None, position=position
            )
