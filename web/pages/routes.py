"""All pages, in no particular order."""

from collections.abc import Sequence

from web.pages import (
    announcements,
    audit,
    board,
    candidates,
    deployments,
    environments,
    live,
    operations,
    projects,
    schedules,
    search,
    self_check,
    settings,
    setup,
    sign_in,
    waiting,
)
from web.routes import Route

ROUTES: Sequence[Route] = (
    *announcements.ROUTES,
    *audit.ROUTES,
    *board.ROUTES,
    *candidates.ROUTES,
    *deployments.ROUTES,
    *environments.ROUTES,
    *live.ROUTES,
    *operations.ROUTES,
    *projects.ROUTES,
    *schedules.ROUTES,
    *search.ROUTES,
    *self_check.ROUTES,
    *settings.ROUTES,
    *sign_in.ROUTES,
    *setup.ROUTES,
    *waiting.ROUTES,
)
