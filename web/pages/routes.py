"""All pages, in no particular order."""

from collections.abc import Sequence

from web.pages import (
    announcements,
    audit,
    board,
    live,
    operations,
    schedules,
    self_check,
)
from web.routes import Route

ROUTES: Sequence[Route] = (
    *announcements.ROUTES,
    *audit.ROUTES,
    *board.ROUTES,
    *live.ROUTES,
    *operations.ROUTES,
    *schedules.ROUTES,
    *self_check.ROUTES,
)
