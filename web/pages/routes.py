"""All pages, in no particular order."""

from collections.abc import Sequence

from web.pages import board, candidates, deployments, environments, projects
from web.routes import Route

ROUTES: Sequence[Route] = (
    *board.ROUTES,
    *candidates.ROUTES,
    *deployments.ROUTES,
    *environments.ROUTES,
    *projects.ROUTES,
)
