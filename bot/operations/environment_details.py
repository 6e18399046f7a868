"""An environment in full: what is there, the history of its deployments, and what its gates ask for."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.context import READ, Context, allowed, unknown_environment
from bot.operations import board, deployment_histories, environment_gates, offers
from bot.operations.deployment_histories import DeploymentLine
from bot.operations.environment_gates import Weakening
from bot.rules import gate_settings, gate_words
from bot.rules.access import Access
from bot.rules.board import EnvironmentState, ProjectState
from bot.rules.gate_results import Gate
from bot.rules.github_pages import RepositoryPages
from bot.store import deployment_queries
from bot.store.projects import Environment, Project

PAGE_SIZE = 25
CHARTED = 60  # deployments


@dataclass(frozen=True)
class EnvironmentDetails:
    """An environment as its page shows it. `older` is the id before which the next page of its history begins, if any.

    `charted` are its newest deployments. `gates` and `notes` say what its settings ask for;
    `weakened` is the last change over REST after which they asked for less.
    """

    project: Project
    environment: Environment
    overview: ProjectState
    state: EnvironmentState
    history: Sequence[DeploymentLine]
    older: int | None
    charted: Sequence[DeploymentLine]
    gates: Sequence[tuple[Gate, str]]
    notes: Sequence[str]
    weakened: Weakening | None
    access: Access
    pages: RepositoryPages | None


@allowed(READ)
async def read(context: Context, project: Project, name: str, *, before: int | None = None) -> EnvironmentDetails:
    """Read an environment with a page of its history, newest first, of deployments with ids below `before`."""
    environment = await Environment.get_or_none(project_id=project.id, name=name)
    if environment is None:
        raise await unknown_environment(context, project, name)
    pages, overview = offers.pages_of(context, project), await board.of_project(context, project)
    newest = await deployment_queries.of_environment(environment.id, before=None, limit=CHARTED)
    rows = newest
    if before is not None:
        rows = await deployment_queries.of_environment(environment.id, before=before, limit=PAGE_SIZE + 1)
    settings = gate_settings.read(environment.gate_settings)
    weakened = await environment_gates.last_weakenings(project.id)
    return EnvironmentDetails(
        project=project,
        environment=environment,
        overview=overview,
        state=next(each for each in overview.environments if each.name == name),
        history=deployment_histories.lines(rows[:PAGE_SIZE], pages),
        older=rows[PAGE_SIZE - 1]["id"] if len(rows) > PAGE_SIZE else None,
        charted=deployment_histories.lines(newest, pages),
        gates=gate_words.in_sentences(settings, environment.tier),
        notes=gate_words.notes(settings),
        weakened=weakened.get(environment.id),
        access=offers.access_to(context, project),
        pages=pages,
    )
