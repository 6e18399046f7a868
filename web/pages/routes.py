"""All pages, in no particular order."""

from collections.abc import Sequence

from web.pages import (
    board,
    candidates,
    deployments,
    environments,
    live,
    projects,
)
from web.routes import Route

ROUTES: Sequence[Route] = (
    *board.ROUTES,
    *candidates.ROUTES,
    *deployments.ROUTES,
    *environments.ROUTES,
    *live.ROUTES,
    *projects.ROUTES,
)
