"""The part of `longshore check` that is about repositories: whether they are reachable, and their workflow files."""

from collections.abc import Awaitable, Callable, Sequence
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
CHECK = "repositories"

T = TypeVar("T")


async def reachable(context: Context) -> Sequence[Line]:
    """Check whether the App reaches the repository of each project."""
    found = await Repository.filter(projects__archived=False).distinct().order_by("full_name")
    if not found:
        return [Line(CHECK, "warning", "There is no project with a repository yet.", "Make one: see /setup.")]
    return await _each(CHECK, found, lambda row: _repository(context, row), "repositories")


async def workflow_files(context: Context) -> Sequence[Line]:
    """Check the workflow files of all projects whose repositories are reachable, at the tip of the default branch."""
    uses = await _uses()
    if not uses:
        return [Line(workflow_checks.CHECK, "warning", "No project starts a workflow yet.")]
    return await _each(workflow_checks.CHECK, uses, lambda found: _workflow(context, *found), "workflow files")


async def _each(
    check: str, found: Sequence[T], examine: Callable[[T], Awaitable[Sequence[Line]]], what: str
) -> Sequence[Line]:
    """The lines about each, one after the other, so that GitHub is asked politely; so many at most."""
    lines: list[Line] = []
    for each in found[:MAX_CHECKED]:
        try:
            lines += await examine(each)
        except DatabaseUnavailable:
            raise
        except Problem as problem:
            reason = str(problem.details.get("reason") or "")
            lines.append(Line(check, "failure", f"{problem.sentence.rstrip('.')}.", reason))
    if len(found) > MAX_CHECKED:
        sentence = f"{len(found) - MAX_CHECKED:,} more {what} were not checked."
        lines.append(Line(check, "warning", sentence, "The first ones were: it would take too many requests."))
    return lines


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
        for name in workflow_checks.environments_unasked(use, content)
        if await app_settings.has_own_rule(client, name)
    ]
    return [*workflow_checks.lines(use, content, INPUT_PREFIX), *unused]
