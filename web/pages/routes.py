"""All pages, in no particular order."""

from collections.abc import Sequence

from web.pages import (
    announcements,
    board,
    candidates,
    deployments,
    environments,
    live,
    projects,
    schedules,
    search,
    settings,
    setup,
    sign_in,
    waiting,
)
from web.routes import Route

ROUTES: Sequence[Route] = (
    *announcements.ROUTES,
    *board.ROUTES,
    *candidates.ROUTES,
    *deployments.ROUTES,
    *environments.ROUTES,
    *live.ROUTES,
    *projects.ROUTES,
    *schedules.ROUTES,
    *search.ROUTES,
    *settings.ROUTES,
    *sign_in.ROUTES,
    *setup.ROUTES,
    *waiting.ROUTES,
)
