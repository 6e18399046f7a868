"""All pages, in no particular order."""

from collections.abc import Sequence

from web.pages import (
    announcements,
    board,
    live,
    schedules,
    self_check,
)
from web.routes import Route

ROUTES: Sequence[Route] = (
    *announcements.ROUTES,
    *board.ROUTES,
    *live.ROUTES,
    *schedules.ROUTES,
    *self_check.ROUTES,
)
