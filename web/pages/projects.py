"""A project: its candidates, what is where, what is between two environments, and its settings."""

from aiohttp import web

from bot.operations import project_overviews
from bot.operations.project_overviews import ProjectOverview
from bot.rules.config_nodes import PATH as CONFIG_FILE
from bot.rules.ids import parse_row_id
from bot.rules.projects import EXTRA_DEFAULT_BRANCHES
from web.pages import project_acts as acts
from web.requests import PageRequest
from web.routes import Route

PROJECT = "/projects/{project:[^/]+}"


async def show(page: PageRequest) -> web.StreamResponse:
    """Show a project."""
    before = parse_row_id(page.query("before"))
    found = await project_overviews.read(page.context, page.part("project"), before=before)
    return await page.render(
        "project.html",
        found=found,
        project=found.project,
        before=before,
        settings=_settings(found),
        config_file=CONFIG_FILE,
    )


def _settings(found: ProjectOverview) -> list[tuple[str, str, str]]:
    """The settings of a project: the column that sets each, its name for people, and its value."""
    project = found.project
    branches = project.allowed_branches or ("the default branch", *EXTRA_DEFAULT_BRANCHES)
    inputs = ", ".join(f"{name}: {value}" for name, value in project.build_inputs.items())
    return [
        ("build_workflow", "Build", project.build_workflow or "none: candidates are ready when they are cut"),
        ("build_inputs", "Build inputs", inputs or "none"),
        ("build_deadline_minutes", "A build may take", f"{project.build_deadline_minutes} min"),
        ("allowed_branches", "Branches to cut from", ", ".join(branches)),
        ("version_scheme", "Versions", project.version_scheme),
        ("tag_prefix", "Tags of candidates begin with", project.tag_prefix if project.tag_candidates else "no tags"),
        ("trigger_tag_prefix", "Pushed tags that cut begin with", project.trigger_tag_prefix),
        ("promote_on_tag", "A release's tag promotes to", project.promote_on_tag or "no environment"),
    ]


ROUTES = (
    Route("GET", PROJECT, show),
    Route("POST", f"{PROJECT}/freeze", acts.freeze, "person", show),
    Route("POST", f"{PROJECT}/unfreeze", acts.unfreeze, "person", show),
    Route("POST", f"{PROJECT}/hold", acts.hold, "person", show),
    Route("POST", f"{PROJECT}/unhold", acts.unhold, "person", show),
    Route("GET", f"{PROJECT}/cut", acts.plan_cut, "person"),
    Route("POST", f"{PROJECT}/cut", acts.cut, "person", acts.plan_cut),
)
