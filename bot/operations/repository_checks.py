"""The part of `longshore check` that is about repositories: whether they are reachable, and their workflow files."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bot.context import Context
from bot.errors import DatabaseUnavailable, Problem
from bot.github import app_settings, repositories, workflows
from bot.github.workflows import DispatchDenied
from bot.operations.workflows.dispatch import INPUT_PREFIX
from bot.rules import workflow_checks
from bot.rules.runs import workflow_path
from bot.rules.self_checks import Line
from bot.rules.workflow_checks import WorkflowUse
from bot.store.projects import Environment, Project, Repository

MAX_CHECKED = 50  # repositories, and workflow files: each costs at least one request
AT_ONCE = 4  # questions to GitHub
CHECK = "repositories"

T = TypeVar("T")


@dataclass(frozen=True)
class Kind:
    """What is checked one by one: the name of the check, and the things in the plural."""

    check: str
    plural: str


async def reachable(context: Context, seconds: float) -> Sequence[Line]:
    """Check whether the App reaches the repository of each project, as many as GitHub tells of in so many seconds."""
    found = await Repository.filter(projects__archived=False).distinct().order_by("full_name")
    if not found:
        return [Line(CHECK, "warning", "There is no project with a repository yet.", "Make one: see /setup.")]
    return await _each(Kind(CHECK, "repositories"), found, lambda row: _repository(context, row), seconds)


async def workflow_files(context: Context, seconds: float) -> Sequence[Line]:
    """Check the workflow files of all projects whose repositories are reachable, at the tip of the default branch.

    As many are checked as GitHub sends in so many seconds.
    """
    uses = await _uses()
    if not uses:
        return [Line(workflow_checks.CHECK, "warning", "No project starts a workflow yet.")]
    kind = Kind(workflow_checks.CHECK, "workflow files")
    return await _each(kind, uses, lambda found: _workflow(context, *found), seconds)


async def _each(
    kind: Kind, found: Sequence[T], examine: Callable[[T], Awaitable[Sequence[Line]]], seconds: float
) -> Sequence[Line]:
    """The lines about each, in their order; so many at most. What is not known after some seconds is left out."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def take_turn(each: T) -> Sequence[Line]:
        async with turns:
            return await _examine(kind.check, examine(each))

    tasks = [asyncio.create_task(take_turn(each)) for each in found[:MAX_CHECKED]]
    try:
        await asyncio.wait(tasks, timeout=seconds)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    done = [task for task in tasks if not task.cancelled()]
    lines = [line for task in done for line in task.result()]
    if len(done) < len(tasks):
        sentence = f"GitHub did not answer about {len(tasks) - len(done)} of {len(tasks)} {kind.plural} in time."
        remedy = "They were not checked. Try again later."
        lines.append(Line(kind.check, "warning" if done else "failure", sentence, remedy))
    if len(found) > MAX_CHECKED:
        sentence = f"{len(found) - MAX_CHECKED:,} more {kind.plural} were not checked."
        lines.append(Line(kind.check, "warning", sentence, "The first ones were: it would take too many requests."))
    return lines


async def _examine(check: str, examined: Awaitable[Sequence[Line]]) -> Sequence[Line]:
    try:
        return await examined
    except DatabaseUnavailable:
        raise
    except Problem as problem:
        reason = str(problem.details.get("reason") or "")
        return [Line(check, "failure", f"{problem.sentence.rstrip('.')}.", reason)]


async def _repository(context: Context, row: Repository) -> Sequence[Line]:
    if row.installation_id is None:
        sentence = f"The App is not installed on {row.full_name}, or cannot see it any more."
        return [Line(CHECK, "failure", sentence, "Install it there, or choose the repository in the installation.")]
    fact = await repositories.get(context.client_for(row))
    if fact is None:
        sentence = f"GitHub does not show {row.full_name} to the App."
        return [Line(CHECK, "failure", sentence, "Does the installation still reach it? Is it suspended?")]
    if fact.archived:
        return [Line(CHECK, "warning", f"{fact.full_name} is archived: nothing can be cut or deployed there.")]
    return [Line(CHECK, "ok", f"{fact.full_name} is reachable.")]


async def _uses() -> Sequence[tuple[WorkflowUse, Repository]]:
    """Every file that a project starts, with the environments that it deploys to."""
    found: list[tuple[WorkflowUse, Repository]] = []
    projects = await Project.filter(archived=False, repository__installation_id__not_isnull=True).order_by("name")
    rows = {row.github_id: row for row in await Repository.filter(projects__archived=False).distinct()}
    environments = await Environment.filter(project_id__in=[each.id for each in projects]).order_by("position", "id")
    for project in projects:
        repository = rows[project.repository_id]  # type: ignore[index]
        own = [each for each in environments if each.project_id == project.id]
        found += [(use, repository) for use in _uses_of(project, repository.full_name, own)]
    return found


def _uses_of(project: Project, full_name: str, environments: Sequence[Environment]) -> Sequence[WorkflowUse]:
    found = []
    if project.build_workflow:
        path = workflow_path(project.build_workflow)
        found.append(WorkflowUse(project.name, full_name, "build", path, (), frozenset(project.build_inputs)))
    for workflow in dict.fromkeys(each.workflow for each in environments if each.workflow):
        served = [each for each in environments if each.workflow == workflow]
        settings = frozenset(name for each in served for name in each.inputs)
        names = [each.name for each in served]
        found.append(WorkflowUse(project.name, full_name, "deploy", workflow_path(workflow), names, settings))
    return found


async def _workflow(context: Context, use: WorkflowUse, repository: Repository) -> Sequence[Line]:
    client, branch = context.client_for(repository), repository.default_branch
    try:
        content = (await workflows.get_file(client, use.path, branch, branch)).content
    except DispatchDenied as denied:
        return [workflow_checks.denied(use, denied.sentence)]
    unused = [
        workflow_checks.rule_unused(use, name)
        for name in workflow_checks.environments_without_deployment(use, content)
        if await app_settings.has_own_rule(client, name)
    ]
    return [*workflow_checks.lines(use, content, INPUT_PREFIX), *unused]
