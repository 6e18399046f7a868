"""The board: a row a project, a column an environment."""

from aiohttp import web
from markupsafe import Markup

from bot.operations import board
from bot.rules.board import ProjectState, columns
from web.requests import PageRequest
from web.routes import Route

FRESH_SECONDS = 10
"""How old the ages on the board may be; in the browser, they are kept current by the page."""


async def show(page: PageRequest) -> web.StreamResponse:
    """Show the board, or set-up to an operator while there is no App. Programs find nothing here."""
    if not page.wants_html:
        raise web.HTTPNotFound
    page.admit("reader")
    if page.is_operator and not page.context.github.is_configured:
        return page.redirect("/setup")
    words = page.query("q")[:100]
    projects = await board.read(page.context, words=words)
    names = tuple(columns(projects))
    return await page.render(
        "board.html",
        rows=[_row(page, project, names) for project in projects],
        columns=names,
        words=words,
        is_wall="wall" in page.request.query,
        under_way=sum(environment.running is not None for each in projects for environment in each.environments),
        waiting=sum(environment.waiting is not None for each in projects for environment in each.environments),
        blocked=sum(each.is_blocked for each in projects),
    )


async def show_row(page: PageRequest) -> web.StreamResponse:
    """Show the row of one project, with the columns of the board on which it stands."""
    projects = await board.read(page.context, project=page.part("project"))
    names = tuple(page.request.query.getall("column", [])[:100] or columns(projects))
    return await page.render("board_part.html", row=_row(page, _only(projects), names))


def _row(page: PageRequest, project: ProjectState, names: tuple[str, ...]) -> Markup:
    """The row of a project. It is rendered anew when something has changed, or once its ages are a little too old."""
    key = (project, names, int(page.now.timestamp()) // FRESH_SECONDS)
    return page.renderer.shared("board_row.html", key, page=page, project=project, columns=names)


def _only(projects: list[ProjectState]) -> ProjectState:
    if not projects:
        raise web.HTTPNotFound
    return projects[0]


ROUTES = (
    Route("GET", "/", show, "anyone"),
    Route("GET", "/board/{project:[^/]+}", show_row),
)
