"""The board: a row a project, a column an environment."""

from aiohttp import web

from bot.operations import board
from bot.rules.board import ProjectState, columns
from web.requests import PageRequest
from web.routes import Route


async def show(page: PageRequest) -> web.StreamResponse:
    """Show the board, or set-up to an operator while there is no App. Programs find nothing here."""
    if not page.wants_html:
        raise web.HTTPNotFound
    page.admit("reader")
    if page.is_operator and not page.context.github.is_configured:
        return page.redirect("/setup")
    words = page.query("q")[:100]
    projects = await board.read(page.context, words=words)
    return await page.render(
        "board.html",
        projects=projects,
        columns=columns(projects),
        words=words,
        is_wall="wall" in page.request.query,
        under_way=sum(environment.running is not None for each in projects for environment in each.environments),
        waiting=sum(environment.waiting is not None for each in projects for environment in each.environments),
    )


async def show_row(page: PageRequest) -> web.StreamResponse:
    """Show the row of one project, with the columns of the board on which it stands."""
    projects = await board.read(page.context, project=page.part("project"))
    names = page.request.query.getall("column", [])[:100] or columns(projects)
    return await page.render("board_row.html", project=_only(projects), columns=names)


def _only(projects: list[ProjectState]) -> ProjectState:
    if not projects:
        raise web.HTTPNotFound
    return projects[0]


ROUTES = (
    Route("GET", "/", show, "anyone"),
    Route("GET", "/board/{project:[^/]+}", show_row),
)
